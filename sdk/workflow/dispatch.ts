/** Signals, queries and updates of one instance: checked, kept until there is a handler, and answered. */
import type { EventOf } from "../../shared/protocol/history.ts";
import { MAX_PAYLOAD_BYTES } from "../../shared/protocol/limits.ts";
import { runIn } from "../determinism/frame.ts";
import {
  CancelledError,
  InvalidValueError,
  isFailure,
  QueryRefused,
  UsageError,
  WorkflowError,
  withoutFrames,
} from "../errors.ts";
import { toFailure } from "../failure.ts";
import { copyJson, payloadBytes, toJson } from "../json.ts";
import { check, checked } from "../schema.ts";
import type { Handler } from "./handlers.ts";
import type { WorkflowInstance } from "./instance.ts";
import { Scope } from "./scope.ts";
import type { Refusal } from "./types.ts";

interface Registered {
  readonly fn: (input: unknown) => unknown;
  readonly validate: ((input: never) => void) | undefined;
}
type SignalEvent = EventOf<"signal_received">;
type UpdateEvent = EventOf<"update_accepted">;
type Kind = Handler["kind"];

/** Refuses an update with a status of its own. */
export class UpdateRefused extends WorkflowError {
  readonly status: number;
  constructor(status: number, message: string, details?: unknown) {
    super(message, { retry: false, details });
    this.name = "UpdateRefused";
    this.status = status;
  }
}

/** Without a schema an input is any object; none is the empty one. */
const given = (handler: Handler, { input }: { input: unknown }) => (handler.input ? input : (input ?? {}));

const key = (kind: Kind, name: string) => `${kind} ${name}`;

export class Dispatch {
  readonly #instance: WorkflowInstance;
  readonly #declared = new Map<string, Handler>();
  readonly #registered = new Map<string, Registered>();
  /** Arrived before their handler. */
  readonly #early = new Map<string, (SignalEvent | UpdateEvent)[]>();
  /** Accepted and not answered: message id to name. */
  readonly #open = new Map<string, string>();

  constructor(instance: WorkflowInstance, declared: readonly Handler[]) {
    this.#instance = instance;
    for (const handler of declared) this.#declared.set(key(handler.kind, handler.name), handler);
  }

  /** Somebody outside can still move this workflow. */
  get listening(): boolean {
    for (const id of this.#registered.keys()) if (!id.startsWith("query")) return true;
    return false;
  }

  on(handler: Handler, fn: (input: unknown) => unknown, validate?: (input: never) => void): void {
    const id = key(handler.kind, handler.name);
    if (this.#declared.get(id) !== handler) {
      throw new UsageError(
        `on(${handler.kind} "${handler.name}"): workflow "${this.#instance.name}" does not declare it. ` +
          "List it in workflow({ handlers: […] }), so that callers can know it.",
      );
    }
    this.#registered.set(id, { fn, validate });
    const early = this.#early.get(id);
    if (!early) return;
    this.#early.delete(id);
    for (const event of early) queueMicrotask(() => this.deliver(event));
  }

  deliver(event: SignalEvent | UpdateEvent): void {
    const kind = event.kind === "signal_received" ? "signal" : "update";
    if (event.kind === "update_accepted") this.#open.set(event.message, event.name);
    const id = key(kind, event.name);
    const handler = this.#declared.get(id);
    if (!handler) {
      this.#undeclared(event);
      return;
    }
    const registered = this.#registered.get(id);
    if (!registered) {
      const early = this.#early.get(id);
      if (early) early.push(event);
      else this.#early.set(id, [event]);
      return;
    }
    const scope = new Scope();
    this.#instance.scopes.add(scope);
    const run = async () => {
      const input = checked(handler.input, copyJson(given(handler, event)), `the input of ${kind} "${event.name}"`);
      return this.#output(handler, await registered.fn(input));
    };
    const end = () => void this.#instance.scopes.delete(scope);
    runIn(this.#instance.frame(scope), () => {
      const done = run();
      if (event.kind === "update_accepted") {
        done
          .then(
            (result) => this.#answer(event, result),
            (error) => this.#failed(event, error),
          )
          .finally(end);
      } else {
        done.then(undefined, (error) => this.#signalThrew(event, error)).finally(end);
      }
    });
  }

  /** Validated against the schema, and as JSON. */
  #output(handler: Handler, value: unknown): unknown {
    const what = `the answer of ${handler.kind} "${handler.name}"`;
    const result = handler.output ? check(handler.output, value, what) : { ok: true as const, value };
    if (!result.ok) throw new UsageError(result.error.message); // the workflow's own mistake: a bug, not the caller's
    return toJson(result.value, what);
  }

  #answer(event: UpdateEvent, result: unknown): void {
    if (!this.#open.delete(event.message)) return;
    const bytes = payloadBytes(result);
    if (bytes > MAX_PAYLOAD_BYTES) {
      const message = `the answer of update "${event.name}" has ${bytes} bytes, the limit is ${MAX_PAYLOAD_BYTES}: store it elsewhere and answer a reference`;
      this.#fail(event.message, event.name, withoutFrames(new UpdateRefused(413, message)), 413);
      return;
    }
    this.#instance.decide(
      { kind: "update_completed", message: event.message, name: event.name, result: result as never },
      true,
    );
  }

  #failed(event: UpdateEvent, error: unknown): void {
    if (!isFailure(error) && !this.#instance.failOnAnyError) {
      this.#instance.reportBug(error);
      return;
    }
    if (!this.#open.delete(event.message)) return;
    const status = error instanceof UpdateRefused ? error.status : error instanceof InvalidValueError ? 422 : undefined;
    this.#fail(event.message, event.name, error, status);
  }

  #fail(message: string, name: string, error: unknown, status?: number): void {
    const failure = toFailure(error);
    this.#instance.decide(
      { kind: "update_failed", message, name, failure, ...(status === undefined ? {} : { status }) },
      true,
    );
  }

  #signalThrew(event: SignalEvent, error: unknown): void {
    if (error instanceof InvalidValueError) {
      // The schema changed after the signal was taken in: never fail over bad input.
      this.#instance.say("warn", `signal "${event.name}" was ignored: ${error.message}`);
    } else if (error instanceof CancelledError && this.#instance.cancelRequested) {
      this.#instance.say("debug", `the handler of signal "${event.name}" was cancelled`);
    } else {
      this.#instance.settle({ error });
    }
  }

  #undeclared(event: SignalEvent | UpdateEvent): void {
    if (event.kind === "signal_received") {
      this.#instance.say("warn", `signal "${event.name}" was ignored: ${this.#unknown("signal", event.name)}`);
    } else if (this.#open.delete(event.message)) {
      this.#fail(event.message, event.name, new UpdateRefused(404, this.#unknown("update", event.name)), 404);
    }
  }

  /** Answers for updates that the closing execution leaves behind. */
  closeUpdates(): void {
    const open = [...this.#open];
    this.#open.clear();
    for (const [message, name] of open) {
      const error = new WorkflowError(`the execution ended before update "${name}" was finished`);
      this.#fail(message, name, withoutFrames(error));
    }
  }

  query(name: string, input: unknown): unknown {
    const id = key("query", name);
    const handler = this.#declared.get(id);
    if (!handler) throw new QueryRefused(404, this.#unknown("query", name));
    const registered = this.#registered.get(id);
    if (!registered) {
      throw new QueryRefused(
        409,
        `query "${name}" has no handler yet: the code of workflow "${this.#instance.name}" has not reached on(${name}).`,
      );
    }
    return this.#looking("a query handler", () => {
      const parsed = check(handler.input, input, `the input of query "${name}"`);
      if (!parsed.ok) throw new QueryRefused(422, parsed.error.message, { details: parsed.error.details });
      let answer: unknown;
      try {
        answer = registered.fn(parsed.value);
        if (answer instanceof Promise) {
          answer.catch(() => {});
          throw new UsageError("query handlers answer at once: they must not be async.");
        }
        return this.#output(handler, answer);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        throw new QueryRefused(500, `the handler of query "${name}" threw: ${message}`, { cause: error });
      }
    });
  }

  checkUpdate(name: string, input: unknown): Refusal | null {
    const id = key("update", name);
    const handler = this.#declared.get(id);
    if (!handler) return { status: 404, failure: toFailure(new UpdateRefused(404, this.#unknown("update", name))) };
    return this.#looking("the validator of an update", () => {
      try {
        const parsed = check(handler.input, given(handler, { input }), `the input of update "${name}"`);
        if (!parsed.ok) return { status: 422, failure: toFailure(parsed.error) };
        this.#registered.get(id)?.validate?.(parsed.value as never);
        return null;
      } catch (error) {
        return { status: error instanceof UpdateRefused ? error.status : 422, failure: toFailure(error) };
      }
    });
  }

  checkSignal(name: string, input: unknown): string | null {
    const handler = this.#declared.get(key("signal", name));
    if (!handler) return this.#unknown("signal", name);
    return this.#looking("the schema of a signal", () => {
      try {
        const parsed = check(handler.input, input, `the input of signal "${name}"`);
        return parsed.ok ? null : parsed.error.message;
      } catch (error) {
        return `the schema of signal "${name}" threw: ${error instanceof Error ? error.message : String(error)}`;
      }
    });
  }

  #looking<T>(what: string, fn: () => T): T {
    return runIn({ ...this.#instance.frame(new Scope()), readOnly: what }, fn);
  }

  #unknown(kind: Kind, name: string): string {
    const known = [...this.#declared.values()]
      .filter((h) => h.kind === kind && !h.name.startsWith("__"))
      .map((h) => `"${h.name}"`);
    const plural = kind === "query" ? "queries" : `${kind}s`;
    const list = known.length > 0 ? `its ${plural} are ${known.join(", ")}` : `it declares no ${plural}`;
    return `workflow "${this.#instance.name}" has no ${kind} "${name}": ${list}.`;
  }
}
