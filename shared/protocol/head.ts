/** The head of an execution: everything about it that is not history. One item, changed only by conditional writes. */
import * as z from "zod";
import { ParentRef, ScheduleRef, type Started } from "./history.ts";
import { ChildOutcome } from "./messages.ts";

export const ExecutionStatus = z.enum([
  "RUNNING",
  "COMPLETED",
  "FAILED",
  "CANCELED",
  "TERMINATED",
  "TIMED_OUT",
  "CONTINUED_AS_NEW",
]);

/** An effect of closing a run that is still owed to somebody; performing it twice is harmless. */
export const OutboxEntry = z.discriminatedUnion("kind", [
  /** Effects of the last batches of a run, from event `first` on, that outlive it. */
  z.object({ kind: z.literal("effects"), run: z.string(), first: z.int() }),
  z.object({ kind: z.literal("tell_parent"), parent: ParentRef, outcome: ChildOutcome }),
  z.object({ kind: z.literal("terminate_child"), execution: z.string(), parent_run: z.string(), child: z.int() }),
  z.object({ kind: z.literal("cancel_child"), execution: z.string(), parent_run: z.string(), child: z.int() }),
  z.object({
    kind: z.literal("tell_schedule"),
    schedule: z.string(),
    status: ExecutionStatus,
    failure: z.string().nullable(),
  }),
]);
export type OutboxEntry = z.infer<typeof OutboxEntry>;

export const Head = z.object({
  workspace: z.string(),
  execution: z.string(),
  workflow: z.string(),
  /** Id of the registration it was started by. */
  registration: z.string().nullable(),
  deployment: z.string(),
  /** Status of the latest run. */
  status: ExecutionStatus,
  run: z.string(),
  /** One start of the execution; survives continue-as-new. */
  chain: z.string(),
  first_run: z.string(),
  continued_from: z.string().nullable(),
  attempt: z.int().min(1),

  /** When somebody must look; null only if nothing can happen without a message. */
  due_at: z.int().nullable(),
  /** True: `due_at` is a sender's mark that no claim has answered. */
  wake_pending: z.boolean(),
  /** Grows at every mark, claim, start, continue and close. The driver whose claim made the present turn is the holder. */
  fence: z.int(),
  /** Effects of all batches of the run up to this event were performed. */
  effects_done_through: z.int(),
  /** Session that claimed last: a hint for handing it the next task, nothing more. */
  owner: z.string().nullable(),
  outbox: z.array(OutboxEntry),
  /** Start token of the request that began the chain: the same token is the same start. */
  token: z.string(),

  input: z.json(),
  result: z.json(),
  failure: z.string().nullable(),
  carried: z.array(z.string()),
  parent: ParentRef.nullable(),
  root: z.string(),
  schedule: ScheduleRef.nullable(),
  search_keys: z.record(z.string(), z.string()),
  user: z.string().nullable(),
  /** Extras of the start request that Sirocco stores and hands on unread. */
  extensions: z.record(z.string(), z.json()).nullable(),
  /** Start of the present run. */
  started_at: z.int(),
  closed_at: z.int().nullable(),
  /** The chain must be closed by then. */
  deadline: z.int().nullable(),
});
export type Head = z.infer<typeof Head>;

/** Event 1 of the run that a head describes. */
export function startedOf(head: Head): Started {
  return {
    kind: "execution_started",
    id: 1,
    at: head.started_at,
    workflow: head.workflow,
    input: head.input,
    deployment: head.deployment,
    run: head.run,
    chain: head.chain,
    attempt: head.attempt,
    deadline: head.deadline,
    parent: head.parent,
    root: head.root,
    schedule: head.schedule,
    first_run: head.first_run,
    continued_from: head.continued_from,
    carried: head.carried,
  };
}
