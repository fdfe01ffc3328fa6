/** The head of an execution: all of its state that is not history. One item, changed only by conditional writes. */
import * as z from "zod";
import { ExecutionCost } from "./cost.ts";
import { ParentRef, ResetRef, ScheduleRef, type Started } from "./history.ts";
import { ExecutionId, RunId, ScheduleId } from "./ids.ts";
import { JsonRecord, JsonValue } from "./json-value.ts";
import { ChildOutcome } from "./messages.ts";
import { ExecutionStatus } from "./status.ts";

/** An effect of closing a run that the server has yet to perform; performing it twice is harmless. */
export const OutboxEntry = z.discriminatedUnion("kind", [
  /** The effects of the last batches of a run, from event `first` on, that are wanted although the run has ended. */
  z.object({ kind: z.literal("effects"), run: RunId, first: z.int() }),
  z.object({ kind: z.literal("tell_parent"), parent: ParentRef, outcome: ChildOutcome }),
  z.object({ kind: z.literal("terminate_child"), execution: ExecutionId, parent_run: RunId, child: z.int() }),
  z.object({ kind: z.literal("cancel_child"), execution: ExecutionId, parent_run: RunId, child: z.int() }),
  /** After a reset: the child may have closed while the execution was closed, and then its outcome reached nobody. */
  z.object({ kind: z.literal("ask_child"), execution: ExecutionId, parent_run: RunId, child: z.int() }),
  z.object({
    kind: z.literal("tell_schedule"),
    schedule: ScheduleId,
    status: ExecutionStatus,
    failure: z.string().nullable(),
  }),
]);
export type OutboxEntry = z.infer<typeof OutboxEntry>;

/** Questions to people that a run waits for (INPUTS-1 to INPUTS-3, `shared/core/human-inputs.ts`). */
export const OpenInputs = z.object({
  /** The last event that was counted. */
  through: z.int(),
  /** When the first of them began; null: none is open. */
  since: z.int().nullable(),
  /** By the task of their custom task events, with the event that began each. */
  open: z.array(z.object({ task: z.string(), event: z.int() })),
  /** There are or were further ones: the history tells which are open. */
  more: z.boolean().optional(),
});
export type OpenInputs = z.infer<typeof OpenInputs>;

export const Head = z.object({
  workspace: z.string(),
  execution: z.string(),
  workflow: z.string(),
  /** Id of the registration it was started by. */
  registration: z.string().nullable(),
  deployment: z.string(),
  /** The start named the deployment, so that continued runs stay there. Absent: they go to the current one (CURRENT-1). */
  deployment_named: z.literal(true).optional(),
  /** Status of the latest run. */
  status: ExecutionStatus,
  run: z.string(),
  /** One start of the execution; survives continue-as-new. */
  chain: z.string(),
  /** The chain of the root execution: its own chain, unless a parent has started it. Clients know it as `chain_run_id`. */
  root_chain: z.string(),
  /** Title of the workflow when the chain was started, as its registration gave it; null = none was given. */
  display_name: z.string().nullable(),
  first_run: z.string(),
  continued_from: z.string().nullable(),
  attempt: z.int().min(1),

  /** The wake-up time: a worker must look at the execution then. Null: only a message can make something happen. */
  due_at: z.int().nullable(),
  /** True: a start or a sender has requested a wake-up, and no worker has claimed the execution since. */
  wake_pending: z.boolean(),
  /**
   * The fencing token. Every requested wake-up, claim, start, continue-as-new and close raises it. The session whose claim
   * made the present fence owns it.
   */
  fence: z.int(),
  /** The server has performed the effects of all batches of the run up to this event. */
  effects_done_through: z.int(),
  /** Session that claimed last: a hint to which worker the next task should go. */
  owner: z.string().nullable(),
  /** Effects that the server has yet to perform. A final head stays due until its outbox is empty. */
  outbox: z.array(OutboxEntry),
  /** Idempotency key of the request that began the chain: a request with the same token is the same start. */
  token: z.string(),

  input: JsonValue,
  result: JsonValue,
  failure: z.string().nullable(),
  /** Ids of messages that earlier runs of the chain took in. */
  carried: z.array(z.string()),
  /** When the chain may begin `QUICK_RUNS` runs at once again (PACE-1); null = at any time. */
  paced_until: z.int().nullable(),
  parent: ParentRef.nullable(),
  root: z.string(),
  schedule: ScheduleRef.nullable(),
  search_keys: z.record(z.string(), z.string()),
  /** Absent: the run has asked nobody. */
  open_inputs: OpenInputs.optional(),
  user: z.string().nullable(),
  /** Trace of the caller that started the root execution. Absent: the caller named none, and the id of the trace is derived. */
  trace: z.string().optional(),
  /** Extras of the start request. Sirocco stores them and does not read them. */
  extensions: JsonRecord.nullable(),
  /** Start of the present run. */
  started_at: z.int(),
  closed_at: z.int().nullable(),
  /** The chain must be closed by then. A reset sets it anew. */
  deadline: z.int().nullable(),
  /** Of a run that a reset began, with the time of its event 1, and the idempotency key of the reset if it had one. */
  reset: ResetRef.extend({ began_at: z.int(), token: z.string().optional() }).optional(),
  /** The length of the limit that `deadline` follows from, where a reset has set it. */
  limit_ms: z.int().optional(),
  /** COST-3. Of a final head: the whole. Of a running one: of the chain's earlier runs; absent: there are none. */
  cost: ExecutionCost.optional(),
});
export type Head = z.infer<typeof Head>;

/** Event 1 of the run that a head describes. */
export function startedOf(head: Head): Started {
  const { reset } = head;
  return {
    kind: "execution_started",
    id: 1,
    at: reset?.began_at ?? head.started_at,
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
    ...(reset && { reset: { from: reset.from, at: reset.at, origins: reset.origins } }),
  };
}
