/**
 * Updates: a message to the execution, and a wait for the event that records its outcome. That event may be in a later run
 * than the current one: an update that a run has not taken in before it continues as new goes to the next run, and a run that a
 * reset began is given the updates of the run that it replaces, unless the reset excludes them. A refusal that no event records
 * (DECIDE-9) is read beside the history.
 */
import type { RefusedUpdate } from "../core/decide.ts";
import { holdsOf } from "../core/holds-of.ts";
import { send } from "../engine/send.ts";
import { handlerFailed, isRefusal, noAnswer, notRunning, type Refusal } from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import { CLOSING, type HistoryEvent, isClosing, tailOf } from "../protocol/history.ts";
import { type Message, messageId } from "../protocol/messages.ts";
import { liveWorkers } from "../routing/liveness.ts";
import { checkInvocation } from "./check-invocation.ts";
import { closed, runningHead } from "./executions.ts";
import { refusedByWorkflow } from "./handler-outcome.ts";
import { inputOf } from "./payload.ts";
import { type RequestContext, refTo } from "./request-context.ts";
import { waitFor } from "./wait-for.ts";

type Answer = { update_name: string; result: unknown } | Refusal;

export async function updateExecution(
  context: RequestContext,
  execution: string,
  p: { name: string; input?: unknown },
): Promise<Answer> {
  const { ports, options } = context;
  const head = await runningHead(context, execution);
  if (isRefusal(head)) return head;
  const decoded = inputOf(p.input ?? null, ["body", "input"]);
  if ("refused" in decoded) return decoded.refused;
  const input = decoded.value;
  const refused = await checkInvocation(context, head, "update", { name: p.name, input });
  if (refused) return refused;
  const id = messageId.update(ports.uuid());
  const message = {
    id,
    kind: "update",
    name: p.name,
    input: input as Extract<Message, { kind: "update" }>["input"],
    sent_at: ports.clock.now(),
  } as const;
  const ref = refTo(context, execution);
  const follower = new Follower(context, head, await tail(context, head), id);
  const sent = await send(ports, ref, message);
  if (sent.kind === "closed") return closed(execution, sent.head);
  const outcome = await waitFor({
    clock: ports.clock,
    until: ports.clock.now() + options.updateWaitMs,
    signal: context.signal,
    change: (until, signal) => ports.changes.waitForExecution(ref, until, signal),
    look: () => follower.look(),
  });
  if (outcome) return answerOf(p.name, execution, outcome);
  const live = await liveWorkers(ports, context.workspace, head.deployment);
  const held = holdsOf((await ports.registry.holds(context.workspace)).holds, head).length > 0;
  const deployment = { name: head.deployment, liveWorkers: live, held };
  return noAnswer("update", p.name, execution, options.updateWaitMs / 1000, deployment);
}

async function tail(context: RequestContext, head: Head): Promise<number> {
  const batches = await context.ports.executions.batches(
    refTo(context, head.execution),
    head.run,
    head.effects_done_through,
  );
  return tailOf(batches, head.effects_done_through);
}

type Outcome =
  | { kind: "event"; event: Extract<HistoryEvent, { kind: "update_completed" | "update_failed" | "update_rejected" }> }
  | { kind: "refused"; refusal: RefusedUpdate }
  | { kind: "closed"; status: Head["status"]; accepted: boolean };

/** Reads the events of a chain from the current one on, run by run, until it finds the outcome of one update. */
class Follower {
  readonly #context: RequestContext;
  readonly #id: string;
  readonly #execution: string;
  #run: string;
  #tail: number;
  #accepted = false;
  /** The run before, which a reset has ended, if it had accepted the update. */
  #acceptedBy: string | null = null;

  constructor(context: RequestContext, head: Head, tail: number, id: string) {
    this.#context = context;
    this.#execution = head.execution;
    this.#run = head.run;
    this.#tail = tail;
    this.#id = id;
  }

  async look(): Promise<Outcome | undefined> {
    const found = await this.#inHistory();
    if (this.#accepted || (found && found.kind !== "closed")) return found;
    const refusal = await this.#context.ports.executions.takeRefusal(refTo(this.#context, this.#execution), this.#id);
    return refusal ? { kind: "refused", refusal } : found;
  }

  async #inHistory(): Promise<Exclude<Outcome, { kind: "refused" }> | undefined> {
    const ref = refTo(this.#context, this.#execution);
    for (;;) {
      const batches = await this.#context.ports.executions.batches(ref, this.#run, this.#tail);
      let next: string | null = null;
      for (const event of batches.flatMap((batch) => batch.events)) {
        if ("message" in event && event.message === this.#id) {
          if (event.kind === "update_accepted") this.#accepted = true;
          else if (
            event.kind === "update_completed" ||
            event.kind === "update_failed" ||
            event.kind === "update_rejected"
          ) {
            return { kind: "event", event };
          }
        }
        if (event.kind === "execution_reset" && event.from === this.#acceptedBy && !this.#accepted) {
          // The copied events do not have it: it came after the point.
          if (event.excluded.includes("updates")) return { kind: "closed", status: "TERMINATED", accepted: true };
        }
        if (event.kind === "execution_continued" && !this.#accepted) next = event.run;
        else if (event.kind === "execution_terminated" && event.next_run !== undefined) {
          next = event.next_run;
          this.#acceptedBy = this.#accepted ? this.#run : null;
          this.#accepted = false;
        } else if (isClosing(event)) return { kind: "closed", status: CLOSING[event.kind], accepted: this.#accepted };
      }
      this.#tail = tailOf(batches, this.#tail);
      if (next === null) return undefined;
      this.#run = next;
      this.#tail = 1;
    }
  }
}

function answerOf(name: string, execution: string, outcome: Outcome): Answer {
  if (outcome.kind === "closed") {
    if (!outcome.accepted) return notRunning(execution, outcome.status);
    return handlerFailed("update", name, execution, `the run ended ${outcome.status} before it answered the update`);
  }
  if (outcome.kind === "refused") return refusedByWorkflow("update", name, execution, outcome.refusal);
  const { event } = outcome;
  if (event.kind === "update_completed") return { update_name: name, result: event.result ?? null };
  return refusedByWorkflow("update", name, execution, event);
}
