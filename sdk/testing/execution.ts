/** A handle on one execution in a test. */
import type { Failure, HistoryEvent } from "../../shared/protocol/history.ts";
import { toJson } from "../json.ts";
import { fromFailure } from "../revive.ts";
import { SESSION_ACTIVITY } from "../runtime/session.ts";
import type { InputArgs, MessageArgs } from "../schema.ts";
import type { Workflow } from "../workflow/define.ts";
import type { Query, Signal, Update } from "../workflow/handlers.ts";
import { unwrapResult } from "../workflow/result.ts";
import { type Driver, Resource } from "./driver.ts";

/** The execution did not complete. */
export class TestExecutionFailed extends Error {
  /** FAILED, CANCELED, TERMINATED or TIMED_OUT. */
  readonly status: string;
  constructor(id: string, status: string, events: readonly HistoryEvent[]) {
    const last = events.at(-1);
    super(`execution '${id}' ended ${status}${last ? whyEnded(last, events[0]) : ""}`);
    this.name = "TestExecutionFailed";
    this.status = status;
  }
}

function whyEnded(last: HistoryEvent, first: HistoryEvent | undefined): string {
  if (last.kind === "execution_failed") return `: ${last.failure.message}`;
  if ((last.kind === "execution_terminated" || last.kind === "execution_cancelled") && last.reason !== null)
    return `: ${last.reason}`;
  if (last.kind !== "execution_timed_out" || first?.kind !== "execution_started" || first.deadline === null) return "";
  const seconds = Math.round((first.deadline - first.at) / 1000);
  return `: its time limit of ${seconds} s passed, which is the option timeout of the workflow (1 h unless it says otherwise)`;
}

/**
 * Workflow code threw an error that is not a failure of the execution: the execution waits for repaired code. Message, stack
 * and cause are those of the error.
 */
export class TestWorkflowBug extends Error {
  /** Id of the execution whose code it is: the one that the test asked for, or a child of it. */
  readonly execution: string;
  constructor(execution: string, failure: Failure) {
    const cause = fromFailure(failure);
    super(`the workflow code of execution '${execution}' threw ${cause.name}: ${cause.message}`, { cause });
    this.name = "TestWorkflowBug";
    this.execution = execution;
    if (failure.stack !== undefined) this.stack = `${this.name}: ${this.message}\n${frames(failure.stack)}`;
  }
}

const frames = (stack: string): string =>
  stack
    .split("\n")
    .filter((line) => line.startsWith("    at "))
    .join("\n");

/** The error of workflow code that no later step of the run has overcome; null = none. */
function bugIn(events: readonly HistoryEvent[]): Failure | null {
  for (const event of events.toReversed()) {
    if (event.kind === "workflow_task_failed") return event.failure;
    if (event.decided !== undefined) return null;
  }
  return null;
}

/** Names of the open activities in the queue that no limit of time takes from it. */
function endlesslyQueued(events: readonly HistoryEvent[]): string[] {
  const open = new Map<number, string>();
  for (const event of events) {
    if (event.kind === "activity_scheduled") {
      const { schedule_to_start_ms, schedule_to_close_ms } = event.options;
      const limited = schedule_to_start_ms !== undefined || schedule_to_close_ms !== undefined;
      if (event.where === "queue" && !limited) open.set(event.activity, event.name);
    } else if ("activity" in event && event.kind !== "activity_attempt_failed") open.delete(event.activity);
  }
  return [...open.values()];
}

function openChildren(events: readonly HistoryEvent[]): string[] {
  const open = new Map<number, string>();
  for (const event of events) {
    if (event.kind === "child_scheduled") open.set(event.child, event.execution);
    else if (event.kind === "child_completed" || event.kind === "child_failed") open.delete(event.child);
  }
  return [...open.values()];
}

interface Answer {
  status: string;
  result: unknown;
}

/** Either `to` or `event`. */
export interface TestReset {
  readonly to?: "start" | "last_decision" | "first_failure";
  /** Id of an event at which a decision was recorded. */
  readonly event?: number;
  readonly reason?: string;
  readonly excludeSignals?: boolean;
  readonly excludeUpdates?: boolean;
}

/** An execution that continues as new so often while a test waits for its result may never end. */
const MAX_RUNS = 200;

/** The runs of each execution that one wait for a result has met. */
class MetRuns {
  readonly #max: number;
  readonly #latest = new Map<string, { run: string; count: number }>();

  constructor(max: number) {
    this.#max = max;
  }

  meet(execution: string, started: HistoryEvent | undefined): void {
    if (started?.kind !== "execution_started") return;
    const before = this.#latest.get(execution);
    if (before?.run === started.run) return;
    const count = (before?.count ?? 0) + 1;
    if (count > this.#max) {
      throw new Error(
        `execution '${execution}' has continued as new through more than ${this.#max} runs and has not ended. If it never ends by itself, move time with advance() and look at its state; if it needs more runs, call result({ maxRuns })`,
      );
    }
    this.#latest.set(execution, { run: started.run, count });
  }
}

export class TestExecution<Out> {
  readonly id: string;
  readonly #driver: Driver;
  readonly #resource: Resource;
  readonly #workflow: Workflow<never, Out> | undefined;

  constructor(id: string, driver: Driver, workflow?: Workflow<never, Out>) {
    this.id = id;
    this.#driver = driver;
    this.#resource = new Resource(driver, "executions", id);
    this.#workflow = workflow;
  }

  async signal<In, Sent>(signal: Signal<In, Sent>, ...[input]: MessageArgs<Sent>): Promise<void> {
    await this.#resource.call(`signal '${signal.name}'`, "POST", "/signals", {
      name: signal.name,
      input: sent(signal, input ?? {}),
    });
    await this.#driver.untilIdle();
  }

  async query<In, Out2, Sent, Answer2>(
    query: Query<In, Out2, Sent, Answer2>,
    ...[input]: InputArgs<Sent>
  ): Promise<Answer2> {
    await this.#driver.untilIdle();
    const body = { name: query.name, ...(input === undefined ? {} : { input: sent(query, input) }) };
    const answer = await this.#resource.call<{ result: Answer2 }>(`query '${query.name}'`, "POST", "/queries", body);
    return answer.result;
  }

  async update<In, Out2, Sent, Answer2>(
    update: Update<In, Out2, Sent, Answer2>,
    ...[input]: MessageArgs<Sent>
  ): Promise<Answer2> {
    const body = { name: update.name, input: sent(update, input ?? {}) };
    const call = this.#resource.call<{ result: Answer2 }>(`update '${update.name}'`, "POST", "/updates", body);
    const answer = await call.catch(async (error) => {
      await this.#checkOpen(this.id); // the reason why nobody answered
      throw error;
    });
    return answer.result;
  }

  async cancel(): Promise<void> {
    await this.#resource.call("cancel", "POST", "/cancel");
    await this.#driver.untilIdle();
  }

  async terminate(): Promise<void> {
    await this.#resource.call("terminate", "POST", "/terminate");
    await this.#driver.untilIdle();
  }

  /** The execution goes on from an earlier point, in a new run: `to` as in the body of `POST …/reset`. */
  async reset({ to, event, reason, excludeSignals, excludeUpdates }: TestReset): Promise<void> {
    await this.#resource.call("reset", "POST", "/reset", {
      to,
      event_id: event,
      reason,
      exclude_signals: excludeSignals,
      exclude_updates: excludeUpdates,
    });
    await this.#driver.untilIdle();
  }

  /** RUNNING, COMPLETED, FAILED, CANCELED, TERMINATED or TIMED_OUT. */
  async status(): Promise<string> {
    await this.#driver.untilIdle();
    return (await this.#resource.call<Answer>("get", "GET", "")).status;
  }

  /**
   * The result; time moves on until there is one. Throws `TestExecutionFailed` when the execution did not complete,
   * `TestWorkflowBug` when its code or that of a child that it waits for has a bug, and an error that says so when it waits
   * for a message, which only the test can send, or for an activity that no worker of the test has, or when it or such a child
   * continues as new through more than `maxRuns` runs (default 200).
   */
  async result({ maxRuns = MAX_RUNS }: { readonly maxRuns?: number } = {}): Promise<Out> {
    const runs = new MetRuns(maxRuns);
    for (;;) {
      await this.#driver.untilIdle();
      const { status, result } = await this.#resource.call<Answer>("get", "GET", "");
      if (status === "COMPLETED") return unwrapResult(result, this.#workflow?.outputSchema ?? null) as Out;
      if (status !== "RUNNING") throw new TestExecutionFailed(this.id, status, await this.history());
      await this.#checkOpen(this.id, runs);
      if (!(await this.#driver.next())) {
        throw new Error(`execution '${this.id}' waits for a message, and nothing else is due: send it one`);
      }
    }
  }

  /** Throws what keeps the execution, or a child that it waits for, from ever ending. */
  async #checkOpen(execution: string, runs?: MetRuns): Promise<void> {
    const events = await this.#driver.history(execution);
    runs?.meet(execution, events[0]);
    const bug = bugIn(events);
    if (bug) throw new TestWorkflowBug(execution, bug);
    const missing = endlesslyQueued(events).find((name) => !this.#driver.mayRun(name));
    if (missing !== undefined) {
      const what =
        missing === SESSION_ACTIVITY
          ? "a worker with sticky activities, because of onOneWorker(), and no worker of this test has one: add the sticky activity"
          : `activity '${missing}', which no worker of this test has: add it`;
      throw new Error(`execution '${execution}' waits for ${what} to testEnvironment({ activities })`);
    }
    for (const child of openChildren(events)) await this.#checkOpen(child, runs);
  }

  /** The recorded events of its latest run, ready for `replay`. */
  history(): Promise<HistoryEvent[]> {
    return this.#driver.history(this.id);
  }
}

/** JSON, as the handler will see it: what JSON cannot hold is refused instead of lost on its way. */
const sent = ({ kind, name }: { kind: string; name: string }, input: unknown) =>
  toJson(input, `the input of ${kind} "${name}"`);
