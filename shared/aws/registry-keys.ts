/** Keys and ids of the registry, which are digests: workers that register at once write the same items. */
import { createHash, hash } from "node:crypto";
import type { KeyRecord } from "../ports.ts";
import { type Item, type Key, text } from "./table.ts";

export const abilitiesKey = (workspace: string, id: string): Key => ({ pk: workspace, sk: `A#${id}` });

/** In a partition of its own, so that lists of the workspace do not read definitions (REGISTER-1). */
export const definitionKey = (workspace: string, digest: string): Key => ({
  pk: `${workspace}#definitions`,
  sk: digest,
});
/** Among the registrations of the workflow, whose keys end with their deployment: one query reads both. */
export const currentKey = (workspace: string, workflow: string): Key => ({ pk: workspace, sk: `R#${workflow}#` });
export const holdsKey = (workspace: string): Key => ({ pk: workspace, sk: "HOLDS" });
/** The workspaces with a release, for the sweeper. */
export const RELEASES = "releases";
export const digestOf = (definition: unknown): string => hash("sha256", JSON.stringify(definition), "base64url");

/** A UUID of version 8 (custom), the same for the same names. */
export function idFor(...names: string[]): string {
  const bytes = createHash("sha256").update(JSON.stringify(names)).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export const KEY_ENTRIES = "K#";
export const keyEntry = (workspace: string, hash: string) => ({ pk: workspace, sk: KEY_ENTRIES + hash });
export const keyOf = (item: Item): KeyRecord => JSON.parse(text(item, "record")!) as KeyRecord;

/** By its hash alone: a request is not in a workspace before its key says in which. */
export const apiKey = (hash: string) => ({ pk: `key#${hash}`, sk: "KEY" });
