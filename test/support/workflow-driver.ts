/** Drives a run in tests: gives it stimuli, writes the history that a worker would write, and replays it. */
import assert from "node:assert";
import type { Log } from "../../sdk/runtime/log.ts";
import type { AnyWorkflow } from "../../sdk/workflow/define.ts";
import { WorkflowInstance } from "../../sdk/workflow/instance.ts";
import type { InstanceOptions } from "../../sdk/workflow/types.ts";
import type {
  Decision,
  EventOf,
  Failure,
  HistoryEvent,
  Stimulus,
  StimulusKind,
} from "../../shared/protocol/history.ts";

export const START = Date.parse("2026-03-01T12:00:00Z");

type Unplaced<K extends StimulusKind> = Omit<EventOf<K>, "id" | "at" | "decided">;
/** A stimulus without id and time; it comes `after` ms (default 1000) after the one before. */
export type NewStimulus = { [K in StimulusKind]: Unplaced<K> & { after?: number } }[StimulusKind];

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export const stimulus = {
  completed: (activity: number, result: unknown = null): NewStimulus => ({
    kind: "activity_completed",
    activity,
    name: "any",
    result: result as never,
  }),
  failed: (
    activity: number,
    failure: Failure = { message: "it broke" },
    reason: EventOf<"activity_failed">["reason"] = "failed",
    attempt = 1,
  ): NewStimulus => ({
    kind: "activity_failed",
    activity,
    name: "charge",
    attempt,
    reason,
    failure,
  }),
  fired: (timer: number, after = 1000): NewStimulus => ({ kind: "timer_fired", timer, after }),
  signal: (name: string, input: unknown = null): NewStimulus => ({
    kind: "signal_received",
    message: `signal#${name}`,
    name,
    input: input as never,
  }),
  update: (name: string, input: unknown = null, message = `update#${name}`): NewStimulus => ({
    kind: "update_accepted",
    message,
    name,
    input: input as never,
  }),
  cancel: (reason: string | null = null): NewStimulus => ({ kind: "cancel_requested", message: "cancel", reason }),
  childCompleted: (child: number, result: unknown = null): NewStimulus => ({
    kind: "child_completed",
    child,
    result: result as never,
  }),
  childFailed: (
    child: number,
    status: EventOf<"child_failed">["status"] = "FAILED",
    failure: Failure = { message: "it broke" },
  ): NewStimulus => ({
    kind: "child_failed",
    child,
    status,
    failure,
  }),
};

const started = (workflow: AnyWorkflow, input: unknown): Unplaced<"execution_started"> => ({
  kind: "execution_started",
  workflow: workflow.name,
  input: input as never,
  deployment: "demo",
  run: "0a1b2c3d-0000-4000-8000-000000000001",
  chain: "0a1b2c3d-0000-4000-8000-0000000000ff",
  attempt: 1,
  deadline: null,
  parent: null,
  root: "order-1",
  schedule: null,
  first_run: "0a1b2c3d-0000-4000-8000-000000000001",
  continued_from: null,
  carried: [],
});

export class WorkflowDriver {
  readonly history: HistoryEvent[] = [];
  readonly instance: WorkflowInstance;
  /** Decisions of the last step. */
  decisions: Decision[] = [];
  readonly workflow: AnyWorkflow;
  readonly #options: InstanceOptions;
  /** Replay flags that the history has. */
  readonly #flags = new Set<number>();
  #at = START;

  constructor(workflow: AnyWorkflow, options: Partial<InstanceOptions> = {}) {
    this.workflow = workflow;
    this.#options = { execution: "order-1", log: silent, ...options };
    this.instance = WorkflowInstance.create(workflow, this.#options);
  }

  static async start(
    workflow: AnyWorkflow,
    input: unknown = {},
    options: Partial<InstanceOptions> = {},
  ): Promise<WorkflowDriver> {
    const driver = new WorkflowDriver(workflow, options);
    await driver.give({ ...started(workflow, input), after: 0 });
    return driver;
  }

  /** Gives these stimuli and writes them with the decisions of the code as one batch. Throws a bug of the code. */
  async give(...given: NewStimulus[]): Promise<Decision[]> {
    const stimuli = given.map((one, i) => this.#place(one, i));
    this.history.push(...stimuli);
    const activation = await this.instance.activate(stimuli);
    if ("bug" in activation) throw activation.bug;
    this.decisions = activation.decisions;
    for (const decision of activation.decisions)
      this.history.push({ ...decision, id: this.history.length + 1, at: this.#at } as HistoryEvent);
    const last = this.history.length - 1;
    const flags = activation.flags.filter((flag) => !this.#flags.has(flag));
    for (const flag of flags) this.#flags.add(flag);
    const carried = flags.length > 0 ? { flags } : {};
    this.history[last] = { ...this.history[last]!, decided: activation.decided, ...carried };
    return activation.decisions;
  }

  #place(one: NewStimulus, i: number): Stimulus {
    const { after = 1000, ...event } = one;
    this.#at += after;
    return { ...event, id: this.history.length + 1 + i, at: this.#at } as Stimulus;
  }

  /** Kinds of the last step's decisions. */
  get kinds(): string[] {
    return this.decisions.map((decision) => decision.kind);
  }

  /** The closing decision. Throws if the execution is still open. */
  get end(): Decision {
    assert(this.instance.closed, `the execution is still open and waits for ${this.instance.waitingOn().join(", ")}`);
    return this.decisions.at(-1)!;
  }

  /** A fresh instance that has replayed the history. Throws where it diverges. */
  async replayed(workflow = this.workflow): Promise<WorkflowInstance> {
    const instance = WorkflowInstance.create(workflow, this.#options);
    await instance.replay(JSON.parse(JSON.stringify(this.history)));
    return instance;
  }
}
