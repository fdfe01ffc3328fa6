/** The signals, queries and updates of one run: checks them, keeps them until the code attaches a handler, answers them. */
import type { Decision, EventOf } from "../../shared/protocol/history.ts";
import { MAX_PAYLOAD_BYTES } from "../../shared/protocol/limits.ts";
import { acceptChanges, changesAtOnce } from "../determinism/intact.ts";
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
import { copyJson, payloadBytes, TooLargeError, toJson } from "../json.ts";
import { EARLY_MESSAGES_IN_ORDER, type ReplayFlag } from "../runtime/flags.ts";
import { runIn, type WorkflowFrame } from "../runtime/frame.ts";
import type { Log } from "../runtime/log.ts";
import type { HandlerDeclaration } from "../runtime/ops.ts";
import { Scope } from "../runtime/scope.ts";
import { check, checked } from "../schema.ts";
import type { Outcome } from "./closing.ts";
import { isThenable, notAtOnce } from "./promises.ts";
import type { Refusal } from "./types.ts";

interface Attached {
  readonly fn: (input: unknown) => unknown;
  readonly validate: ((input: never) => void) | undefined;
}
type SignalEvent = EventOf<"signal_received">;
type UpdateEvent = EventOf<"update_accepted">;
type Kind = HandlerDeclaration["kind"];

/** What the dispatch needs of the run that owns it. */
export interface DispatchHost {
  /** Name of the workflow. */
  readonly workflow: string;
  readonly failOnAnyError: boolean;
  readonly cancelRequested: CancelledError | null;
  readonly sandbox: boolean;
  /** The frame of code that runs in this scope. */
  frame(scope: Scope): WorkflowFrame;
  /** A handler begins: requests for cancellation reach its scope from now on. */
  enter(scope: Scope): void;
  leave(scope: Scope): void;
  /** Takes a decision, also while the execution is ending (INSTANCE-4). */
  answer(decision: Decision): void;
  /** Ends the execution. */
  finish(outcome: Outcome): void;
  reportBug(error: unknown): void;
  usesFlag(flag: ReplayFlag): boolean;
  say(level: keyof Log, message: string): void;
}

/** Refuses an update with this HTTP status. */
export class UpdateRefused extends WorkflowError {
  readonly status: number;
  constructor(status: number, message: string, details?: unknown) {
    super(message, { retry: false, details });
    this.name = "UpdateRefused";
    this.status = status;
  }
}

/** HTTP status with which an update fails; undefined: that of any failed update. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof UpdateRefused) return error.status;
  if (error instanceof TooLargeError) return 413;
  return error instanceof InvalidValueError ? 422 : undefined;
}

/** The input that the handler sees: without a schema it is any object, and an absent input is the empty one. */
const inputFor = (handler: HandlerDeclaration, input: unknown) => (handler.input ? input : (input ?? {}));

const key = (kind: Kind, name: string) => `${kind} ${name}`;
const kindOf = (event: SignalEvent | UpdateEvent) => (event.kind === "signal_received" ? "signal" : "update");
const handlerOf = (event: SignalEvent | UpdateEvent) => key(kindOf(event), event.name);

export class Dispatch {
  readonly #host: DispatchHost;
  readonly #declared = new Map<string, HandlerDeclaration>();
  readonly #attached = new Map<string, Attached>();
  /** Messages that arrived before the code attached their handler, in the order of their arrival. */
  #early: (SignalEvent | UpdateEvent)[] = [];
  /** Updates that are accepted and not answered: message id to name. */
  readonly #open = new Map<string, string>();
  /** Handlers of signals that are at work: message id to name. */
  readonly #working = new Map<string, string>();

  constructor(host: DispatchHost, declared: readonly HandlerDeclaration[]) {
    this.#host = host;
    for (const handler of declared) this.#declared.set(key(handler.kind, handler.name), handler);
  }

  /** A signal or an update can still move this workflow. */
  get listening(): boolean {
    for (const id of this.#attached.keys()) if (!id.startsWith("query")) return true;
    return false;
  }

  attach(handler: HandlerDeclaration, fn: (input: unknown) => unknown, validate?: (input: never) => void): void {
    const id = key(handler.kind, handler.name);
    if (this.#declared.get(id) !== handler) {
      throw new UsageError(
        `on(${handler.kind} "${handler.name}"): workflow "${this.#host.workflow}" does not declare it. ` +
          "List it in workflow({ handlers: […] }), so that callers can know it.",
      );
    }
    this.#attached.set(id, { fn, validate });
    const early = this.#early.filter((event) => handlerOf(event) === id);
    if (early.length === 0) return;
    if (this.#host.usesFlag(EARLY_MESSAGES_IN_ORDER)) {
      // The handlers that the code attaches before it next waits are all attached when the first of these runs.
      for (const _ of early) queueMicrotask(() => this.#deliverEarly());
      return;
    }
    this.#early = this.#early.filter((event) => handlerOf(event) !== id);
    for (const event of early) queueMicrotask(() => this.deliver(event));
  }

  /** Delivers the first early message whose handler is attached. */
  #deliverEarly(): void {
    const first = this.#early.findIndex((event) => this.#attached.has(handlerOf(event)));
    if (first >= 0) this.deliver(this.#early.splice(first, 1)[0]!);
  }

  deliver(event: SignalEvent | UpdateEvent): void {
    const kind = kindOf(event);
    if (event.kind === "update_accepted") this.#open.set(event.message, event.name);
    const id = handlerOf(event);
    const handler = this.#declared.get(id);
    if (!handler) {
      this.#undeclared(event);
      return;
    }
    const attached = this.#attached.get(id);
    if (!attached) {
      this.#early.push(event);
      return;
    }
    const scope = new Scope();
    this.#host.enter(scope);
    const run = async () => {
      const input = checked(
        handler.input,
        copyJson(inputFor(handler, event.input)),
        `the input of ${kind} "${event.name}"`,
      );
      const answer = await attached.fn(input);
      // Nobody gets what the function of a signal returns, such as the Map of `(event) => events.set(…)`.
      return kind === "signal" ? undefined : this.#output(handler, answer);
    };
    const end = () => this.#host.leave(scope);
    runIn(this.#host.frame(scope), () => {
      const done = run();
      if (event.kind === "update_accepted") {
        done
          .then(
            (result) => this.#answer(event, result),
            (error) => this.#failed(event, error),
          )
          .finally(end);
      } else {
        this.#working.set(event.message, event.name);
        done
          .then(undefined, (error) => this.#signalThrew(event, error))
          .finally(() => {
            this.#working.delete(event.message);
            end();
          });
      }
    });
  }

  /** The answer, checked against its schema and as JSON. */
  #output(handler: HandlerDeclaration, value: unknown): unknown {
    const what = `the answer of ${handler.kind} "${handler.name}"`;
    const result = handler.output ? check(handler.output, value, what) : { ok: true as const, value };
    if (!result.ok) throw new UsageError(result.error.message); // the workflow's mistake, not the caller's: a bug
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
    this.#host.answer({ kind: "update_completed", message: event.message, name: event.name, result: result as never });
  }

  #failed(event: UpdateEvent, error: unknown): void {
    if (!isFailure(error) && !this.#host.failOnAnyError) {
      this.#host.reportBug(error);
      return;
    }
    if (!this.#open.delete(event.message)) return;
    this.#fail(event.message, event.name, error, statusOf(error));
  }

  #fail(message: string, name: string, error: unknown, status?: number): void {
    const failure = toFailure(error);
    this.#host.answer({ kind: "update_failed", message, name, failure, ...(status === undefined ? {} : { status }) });
  }

  #signalThrew(event: SignalEvent, error: unknown): void {
    if (error instanceof InvalidValueError) {
      // The schema has changed since the signal was recorded: bad input must not fail the execution.
      this.#host.say("warn", `signal "${event.name}" was ignored: ${error.message}`);
    } else if (error instanceof CancelledError && this.#host.cancelRequested) {
      this.#host.say("debug", `the handler of signal "${event.name}" was cancelled`);
    } else {
      this.#host.finish({ error });
    }
  }

  #undeclared(event: SignalEvent | UpdateEvent): void {
    if (event.kind === "signal_received") {
      this.#host.say("warn", `signal "${event.name}" was ignored: ${this.#unknown("signal", event.name)}`);
    } else if (this.#open.delete(event.message)) {
      this.#fail(event.message, event.name, new UpdateRefused(404, this.#unknown("update", event.name)), 404);
    }
  }

  /** The run closes: fails the updates that it leaves unanswered, and warns of signals that were not handled to the end. */
  close(ended: "the execution ended" | "the run continued as new"): void {
    const open = [...this.#open];
    this.#open.clear();
    for (const [message, name] of open) {
      const error = new WorkflowError(`${ended} before update "${name}" was finished`);
      this.#fail(message, name, withoutFrames(error));
    }
    for (const [name, count] of counted(this.#working.values())) {
      const handlers = count === 1 ? "a handler" : `${count} handlers`;
      this.#host.say(
        "warn",
        `${ended} while ${handlers} of signal "${name}" had not finished: the rest of it does not run. ` +
          "Let the workflow function wait until its handlers are done.",
      );
    }
    const early = this.#early.filter((event) => event.kind === "signal_received");
    for (const [name, count] of counted(early.map((event) => event.name))) {
      const signals = count === 1 ? "a signal" : `${count} signals`;
      this.#host.say(
        "warn",
        `${ended} without handling ${signals} "${name}": its code never attached a handler. ` +
          "Attach it with on() before the first await.",
      );
    }
  }

  query(name: string, input: unknown): unknown {
    const id = key("query", name);
    const handler = this.#declared.get(id);
    if (!handler) throw new QueryRefused(404, this.#unknown("query", name));
    const attached = this.#attached.get(id);
    if (!attached) {
      throw new QueryRefused(
        409,
        `workflow "${this.#host.workflow}" has not attached a handler of query "${name}" yet: ask again later, or attach it with on() before the first await.`,
      );
    }
    const thrown = (error: unknown) => {
      const { message } = toFailure(error);
      return new QueryRefused(500, `the handler of query "${name}" threw: ${message}`, { cause: error });
    };
    const answer = () => {
      const parsed = check(handler.input, input, `the input of query "${name}"`);
      if (!parsed.ok) throw new QueryRefused(422, parsed.error.message, { details: parsed.error.details });
      let answer: unknown;
      try {
        answer = attached.fn(parsed.value);
        if (isThenable(answer)) throw notAtOnce("a query handler", answer);
        return this.#output(handler, answer);
      } catch (error) {
        throw error instanceof TooLargeError ? new QueryRefused(413, error.message) : thrown(error);
      }
    };
    return this.#readOnly("a query handler", answer, (error) => {
      throw thrown(error);
    });
  }

  checkUpdate(name: string, input: unknown): Refusal | null {
    const id = key("update", name);
    const handler = this.#declared.get(id);
    if (!handler) return { status: 404, failure: toFailure(new UpdateRefused(404, this.#unknown("update", name))) };
    const refused = (status: number, error: Error) => {
      this.#host.say("error", error.message);
      return { status, failure: toFailure(error) };
    };
    const answer = () => {
      try {
        const parsed = check(handler.input, inputFor(handler, input), `the input of update "${name}"`);
        if (!parsed.ok) return { status: 422, failure: toFailure(parsed.error) };
        const answer: unknown = this.#attached.get(id)?.validate?.(parsed.value as never);
        if (!isThenable(answer)) return null;
        return refused(500, notAtOnce(`the validator of update "${name}"`, answer));
      } catch (error) {
        const status = isFailure(error) && error instanceof UpdateRefused ? error.status : 422;
        return { status, failure: toFailure(error) };
      }
    };
    return this.#readOnly("the validator of an update", answer, (error) => refused(500, error));
  }

  checkSignal(name: string, input: unknown): string | null {
    const handler = this.#declared.get(key("signal", name));
    if (!handler) return this.#unknown("signal", name);
    const threw = (error: unknown) => `the schema of signal "${name}" threw: ${toFailure(error).message}`;
    const answer = () => {
      try {
        const parsed = check(handler.input, input, `the input of signal "${name}"`);
        return parsed.ok ? null : parsed.error.message;
      } catch (error) {
        return threw(error);
      }
    };
    return this.#readOnly("the schema of a signal", answer, threw);
  }

  /** `replaced`: what is answered for code that has replaced a function of the platform (INTACT-1). */
  #readOnly<T>(what: string, fn: () => T, replaced: (error: Error) => T): T {
    const frame = { ...this.#host.frame(new Scope()), readOnly: what };
    if (!this.#host.sandbox) return runIn(frame, fn);
    acceptChanges();
    let change: Error | null;
    let answer: T;
    try {
      answer = runIn(frame, fn);
    } finally {
      change = changesAtOnce(this.#host.workflow);
    }
    return change ? replaced(change) : answer;
  }

  #unknown(kind: Kind, name: string): string {
    const known = [...this.#declared.values()]
      .filter((h) => h.kind === kind && !h.name.startsWith("__"))
      .map((h) => `"${h.name}"`);
    const plural = kind === "query" ? "queries" : `${kind}s`;
    const list = known.length > 0 ? `its ${plural} are ${known.join(", ")}` : `it declares no ${plural}`;
    return `workflow "${this.#host.workflow}" has no ${kind} "${name}": ${list}.`;
  }
}

function counted(names: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
