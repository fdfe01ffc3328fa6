/**
 * The keys with which this browser opens encrypted payloads.
 *
 * PAYLOADKEY-1. They are in memory, and in the tab's `sessionStorage` only where the person asked for that. No call takes them
 *     along: payloads are decrypted in the browser, and what comes out is shown and sent nowhere.
 */
import { useSyncExternalStore } from "react";

const KEPT = "sirocco.payload-keys";

/** Hexadecimal digits. The last added is tried first. */
let keys: readonly string[] = load();
const listeners = new Set<() => void>();

function load(): readonly string[] {
  try {
    return (sessionStorage.getItem(KEPT) ?? "").split(" ").filter(Boolean);
  } catch {
    return []; // the browser refuses storage to this page
  }
}

/** Why the text is no key; undefined: it is one. */
export function keyProblem(text: string): string | undefined {
  const digits = text.trim();
  if (/^(?:[0-9a-f]{32}|[0-9a-f]{48}|[0-9a-f]{64})$/i.test(digits)) return undefined;
  return `A key has 32, 48 or 64 hexadecimal digits; this text has ${digits.length} characters.`;
}

/** `keep`: until the tab is closed, also over a reload. */
export function addKey(text: string, keep: boolean): void {
  const key = text.trim().toLowerCase();
  keys = [key, ...keys.filter((one) => one !== key)];
  try {
    if (keep) sessionStorage.setItem(KEPT, [key, ...load().filter((one) => one !== key)].join(" "));
  } catch {
    // It lasts as long as the page.
  }
  for (const listener of listeners) listener();
}

export function forgetKeys(): void {
  keys = [];
  try {
    sessionStorage.removeItem(KEPT);
  } catch {
    // Nothing was kept.
  }
  for (const listener of listeners) listener();
}

export const useKeys = (): readonly string[] =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => keys,
  );
