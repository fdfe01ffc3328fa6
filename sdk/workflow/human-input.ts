/**
 * `waitForInput` asks a person: a custom task of type `wait_for_input` shows the schema and a label, a reserved query
 * lists the open inputs, and a reserved update submits one. `workflow({ interactive: true })` declares all three.
 */
import * as z from "zod";
import type { Duration } from "../../shared/lib/duration.ts";
import { type CancelledError, TimeoutError, UsageError, withoutFrames } from "../errors.ts";
import { copyJson, type Json } from "../json.ts";
import { commandFrame, type WorkflowFrame } from "../runtime/frame.ts";
import type { HandlerDeclaration, OpenInput, OpenTimer } from "../runtime/ops.ts";
import { limitMs } from "../runtime/passed.ts";
import { Waiting } from "../runtime/waits.ts";
import { check, inputJsonSchema, type JsonSchema, type Schema } from "../schema.ts";
import { type Dispatch, UpdateRefused } from "./dispatch.ts";
import { newTaskId, publishTask } from "./task.ts";

const TASK_TYPE = "wait_for_input";
const STATE_KEY = "internal.execution.state";

export interface WaitForInputOptions {
  /** Shown to the person who is asked. */
  label?: string;
  /** Without a submitted input after this time, the wait throws `TimeoutError`. Default: it waits for ever. */
  timeout?: Duration;
}

/**
 * Waits until a person (or a program) submits a value that fits the schema; a value that does not fit is refused, and the
 * wait goes on. Several inputs may be open at once. Throws `TimeoutError`, or `CancelledError` when the execution is
 * cancelled.
 */
export async function waitForInput<S extends Schema>(
  schema: S,
  options: WaitForInputOptions = {},
): Promise<z.output<S>> {
  const frame = commandFrame("waitForInput()");
  const { ops, scope } = frame;
  if (!ops.interactive) {
    throw new UsageError(
      `waitForInput(): declare workflow({ name: "${ops.name}", interactive: true }), so that it can be answered.`,
    );
  }
  const ms = options.timeout === undefined ? null : limitMs(ops, options.timeout, "waitForInput(), timeout");
  const json = inputJsonSchema(schema, "waitForInput()");
  const cancelled = scope.takeUndelivered();
  if (cancelled) throw cancelled;
  return (await new PendingInput(frame, schema, json, options.label ?? null, ms).promise) as z.output<S>;
}

class PendingInput extends Waiting<unknown> implements OpenInput, OpenTimer {
  readonly id: string;
  readonly shown: { readonly input_schema: JsonSchema; readonly label: string | null };
  readonly #timer: number = 0;
  readonly #frame: WorkflowFrame;
  readonly #schema: Schema;

  constructor(frame: WorkflowFrame, schema: Schema, json: JsonSchema, label: string | null, timeoutMs: number | null) {
    const { ops, scope } = frame;
    super(ops, scope);
    this.#frame = frame;
    this.#schema = schema;
    this.shown = { input_schema: json, label };
    this.id = newTaskId(frame);
    this.#publish("started", { payload: { type: "json", value: this.shown, encoding_options: null } });
    if (ops.inputs.size === 0) this.#showState("waiting_for_input");
    ops.openInput(this);
    if (timeoutMs !== null) this.#timer = ops.startTimer(timeoutMs, this);
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
    this.ops.closeInput(this.id);
    if (this.#timer > 0) this.ops.cancelTimer(this.#timer);
    if (this.ops.inputs.size === 0) this.#showState(null);
  }

  #publish(event: "started" | "completed" | "failed", attributes: object): void {
    publishTask(this.#frame, event, this.id, TASK_TYPE, attributes);
  }

  #showState(state: string | null): void {
    if (state === null) this.ops.setSearchKeys({}, [STATE_KEY]);
    else this.ops.setSearchKeys({ [STATE_KEY]: state }, []);
  }
}

const Submission = z.object({ task_id: z.string(), input: z.json() });
const Pending = z.object({
  pending_inputs: z.array(
    z.object({ task_id: z.string(), input_schema: z.record(z.string(), z.json()), label: z.string().nullable() }),
  ),
});

const list: HandlerDeclaration = {
  kind: "query",
  name: "__get_pending_inputs",
  description: "Inputs that the workflow waits for.",
  input: undefined,
  output: Pending,
};
const submit: HandlerDeclaration = {
  kind: "update",
  name: "__submit_input",
  description: "Answers one of the inputs that the workflow waits for.",
  input: Submission,
  output: z.object({}),
};

function openInput(inputs: OpenInputs, id: string): OpenInput {
  const open = inputs.get(id);
  if (open) return open;
  const others = [...inputs.keys()];
  const known = others.length > 0 ? `open are ${others.join(", ")}` : "nothing is open";
  throw new UpdateRefused(404, `no open input has the task id "${id}": ${known}.`);
}

type OpenInputs = ReadonlyMap<string, OpenInput>;

/** The reserved handlers of interactive workflows. */
export const humanInputHandlers = {
  declared: [list, submit] as readonly HandlerDeclaration[],
  attach(handlers: Dispatch, inputs: OpenInputs): void {
    handlers.attach(list, () => ({
      pending_inputs: [...inputs.values()].map(({ id, shown }) => ({ task_id: id, ...copyJson(shown) })),
    }));
    handlers.attach(
      submit,
      (submission) => {
        const { task_id, input } = submission as z.output<typeof Submission>;
        openInput(inputs, task_id).submit(input);
        return {};
      },
      (submission: z.output<typeof Submission>) => void openInput(inputs, submission.task_id).parse(submission.input),
    );
  },
};
