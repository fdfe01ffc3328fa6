/**
 * Messages: signals, updates, cancel requests and outcomes that wait in an execution's inbox until a worker takes them
 * into the history. A message belongs to one chain (one start of the execution) and is idempotent by its id. An outcome
 * also names the run that it is for.
 */
import * as z from "zod";
import { AttemptEnd, Failure } from "./history.ts";
import { JsonValue } from "./json-value.ts";
import { ChildFailureStatus } from "./status.ts";

const base = { id: z.string(), sent_at: z.int() };

export const ActivityOutcome = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("completed"), result: JsonValue }),
  z.object({ kind: z.literal("failed"), reason: AttemptEnd, failure: Failure }),
]);
export type ActivityOutcome = z.infer<typeof ActivityOutcome>;

export const ChildOutcome = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("completed"), result: JsonValue }),
  z.object({
    kind: z.literal("failed"),
    status: ChildFailureStatus,
    failure: Failure,
  }),
]);
export type ChildOutcome = z.infer<typeof ChildOutcome>;

export const Message = z.discriminatedUnion("kind", [
  z.object({ ...base, kind: z.literal("signal"), name: z.string(), input: JsonValue }),
  z.object({ ...base, kind: z.literal("update"), name: z.string(), input: JsonValue }),
  z.object({ ...base, kind: z.literal("cancel"), reason: z.string().nullable() }),
  z.object({
    ...base,
    kind: z.literal("activity"),
    run: z.string(),
    activity: z.int(),
    attempt: z.int(),
    outcome: ActivityOutcome,
  }),
  z.object({ ...base, kind: z.literal("child"), run: z.string(), child: z.int(), outcome: ChildOutcome }),
]);
export type Message = z.infer<typeof Message>;

export const messageId = {
  signal: (uuid: string) => `signal#${uuid}`,
  update: (uuid: string) => `update#${uuid}`,
  cancel: (uuid: string) => `cancel#${uuid}`,
  activity: (run: string, activity: number, attempt: number) => `activity#${run}#${activity}#${attempt}`,
  child: (parentRun: string, child: number) => `child#${parentRun}#${child}`,
};

/** The order in which a worker takes messages in: by the time of sending, then by id. */
export const inOrder = (a: Message, b: Message): number =>
  a.sent_at - b.sent_at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
