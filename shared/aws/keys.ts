/**
 * Keys of the table Executions. An execution is one partition: a claim reads one partition, and the change stream keeps
 * the order of the execution's records.
 *
 * KEY-1. Every key begins with its workspace, and ids hold no `#`: no id can name a key of another partition.
 * KEY-2. A run is found by its id alone. A UUID of version 7 contains the time at which it was made, which is the start of
 *     the run: the run's entry in the index `runs` is in the shard of the id, at that time, and costs no further write. A
 *     run with another id (the worker of the previous run chooses the id of a continued run) gets a pointer item.
 */
import { createHash } from "node:crypto";
import type { Ref } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Key } from "./table.ts";

/**
 * A start and a close write an entry of `due`, a wait four more: 16 shards carry about 2,700 runs with a wait each a second. An
 * installation may have more for its executions (DUESHARDS-1). Do not change: existing entries stay in the shard they were written to.
 */
export const DUE_SHARDS = 16;
/** A start and a close write an entry of `runs`: 8 shards carry about 4,000 executions a second in one workspace. */
export const RUN_SHARDS = 8;
/** A question to a person writes an entry of `inputs` when it begins and when it ends. */
export const INPUT_SHARDS = 4;

export const pkOf = (ref: Ref): string => `${ref.workspace}#${ref.execution}`;
export function refOf(pk: string): Ref {
  const i = pk.indexOf("#");
  return { workspace: pk.slice(0, i), execution: pk.slice(i + 1) };
}

export const HEAD = "HEAD";
export const headKey = (ref: Ref): Key => ({ pk: pkOf(ref), sk: HEAD });
export const runKey = (ref: Ref, run: string): Key => ({ pk: pkOf(ref), sk: `RUN#${run}` });

/** Eight digits: a history has 51,200 events at most. */
const padded = (first: number): string => String(first).padStart(8, "0");
export const logPrefix = (run: string): string => `LOG#${run}#`;
export const logKey = (ref: Ref, run: string, first: number): Key => ({
  pk: pkOf(ref),
  sk: logPrefix(run) + padded(first),
});
export const firstOf = (sk: string): number => Number(sk.slice(sk.lastIndexOf("#") + 1));

export const inboxPrefix = (chain: string): string => `IN#${chain}#`;
/** The counter of a chain's messages. Outside the prefix of the inbox, so that reading the inbox does not read it. */
export const messageCounterKey = (ref: Ref, chain: string): Key => ({ pk: pkOf(ref), sk: `SEQ#${chain}` });
/** A sort key has 1,024 bytes at most. A message id that would not fit is replaced by its digest. */
export const messageKey = (ref: Ref, chain: string, id: string): Key => ({
  pk: pkOf(ref),
  sk: inboxPrefix(chain) + shortId(id),
});
const shortId = (id: string): string =>
  Buffer.byteLength(id) <= 512 ? id : createHash("sha256").update(id).digest("hex");

export const activityPrefix = (run: string): string => `ACT#${run}#`;
export const activityKey = (ref: Ref, run: string, activity: number): Key => ({
  pk: pkOf(ref),
  sk: activityPrefix(run) + activity,
});
/** The group of log records at a place of the execution. */
export const logRecordsKey = (ref: Ref, first: number): Key => ({
  pk: pkOf(ref),
  sk: RECORDS + String(first).padStart(10, "0"),
});
export const RECORDS = "RECORDS#";
/** Shards of the index `due` for the groups of log records of a deployment: four carry about 4,000 groups a second. */
export const RECORD_SHARDS = 4;
export const recordShard = (workspace: string, deployment: string, shard: number): string =>
  `records#${workspace}#${deployment}#${shard}`;
export const recordShardOf = (ref: Ref, deployment: string): string =>
  recordShard(ref.workspace, deployment, hashTo(ref.execution, RECORD_SHARDS));
export const expiryKey = (ref: Ref, run: string): Key => ({ pk: pkOf(ref), sk: `EXPIRE#${run}` });
/** No execution has this partition: ids of executions hold no slash. */
export const pointerKey = (workspace: string, run: string): Key => ({ pk: `${workspace}#/run/${run}`, sk: "POINTER" });
export const answerKey = (workspace: string, query: string): Key => ({
  pk: `${workspace}#/query/${query}`,
  sk: "ANSWER",
});

/** Outside of the execution's partition: nobody who reads that should read these. */
export const refusalKey = (ref: Ref, id: string): Key => ({
  pk: `${ref.workspace}#/refusal/${ref.execution}/${shortId(id)}`,
  sk: "REFUSAL",
});

export const startKeyKey = (workspace: string, key: string): Key => ({ pk: `${workspace}#/start/${key}`, sk: "START" });

export const rateLimitKey = (workspace: string, key: string): Key => ({ pk: `${workspace}#/rate/${key}`, sk: "POOL" });

export const jobKey = (workspace: string, id: string): Key => ({ pk: `${workspace}#/jobs`, sk: `JOB#${id}` });
export const jobOutcomesKey = (workspace: string, id: string, page: number): Key => ({
  pk: `${workspace}#/job/${id}`,
  sk: `PAGE#${padded(page)}`,
});
/** The shard of the index `due` for open jobs. */
export const DUE_JOBS = "jobs";

/** FNV-1a. Do not change: it says in which shard an existing entry is. */
function hashTo(value: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < value.length; i++) {
    hash ^= value.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0) % shards;
}
export const dueShard = (shard: number): string => `due#${shard}`;
export const dueShardOf = (pk: string, shards = DUE_SHARDS): string => dueShard(hashTo(pk, shards));
/** Shards of the same index for the notes of closed runs whose items have no expiry yet, and of deleted executions. */
export const expiryShard = (shard: number): string => `expire#${shard}`;
export const expiryShardOf = (pk: string): string => expiryShard(hashTo(pk, DUE_SHARDS));
export const runsShard = (workspace: string, shard: number): string => `${workspace}#${shard}`;
export const runsShardOf = (workspace: string, run: string): string => runsShard(workspace, hashTo(run, RUN_SHARDS));
export const inputsShard = (workspace: string, shard: number): string => `${workspace}#${shard}`;
export const inputsShardOf = (ref: Ref): string => inputsShard(ref.workspace, hashTo(pkOf(ref), INPUT_SHARDS));

/** How far the time in a run's id may differ from the run's start. */
export const ID_WINDOW_MS: Millis = 5_000;
/** The time at which a UUID of version 7 was made, undefined = the id is of another version. */
export function timeOf(id: string): Millis | undefined {
  return id[14] === "7" && id.length === 36 ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : undefined;
}
/** KEY-2. */
export function needsPointer(run: string, startedAt: Millis): boolean {
  const made = timeOf(run);
  return made === undefined || Math.abs(made - startedAt) > ID_WINDOW_MS;
}

/** A value for the attribute `ttl`, seconds. DynamoDB deletes expired items days late, so readers call `isExpired`. */
export const ttlSeconds = (at: Millis): number => Math.ceil(at / 1000);
