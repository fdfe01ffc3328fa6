/** The difference between two JSON values as a JSON Patch, with one operation more: `append`, for strings that grow. */
import { isMarked } from "../../shared/encoding/marked-text.ts";
import type { Json } from "../json.ts";
import { isPlainObject } from "../json.ts";

export type Patch =
  | { op: "add" | "replace"; path: string; value: Json }
  | { op: "remove"; path: string; value: null }
  | { op: "append"; path: string; value: string };

/** The patches that, applied in order, turn `before` into `after`; none if both are equal. */
export function patchesBetween(before: Json, after: Json): Patch[] {
  const patches: Patch[] = [];
  compare(before, after, "", patches);
  return patches;
}

function compare(before: Json, after: Json, path: string, patches: Patch[]): void {
  if (before === after) return;
  if (typeof before === "string" && typeof after === "string" && after.startsWith(before)) {
    patches.push({ op: "append", path, value: after.slice(before.length) });
  } else if (Array.isArray(before) && Array.isArray(after)) {
    compareArrays(before, after, path, patches);
  } else if (isPlainObject(before) && isPlainObject(after) && !isMarked(before) && !isMarked(after)) {
    compareObjects(before, after, path, patches);
  } else if (JSON.stringify(before) !== JSON.stringify(after)) {
    // A marked text changes as a whole: a change within it would not show that it is to be encrypted.
    patches.push({ op: "replace", path, value: after });
  }
}

function compareArrays(before: Json[], after: Json[], path: string, patches: Patch[]): void {
  const shared = Math.min(before.length, after.length);
  for (let i = 0; i < shared; i++) compare(before[i]!, after[i]!, `${path}/${i}`, patches);
  for (let i = before.length - 1; i >= shared; i--) patches.push({ op: "remove", path: `${path}/${i}`, value: null });
  for (let i = shared; i < after.length; i++) patches.push({ op: "add", path: `${path}/${i}`, value: after[i]! });
}

function compareObjects(
  before: { [key: string]: Json },
  after: { [key: string]: Json },
  path: string,
  patches: Patch[],
): void {
  for (const key of Object.keys(before)) {
    if (!Object.hasOwn(after, key)) patches.push({ op: "remove", path: `${path}/${escaped(key)}`, value: null });
  }
  for (const key of Object.keys(after)) {
    const place = `${path}/${escaped(key)}`;
    if (Object.hasOwn(before, key)) compare(before[key]!, after[key]!, place, patches);
    else patches.push({ op: "add", path: place, value: after[key]! });
  }
}

/** A key as JSON Pointer writes it. */
const escaped = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");
