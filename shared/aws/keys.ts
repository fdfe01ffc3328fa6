/**
 * Keys of the table Executions. An execution is one partition, so that a claim reads one place and the change stream
 * keeps its order.
 *
 * KEY-1. Every key begins with its workspace; ids hold no `#`, so no id can reach into another partition.
 * KEY-2. A run is found by its id alone. An id of version 7 says when it was made, which is when the run started: its entry
 *     in the `runs` index lies in the shard of the id, at that time, and costs no write of its own. An id that does not
 *     (a continued run takes the id that its predecessor's worker chose) gets a pointer item.
 */
import { createHash } from "node:crypto";
import type { Ref } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Key } from "./table.ts";

/** Entries of `due` move twice a drive: 16 shards carry about 8,000 drives a second. Never change: entries keep theirs. */
export const DUE_SHARDS = 16;
/** Entries of `runs` are written at start and close: 8 shards carry about 4,000 executions a second in one workspace. */
export const RUN_SHARDS = 8;

export const pkOf = (ref: Ref): string => `${ref.workspace}#${ref.execution}`;
export function refOf(pk: string): Ref {
  const i = pk.indexOf("#");
  return { workspace: pk.slice(0, i), execution: pk.slice(i + 1) };
}

export const HEAD = "HEAD";
export const headKey = (ref: Ref): Key => ({ pk: pkOf(ref), sk: HEAD });
export const runKey = (ref: Ref, run: string): Key => ({ pk: pkOf(ref), sk: `RUN#${run}` });

/** No history is longer than 51,200 events. */
const padded = (first: number): string => String(first).padStart(8, "0");
export const logPrefix = (run: string): string => `LOG#${run}#`;
export const logKey = (ref: Ref, run: string, first: number): Key => ({
  pk: pkOf(ref),
  sk: logPrefix(run) + padded(first),
});
export const firstOf = (sk: string): number => Number(sk.slice(sk.lastIndexOf("#") + 1));

export const inboxPrefix = (chain: string): string => `IN#${chain}#`;
/** A sort key has 1,024 bytes; an id that would not fit stands there as its digest. */
export const messageKey = (ref: Ref, chain: string, id: string): Key => ({
  pk: pkOf(ref),
  sk: inboxPrefix(chain) + (Buffer.byteLength(id) <= 512 ? id : createHash("sha256").update(id).digest("hex")),
});

export const activityKey = (ref: Ref, run: string, activity: number): Key => ({
  pk: pkOf(ref),
  sk: `ACT#${run}#${activity}`,
});
export const progressKey = (ref: Ref, run: string, id: string): Key => ({ pk: pkOf(ref), sk: `PROGRESS#${run}#${id}` });
export const expiryKey = (ref: Ref, run: string): Key => ({ pk: pkOf(ref), sk: `EXPIRE#${run}` });
/** Not an execution: ids of executions hold no slash. */
export const pointerKey = (workspace: string, run: string): Key => ({ pk: `${workspace}#/run/${run}`, sk: "POINTER" });
export const answerKey = (workspace: string, query: string): Key => ({
  pk: `${workspace}#/query/${query}`,
  sk: "ANSWER",
});

/** FNV-1a: spreads ids over shards; the same everywhere and for ever. */
function spread(value: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < value.length; i++) {
    hash ^= value.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0) % shards;
}
export const dueShard = (shard: number): string => `due#${shard}`;
export const dueShardOf = (pk: string): string => dueShard(spread(pk, DUE_SHARDS));
/** Closed runs whose items have yet to be given their expiry, in the same index. */
export const expiryShard = (shard: number): string => `expire#${shard}`;
export const expiryShardOf = (pk: string): string => expiryShard(spread(pk, DUE_SHARDS));
export const runsShard = (workspace: string, shard: number): string => `${workspace}#${shard}`;
export const runsShardOf = (workspace: string, run: string): string => runsShard(workspace, spread(run, RUN_SHARDS));

/** How far the time in a run's id may lie from its start. */
export const ID_WINDOW_MS: Millis = 5_000;
/** When an id of version 7 was made; undefined: it is of another version. */
export function timeOf(id: string): Millis | undefined {
  return id[14] === "7" && id.length === 36 ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : undefined;
}
/** KEY-2. */
export function needsPointer(run: string, startedAt: Millis): boolean {
  const made = timeOf(run);
  return made === undefined || Math.abs(made - startedAt) > ID_WINDOW_MS;
}

/** DynamoDB's expiry, in seconds. It deletes days late, so readers ask `isExpired`. */
export const ttlSeconds = (at: Millis): number => Math.ceil(at / 1000);
