/**
 * `task`: progress that people and other programs can watch. Workflow code records it in the history, so it is never sent
 * twice. An activity sends it as it comes, and it may be lost.
 */
import type { Progress } from "../../shared/protocol/worker.ts";
import { realUuid } from "../determinism/real.ts";
import { CancelledError, TimeoutError, UsageError } from "../errors.ts";
import { type Json, toJson } from "../json.ts";
import type { ActivityFrame } from "../runtime/activity.ts";
import { commandFrame, currentFrame, type WorkflowFrame } from "../runtime/frame.ts";
import { patchesBetween } from "./patch.ts";

export interface TaskHandle<State> {
  /** Id of the task in its events. */
  readonly id: string;
  readonly state: State;
  /** Replaces the state, and publishes the difference. */
  set(next: State | ((state: State) => State)): void;
}

type Event = Progress["event"];

/**
 * Runs `fn` as a task of this type and publishes its progress: STARTED before `fn`, IN_PROGRESS at each `set`, and at the
 * end COMPLETED, FAILED, CANCELED or TIMED_OUT. Returns what `fn` returns, throws what it throws.
 */
export function task<T>(type: string, fn: (task: TaskHandle<null>) => T | Promise<T>): Promise<T>;
export function task<State, T>(type: string, state: State, fn: (task: TaskHandle<State>) => T | Promise<T>): Promise<T>;
export async function task(type: string, ...rest: unknown[]): Promise<unknown> {
  const fn = rest.at(-1) as (task: TaskHandle<unknown>) => unknown;
  if (typeof fn !== "function") throw new UsageError(`task("${type}"): the last argument must be the function to run.`);
  const running = new RunningTask(type, rest.length > 1 ? rest[0] : null);
  try {
    const result = await fn(running);
    running.end("completed", { payload: payload("json", running.json) });
    return result;
  } catch (error) {
    running.failed(error);
    throw error;
  }
}

const payload = (type: "json" | "json_patch", value: unknown) => ({ type, value, encoding_options: null });

class RunningTask implements TaskHandle<unknown> {
  readonly id: string;
  readonly #type: string;
  readonly #publish: (event: Event, attributes: object) => void;
  #state: unknown;
  #json: Json;
  #ended = false;

  constructor(type: string, state: unknown) {
    const frame = taskFrame(type);
    this.#type = type;
    this.#state = state;
    this.#json = jsonOf(state);
    this.id = newTaskId(frame);
    this.#publish = (event, attributes) => publishTask(frame, event, this.id, type, attributes);
    this.#publish("started", { payload: payload("json", this.#json) });
  }

  get state(): unknown {
    return this.#state;
  }

  get json(): Json {
    return this.#json;
  }

  set(next: unknown): void {
    if (this.#ended)
      throw new UsageError(`task "${this.#type}" has ended: set() must be called before its function returns.`);
    this.#state = typeof next === "function" ? next(this.#state) : next;
    const after = jsonOf(this.#state);
    this.#publish("in_progress", { payload: payload("json_patch", patchesBetween(this.#json, after)) });
    this.#json = after;
  }

  end(event: Event, attributes: object): void {
    this.#ended = true;
    this.#publish(event, attributes);
  }

  failed(error: unknown): void {
    if (error instanceof CancelledError) this.end("canceled", { reason: error.reason });
    else if (error instanceof TimeoutError) this.end("timed_out", { timeout_type: error.kind.toUpperCase() });
    else this.end("failed", { failure: { message: error instanceof Error ? error.message : String(error) } });
  }
}

/** A state that JSON cannot represent is published as an error: publishing progress must not fail the work. */
function jsonOf(state: unknown): Json {
  try {
    return toJson(state, "the state of a task");
  } catch {
    return { error: "unserializable_payload_error" };
  }
}

function taskFrame(type: string): WorkflowFrame | ActivityFrame {
  const frame = currentFrame();
  return frame?.kind === "activity" ? frame : commandFrame(`task("${type}")`);
}

export const newTaskId = (frame: WorkflowFrame | ActivityFrame): string =>
  frame.kind === "activity" ? realUuid() : frame.ops.newTaskId();

export function publishTask(
  frame: WorkflowFrame | ActivityFrame,
  event: Event,
  task: string,
  task_type: string,
  attributes: object,
): void {
  const progress = { event, task, task_type, attributes: attributes as Record<string, Json> };
  if (frame.kind === "activity") frame.host.publish(progress);
  else frame.ops.publishTask(progress);
}
