/** Applies the patches in which the events of a task say how its state changed. */

import type * as z from "zod";
import type { JsonPatch } from "../../shared/protocol/http/event-types.ts";
import { copyJson, type Json, setKey } from "../plain-json.ts";

/** The state after these patches; `state` itself stays as it is. */
export function patched(state: Json, patches: readonly z.infer<typeof JsonPatch>[]): Json {
  const root: Record<string, unknown> = { "": copyJson(state) };
  for (const { op, path, value } of patches) {
    const keys = path.split("/").map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = keys.pop() as string;
    let place: unknown = root;
    // The first key of a pointer is the empty text before its first slash: the root.
    for (const key of keys) place = at(place, key);
    if (Array.isArray(place)) inArray(place, last, op, value);
    else if (typeof place === "object" && place !== null) inObject(place as Record<string, unknown>, last, op, value);
  }
  return root[""] as Json;
}

const at = (place: unknown, key: string): unknown =>
  typeof place === "object" && place !== null && Object.hasOwn(place, key)
    ? (place as Record<string, unknown>)[key]
    : undefined;

function inArray(list: unknown[], key: string, op: string, value: unknown): void {
  const index = key === "-" ? list.length : Number(key);
  if (op === "remove") list.splice(index, 1);
  else if (op === "add") list.splice(index, 0, value);
  else list[index] = op === "append" ? `${list[index] ?? ""}${value}` : value;
}

function inObject(object: Record<string, unknown>, key: string, op: string, value: unknown): void {
  if (op === "remove") delete object[key];
  else setKey(object, key, op === "append" ? `${at(object, key) ?? ""}${value}` : value);
}

/** The value at a JSON pointer, such as `/text`; the empty pointer is the whole value. */
export function valueAt(state: unknown, pointer: string): unknown {
  const keys = pointer.split("/").slice(1);
  return keys.reduce<unknown>((place, key) => at(place, key.replaceAll("~1", "/").replaceAll("~0", "~")), state);
}
