/**
 * Log records: what workflow code and activities of an execution have logged, in groups as workers sent them.
 *
 * LOGRECORD-1. A group is written once, at the next place of its execution. Places are dense, so a reader that continues after
 *     a place never misses a group that came later.
 * LOGRECORD-2. A run keeps at most `MAX_RUN_LOG_RECORDS` records and `MAX_RUN_LOG_BYTES`. What comes beyond is dropped, and
 *     one record at the end of the run's last group counts it.
 * LOGRECORD-3. A repeated call of a worker adds nothing: each group names the last groups before it.
 */
import * as z from "zod";
import type { Millis } from "./history.ts";
import { ActivityName } from "./ids.ts";
import {
  MAX_LOG_ATTRIBUTE,
  MAX_LOG_BODY,
  MAX_LOG_GROUP_RECORDS,
  MAX_LOG_VALUE,
  MAX_RUN_LOG_BYTES,
  MAX_RUN_LOG_RECORDS,
} from "./limits.ts";
import { Time } from "./times.ts";

/** In rising order. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LogRecord = z.object({
  /** By the server's clock, as far as the worker knows it. */
  at: Time,
  level: z.enum(LOG_LEVELS),
  body: z.string().max(MAX_LOG_BODY),
  attributes: z.record(z.string().max(MAX_LOG_ATTRIBUTE), z.string().max(MAX_LOG_VALUE)).optional(),
  /** Of an attempt of an activity. Absent: workflow code logged it. */
  activity: z.object({ id: z.int().min(1), name: ActivityName, attempt: z.int().min(1) }).optional(),
});
export type LogRecord = z.infer<typeof LogRecord>;

export const SentRecords = z.array(LogRecord).max(MAX_LOG_GROUP_RECORDS);

/** How much of a run is kept. */
export interface RunLog {
  readonly run: string;
  readonly records: number;
  readonly bytes: number;
  /** The group that counts what was dropped; null: the run is not full. */
  readonly full: number | null;
}

/** What a group says about those before it and itself (LOGRECORD-3). */
export interface LogTail {
  /** Ids of the last groups. */
  readonly recent: readonly string[];
  /** The runs that logged last. */
  readonly runs: readonly RunLog[];
}

export interface LogGroup {
  readonly execution: string;
  /** Place of its first record (LOGRECORD-1). */
  readonly first: number;
  readonly run: string;
  readonly chain: string;
  readonly root: string;
  readonly workflow: string;
  readonly deployment: string;
  readonly worker: string;
  readonly trace: string;
  /** When the server took it. */
  readonly at: Millis;
  readonly records: readonly LogRecord[];
  /** Records that were dropped after these; they have one place together. */
  readonly dropped: number;
  readonly tail: LogTail;
}

export type LastGroup = Pick<LogGroup, "first" | "records" | "dropped" | "tail">;

/** @throws TypeError if the stored value is no group: it is damaged. */
export function storedGroup<T extends Pick<LogGroup, "records" | "tail">>(value: T): T {
  const isRecord = ({ at, level, body }: LogRecord) =>
    Number.isInteger(at) && typeof level === "string" && typeof body === "string";
  if (Array.isArray(value?.records) && value.records.every(isRecord) && Array.isArray(value.tail?.runs)) return value;
  throw new TypeError(`${JSON.stringify(value)?.slice(0, 100)} is stored in place of a group of log records`);
}

/** What stands for the last group of an execution where it cannot be read: others can follow it. */
export const unreadGroup = (first: number): LastGroup => ({
  first,
  records: [],
  dropped: 0,
  tail: { recent: [], runs: [] },
});

export const placesOf = ({ records, dropped }: Pick<LogGroup, "records" | "dropped">): number =>
  records.length + (dropped > 0 ? 1 : 0);

const RECENT_GROUPS = 8;
const RECENT_RUNS = 3;

/** What a worker sends of one run. */
export interface SentGroup {
  readonly id: string;
  readonly records: readonly LogRecord[];
  readonly dropped: number;
}

export type Place =
  | { readonly kind: "repeated"; readonly full: boolean }
  /** LOGRECORD-2: the group at `first` counts so many more. */
  | { readonly kind: "full"; readonly first: number; readonly dropped: number }
  | { readonly kind: "group"; readonly group: LogGroup };

/** `last`: the last group of the execution; null: it has none. */
export function placeOf(
  last: LastGroup | null,
  of: Omit<LogGroup, "first" | "records" | "dropped" | "tail">,
  sent: SentGroup,
): Place {
  const { recent = [], runs = [] } = last?.tail ?? {};
  const before = runs.find(({ run }) => run === of.run) ?? { run: of.run, records: 0, bytes: 0, full: null };
  if (recent.includes(sent.id)) return { kind: "repeated", full: before.full !== null };
  if (before.full !== null) {
    return { kind: "full", first: before.full, dropped: sent.records.length + sent.dropped };
  }
  const first = last ? last.first + Math.max(1, placesOf(last)) : 1;
  let { records, bytes } = before;
  const kept: LogRecord[] = [];
  for (const record of sent.records) {
    bytes += JSON.stringify(record).length;
    records += 1;
    if (records > MAX_RUN_LOG_RECORDS || bytes > MAX_RUN_LOG_BYTES) break;
    kept.push(record);
  }
  const over = sent.records.length - kept.length;
  const now: RunLog = { run: of.run, records, bytes, full: over > 0 ? first : null };
  const tail = {
    recent: [...recent, sent.id].slice(-RECENT_GROUPS),
    runs: [...runs.filter(({ run }) => run !== of.run), now].slice(-RECENT_RUNS),
  };
  return { kind: "group", group: { ...of, first, records: kept, dropped: over + sent.dropped, tail } };
}

/** What stands for the records that were dropped at the end of a group. */
export function droppedRecord({ dropped, records, at, run, first, tail }: LogGroup): LogRecord {
  const isFull = tail.runs.some((kept) => kept.run === run && kept.full === first);
  const many = dropped === 1 ? "1 log record was" : `${dropped} log records were`;
  const why = isFull
    ? `a run keeps at most ${MAX_RUN_LOG_RECORDS} records and ${MAX_RUN_LOG_BYTES / 2 ** 20} MB`
    : "the worker had more than it could send";
  return { at: records.at(-1)?.at ?? at, level: "warn", body: `${many} dropped: ${why}` };
}
