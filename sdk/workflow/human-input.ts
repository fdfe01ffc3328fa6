/**
 * Asking a person: a task of type `wait_for_input` that shows the schema and a label, a reserved query that lists what
 * is open, and a reserved update that answers. Declared by `workflow({ interactive: true })`.
 */
import * as z from "zod";
import type { Duration } from "../../shared/lib/duration.ts";
import { positiveMilliseconds } from "../../shared/lib/duration.ts";
import { commandFrame, type WorkflowFrame } from "../determinism/frame.ts";
import { type CancelledError, TimeoutError, UsageError, withoutFrames } from "../errors.ts";
import { copyJson, type Json } from "../json.ts";
import { check, inputJsonSchema, type JsonSchema, type Schema } from "../schema.ts";
import { UpdateRefused } from "./dispatch.ts";
import type { Handler } from "./handlers.ts";
import type { WorkflowInstance } from "./instance.ts";
import { newTaskId, publishTask } from "./task.ts";
import { type TimerWait, Waiting } from "./waits.ts";

const TASK_TYPE = "wait_for_input";
const STATE_KEY = "internal.execution.state";

export interface WaitForInputOptions {
  /** Shown to whoever is asked. */
  label?: string;
  /** Throws `TimeoutError` when nobody answered by then. Default: waits for ever. */
  timeout?: Duration;
}

/**
 * Waits until a person (or a program) submits a value that fits the schema; values that do not are refused and the wait
 * goes on. Several may be open at once. Throws `TimeoutError`, or `CancelledError` when the execution is cancelled.
 */
export async function waitForInput<S extends Schema>(
  schema: S,
  options: WaitForInputOptions = {},
): Promise<z.output<S>> {
  const frame = commandFrame("waitForInput()");
  const { instance, scope } = frame;
  if (!instance.interactive) {
    throw new UsageError(
      `waitForInput(): declare workflow({ name: "${instance.name}", interactive: true }), so that it can be answered.`,
    );
  }
  const ms = options.timeout === undefined ? null : positiveMilliseconds(options.timeout, "waitForInput(), timeout");
  const json = inputJsonSchema(schema, "waitForInput()");
  const cancelled = scope.takeUndelivered();
  if (cancelled) throw cancelled;
  return (await new PendingInput(frame, schema, json, options.label ?? null, ms).promise) as z.output<S>;
}

export class PendingInput extends Waiting<unknown> implements TimerWait {
  readonly id: string;
  readonly shown: { readonly input_schema: JsonSchema; readonly label: string | null };
  readonly timer: number = 0;
  readonly #frame: WorkflowFrame;
  readonly #schema: Schema;

  constructor(frame: WorkflowFrame, schema: Schema, json: JsonSchema, label: string | null, timeoutMs: number | null) {
    const { instance, scope } = frame;
    super(instance, scope);
    this.#frame = frame;
    this.#schema = schema;
    this.shown = { input_schema: json, label };
    this.id = newTaskId(frame);
    this.#publish("started", { payload: { type: "json", value: this.shown, encoding_options: null } });
    if (instance.inputs.size === 0) this.#showState("waiting_for_input");
    instance.inputs.set(this.id, this);
    if (timeoutMs !== null) this.timer = instance.startTimer(timeoutMs, this);
  }

  describe(): string {
    return this.shown.label === null ? `input ${this.id}` : `input "${this.shown.label}"`;
  }

  parse(input: unknown): unknown {
    const parsed = check(this.#schema, input, this.describe());
    if (!parsed.ok) throw new UpdateRefused(422, parsed.error.message, parsed.error.details);
    return parsed.value;
  }

  submit(input: Json): void {
    const value = this.parse(input);
    this.#end();
    this.#publish("completed", { payload: { type: "json", value: { ...this.shown, input }, encoding_options: null } });
    this.resolve(value);
  }

  fire(): void {
    this.#fail(withoutFrames(new TimeoutError(`nobody answered ${this.describe()} in time`, "input")));
  }

  cancel(error: CancelledError): void {
    this.#fail(error);
  }

  #fail(error: Error): void {
    this.#end();
    this.#publish("failed", { failure: { message: error.message } });
    this.reject(error);
  }

  #end(): void {
    const { inputs } = this.instance;
    inputs.delete(this.id);
    if (this.timer > 0) this.instance.cancelTimer(this.timer);
    if (inputs.size === 0) this.#showState(null);
  }

  #publish(event: "started" | "completed" | "failed", attributes: object): void {
    publishTask(this.#frame, event, this.id, TASK_TYPE, attributes);
  }

  #showState(state: string | null): void {
    const set: Record<string, string> = state === null ? {} : { [STATE_KEY]: state };
    this.instance.decide({ kind: "search_keys_set", set, remove: state === null ? [STATE_KEY] : [] }, true);
  }
}

const Submission = z.object({ task_id: z.string(), input: z.json() });
const Pending = z.object({
  pending_inputs: z.array(
    z.object({ task_id: z.string(), input_schema: z.record(z.string(), z.json()), label: z.string().nullable() }),
  ),
});

const list: Handler = {
  kind: "query",
  name: "__get_pending_inputs",
  description: "Inputs that the workflow waits for.",
  input: undefined,
  output: Pending,
};
const submit: Handler = {
  kind: "update",
  name: "__submit_input",
  description: "Answers one of the inputs that the workflow waits for.",
  input: Submission,
  output: z.object({}),
};

function openInput(instance: WorkflowInstance, id: string): PendingInput {
  const open = instance.inputs.get(id);
  if (open) return open;
  const others = [...instance.inputs.keys()];
  const known = others.length > 0 ? `open are ${others.join(", ")}` : "nothing is open";
  throw new UpdateRefused(404, `no open input has the task id "${id}": ${known}.`);
}

/** The reserved handlers of interactive workflows. */
export const humanInputHandlers = {
  declared: [list, submit] as readonly Handler[],
  register(instance: WorkflowInstance): void {
    instance.handlers.on(list, () => ({
      pending_inputs: [...instance.inputs.values()].map(({ id, shown }) => ({ task_id: id, ...copyJson(shown) })),
    }));
    instance.handlers.on(
      submit,
      (submission) => {
        const { task_id, input } = submission as z.output<typeof Submission>;
        openInput(instance, task_id).submit(input);
        return {};
      },
      (submission: z.output<typeof Submission>) => void openInput(instance, submission.task_id).parse(submission.input),
    );
  },
};
