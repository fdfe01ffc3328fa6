/** A downloaded history that a person looks at. It stays in the browser. */
import { useSyncExternalStore } from "react";
import { readJson } from "../api/json.ts";
import type { Shown } from "./store.ts";

export interface HistoryFile {
  readonly name: string;
  readonly events: readonly Shown[];
}

let current: HistoryFile | null = null;
const listeners = new Set<() => void>();

/** Throws an `Error` that says what is wrong with the file. */
export async function openFile(file: File): Promise<void> {
  current = { name: file.name, events: eventsOf(file.name, await file.text()) };
  for (const listener of listeners) listener();
}

export const useFile = (): HistoryFile | null =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );

/** The events of a downloaded history, or of a list of events. Exported for its test. */
export function eventsOf(name: string, text: string): Shown[] {
  const refused = (why: string) => new Error(`'${name}' is no downloaded history: ${why}.`);
  let read: unknown;
  try {
    read = readJson(text);
  } catch {
    throw refused("it is not JSON");
  }
  const list = Array.isArray(read) ? read : (read as { events?: unknown } | null)?.events;
  if (!Array.isArray(list) || list.length === 0) throw refused("it has no list of events");
  list.forEach((event, i) => {
    const { id, kind, at } = (event ?? {}) as Partial<Shown>;
    if (id !== i + 1 || typeof kind !== "string" || typeof at !== "number")
      throw refused(`its event ${i + 1} has no ascending id, kind and time`);
  });
  return list as Shown[];
}
