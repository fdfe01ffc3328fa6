/** One execution, as a client sees it. */
import type { Failure } from "../../shared/protocol/history.ts";
import type { PublicEvent } from "../../shared/protocol/http/event-types.ts";
import type { PublicStatus } from "../../shared/protocol/status.ts";
import type { Json } from "../plain-json.ts";
import { fromFailure } from "../revive.ts";
import type { InputArgs, MessageArgs } from "../schema.ts";
import { unwrapResult } from "../workflow/result.ts";
import { ApiError, ExecutionError } from "./errors.ts";
import { followEvents } from "./events.ts";
import type { Connection } from "./http.ts";
import { patched, valueAt } from "./patches.ts";
import type { QueryRef, SignalRef, UpdateRef, WorkflowRef } from "./types.ts";

export interface CallOptions {
  /** Ends the call, and the pauses before it is repeated. */
  readonly signal?: AbortSignal;
}

export interface Description {
  readonly execution_id: string;
  readonly run_id: string | null;
  readonly workflow_name: string;
  readonly deployment_name: string | null;
  readonly status: PublicStatus;
  readonly start_time: string;
  readonly end_time: string | null;
  readonly result: unknown;
}

/** The state of a task (`task(type, …)` of the SDK) after one of its events. */
export interface Progress<State> {
  /** Id of the task. */
  readonly id: string;
  readonly status: "started" | "in_progress" | "completed" | "failed" | "timed_out" | "canceled";
  /** As `set` left it; after the end the last one. */
  readonly state: State;
}

export class Execution<Out = unknown> {
  readonly id: string;
  readonly #connection: Connection;
  readonly #workflow: WorkflowRef<never, Out> | undefined;

  constructor(connection: Connection, id: string, workflow?: WorkflowRef<never, Out>) {
    this.#connection = connection;
    this.id = id;
    this.#workflow = workflow;
  }

  get #path(): string {
    return `/v1/workflows/executions/${encodeURIComponent(this.id)}`;
  }

  /** Status and times, and the result as the API sends it. */
  describe(options: CallOptions = {}): Promise<Description> {
    return this.#connection.call("GET", this.#path, { ...options, repeatable: true });
  }

  /** The server has stored the signal when this resolves. It is not repeated after a lost connection (REPEAT-1). */
  async signal<Sent>(
    signal: SignalRef<Sent>,
    ...[input, options]: [...MessageArgs<Sent>, CallOptions?]
  ): Promise<void> {
    const body = { name: signal.name, input: input ?? {} };
    await this.#connection.call("POST", `${this.#path}/signals`, { ...options, body, repeatable: false });
  }

  async query<Sent, Answer>(
    query: QueryRef<Sent, Answer>,
    ...[input, options]: [...InputArgs<Sent>, CallOptions?]
  ): Promise<Answer> {
    const body = { name: query.name, ...(input === undefined ? {} : { input }) };
    const path = `${this.#path}/queries`;
    return (await this.#connection.call<{ result: Answer }>("POST", path, { ...options, body, repeatable: true }))
      .result;
  }

  /** The answer of the handler. Throws `ApiError` with the code `HANDLER_FAILED` when it refuses. Not repeated, like a signal. */
  async update<Sent, Answer>(
    update: UpdateRef<Sent, Answer>,
    ...[input, options]: [...MessageArgs<Sent>, CallOptions?]
  ): Promise<Answer> {
    const body = { name: update.name, input: input ?? {} };
    const path = `${this.#path}/updates`;
    return (await this.#connection.call<{ result: Answer }>("POST", path, { ...options, body, repeatable: false }))
      .result;
  }

  /** Asks the workflow to end; its code may clean up first. */
  async cancel(options: CallOptions = {}): Promise<void> {
    await this.#connection.call("POST", `${this.#path}/cancel`, { ...options, repeatable: true });
  }

  /** Ends the execution at once, without its code. */
  async terminate(options: CallOptions = {}): Promise<void> {
    await this.#connection.call("POST", `${this.#path}/terminate`, { ...options, repeatable: true });
  }

  /** Waits, for any time, until the execution has closed. Throws `ExecutionError` if it has no result. */
  async result(options: CallOptions = {}): Promise<Out> {
    let seen = await this.describe(options);
    if (seen.status === "RUNNING") {
      for await (const _ of this.events(options)); // the stream ends with the execution
      seen = await this.describe(options);
    }
    if (seen.status !== "COMPLETED") throw await this.#error(seen.status, options);
    return this.unwrapped(seen.result);
  }

  /** The workflow's result from the form in which the API sends it. */
  unwrapped(result: unknown): Out {
    return unwrapResult(result, this.#workflow?.outputSchema ?? null) as Out;
  }

  async #error(status: PublicStatus, options: CallOptions): Promise<ExecutionError> {
    const page = `${this.#path}/history?order=desc&limit=1`;
    const { events } = await this.#connection.call<{ events: { kind: string; failure?: Failure }[] }>("GET", page, {
      ...options,
      repeatable: true,
    });
    const [last] = events;
    return new ExecutionError(this.id, status, last?.failure && fromFailure(last.failure));
  }

  /** The error with which it ended, of a refusal that says that it has. */
  async failed(error: unknown, options: CallOptions): Promise<unknown> {
    if (!(error instanceof ApiError) || error.code !== "EXECUTION_FAILED") return error;
    return this.#error((error.body as { status: PublicStatus }).status, options);
  }

  /**
   * Its public events from the first one (or from the one after `after`, an id of an earlier event), as they happen, until it has
   * closed. A lost connection is opened again behind the last event.
   */
  async *events(options: CallOptions & { readonly after?: string } = {}): AsyncGenerator<PublicEvent> {
    const running = async () => (await this.describe(options)).status === "RUNNING";
    yield* followEvents(this.#connection, `${this.#path}/stream`, running, options);
  }

  /** The states of its tasks of this type, as they change. */
  async *progress<State = Json>(type: string, options: CallOptions = {}): AsyncGenerator<Progress<State>> {
    const states = new Map<string, Json>();
    for await (const { event_type, attributes } of this.events(options)) {
      if (!("custom_task_id" in attributes) || attributes.custom_task_type !== type) continue;
      const { custom_task_id: id } = attributes;
      if ("payload" in attributes) {
        const { payload } = attributes;
        if (payload.type === "json") states.set(id, payload.value as Json);
        else if (Array.isArray(payload.value)) states.set(id, patched(states.get(id) ?? null, payload.value));
      }
      const status = event_type.replace("CUSTOM_TASK_", "").toLowerCase() as Progress<State>["status"];
      yield { id, status, state: (states.get(id) ?? null) as State };
    }
  }

  /**
   * The text that its tasks of this type stream, piece by piece: `at` is the JSON pointer of the text in their states, such as
   * `/answer`. Where the text was replaced instead of extended, the piece is the whole new text.
   */
  async *tokens(type: string, at = "", options: CallOptions = {}): AsyncGenerator<string> {
    const texts = new Map<string, string>();
    for await (const { id, state } of this.progress(type, options)) {
      const text = valueAt(state, at);
      const before = texts.get(id) ?? "";
      if (typeof text !== "string" || text === before) continue;
      texts.set(id, text);
      yield text.startsWith(before) ? text.slice(before.length) : text;
    }
  }
}
