/**
 * Messages: signals, updates, cancel requests and outcomes that wait in an execution's inbox until a worker takes them
 * into the history. A message belongs to one chain (one start of the execution) and is idempotent by its id. An outcome
 * also names the run that it is for.
 *
 * MESSAGE-1. Of two messages of a chain, if the sender of one had its acknowledgement before the other was sent, the first
 *     has the lower `seq`, and the history takes it in first. The store counts up `seq` before it writes the message.
 *     Times would not do: two messages may have the same one, and a clock may step back.
 * MESSAGE-2. `sent_at` is the time of the server that took the message. It does not order messages; it decides between a
 *     message and what falls due by time, such as a timer (DECIDE-5).
 */
import * as z from "zod";
import { AttemptEnd, Failure, type Millis } from "./history.ts";
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

const signal = { kind: z.literal("signal"), name: z.string(), input: JsonValue };
const update = { kind: z.literal("update"), name: z.string(), input: JsonValue };
const cancel = { kind: z.literal("cancel"), reason: z.string().nullable() };
const activity = {
  kind: z.literal("activity"),
  run: z.string(),
  activity: z.int(),
  attempt: z.int(),
  outcome: ActivityOutcome,
};
const child = { kind: z.literal("child"), run: z.string(), child: z.int(), outcome: ChildOutcome };

/** As its sender makes it. */
export const Message = z.discriminatedUnion("kind", [
  z.object({ ...base, ...signal }),
  z.object({ ...base, ...update }),
  z.object({ ...base, ...cancel }),
  z.object({ ...base, ...activity }),
  z.object({ ...base, ...child }),
]);
export type Message = z.infer<typeof Message>;

const stored = { ...base, seq: z.int() };
/** As it lies in an inbox: the store has given it the next number of its chain (MESSAGE-1). */
export const InboxMessage = z.discriminatedUnion("kind", [
  z.object({ ...stored, ...signal }),
  z.object({ ...stored, ...update }),
  z.object({ ...stored, ...cancel }),
  z.object({ ...stored, ...activity }),
  z.object({ ...stored, ...child }),
]);
export type InboxMessage = z.infer<typeof InboxMessage>;

export const messageId = {
  signal: (uuid: string) => `signal#${uuid}`,
  update: (uuid: string) => `update#${uuid}`,
  cancel: (uuid: string) => `cancel#${uuid}`,
  activity: (run: string, activity: number, attempt: number) => `activity#${run}#${activity}#${attempt}`,
  child: (parentRun: string, child: number) => `child#${parentRun}#${child}`,
};

/** The order in which a worker takes messages in (MESSAGE-1). */
export const inOrder = (a: InboxMessage, b: InboxMessage): number => a.seq - b.seq;

/**
 * When each of these messages arrived, by the clocks of the servers (MESSAGE-2). The clocks may differ or step back, so no
 * message counts as earlier than one before it. `messages`: in order.
 */
export function arrivals(messages: readonly InboxMessage[]): Millis[] {
  let latest = 0;
  return messages.map((m) => {
    latest = Math.max(latest, m.sent_at);
    return latest;
  });
}
