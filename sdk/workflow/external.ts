/**
 * `externalExecution`: messages of workflow code to another execution of the workspace.
 *
 * EXTERNAL-1. Each message is a built-in activity: the history records it with its outcome, a replay sends nothing, and the
 *     workflow's code awaits the outcome where it wants.
 * EXTERNAL-2. A message is sent at least once. Its id is that of the activity, so that the receiver takes it in once, unless it
 *     was started again between two attempts.
 */
import type { Duration } from "../../shared/lib/duration.ts";
import { ExecutionId, idProblem } from "../../shared/protocol/ids.ts";
import type { OutgoingMessage } from "../../shared/protocol/outgoing-message.ts";
import { ActivityError, MessageError, TimeoutError, UsageError } from "../errors.ts";
import { toPayload } from "../json.ts";
import { checkHandlerName } from "../names.ts";
import { commandFrame } from "../runtime/frame.ts";
import { MESSAGE_ACTIVITIES, type MessageInput, messageOptions } from "../runtime/message.ts";
import { limitMs } from "../runtime/passed.ts";
import { ActivityWait } from "../runtime/waits.ts";
import type { InputArgs, MessageArgs } from "../schema.ts";
import type { Query, Signal } from "./handlers.ts";

export interface MessageOptions {
  /** Limit on all attempts together; then `TimeoutError`. Default: none for a signal and a cancel request, three attempts for a query. */
  timeout?: Duration;
}

type SignalRef<Sent> = Pick<Signal<never, Sent>, "name" | "sent">;
type QueryRef<Sent, Answer> = Pick<Query<never, never, Sent, Answer>, "name" | "sent">;

/** The messages that an execution takes. All reject with `MessageError` when it does not take them. */
export interface Messages {
  // As in `children.ts`: the overload of which a compiler tells what is wrong stands last.
  /** By the name of a signal that this program does not import. */
  signal(signal: string, input?: object, options?: MessageOptions): Promise<void>;
  /** Resolves when the server has stored the signal. */
  signal<Sent>(signal: SignalRef<Sent>, ...args: [...MessageArgs<Sent>, MessageOptions?]): Promise<void>;
  query(query: string, input?: object, options?: MessageOptions): Promise<unknown>;
  /** The answer, as the history then records it: a replay does not ask again. */
  query<Sent, Answer>(query: QueryRef<Sent, Answer>, ...args: [...InputArgs<Sent>, MessageOptions?]): Promise<Answer>;
}

/** Another execution, of any workflow and deployment of the workspace. */
export interface ExternalExecution extends Messages {
  /** Its id. */
  readonly execution: string;
  /** Asks it to end; its code may clean up first. Resolves when the server has stored the request. */
  cancel(reason?: string, options?: MessageOptions): Promise<void>;
}

/** The execution with this id. That it exists is found out with the first message. */
export function externalExecution(execution: string): ExternalExecution {
  const problem = idProblem(ExecutionId, execution);
  if (problem !== undefined) throw new UsageError(`externalExecution(): ${problem}`);
  return {
    execution,
    ...messagesTo({ execution }),
    cancel: async (reason, options) => {
      const what = `cancel() to execution '${execution}'`;
      if (reason !== undefined && typeof reason !== "string") {
        throw new UsageError(`${what}: the reason must be a text, it is of type ${typeof reason}`);
      }
      toPayload(reason, `the reason of ${what}`);
      await send({ execution }, { kind: "cancel", reason: reason ?? null }, options);
    },
  };
}

/** `child`: its number, where the execution is one of this run. */
type Receiver = Pick<MessageInput, "execution" | "child">;

export function messagesTo(to: Receiver): Messages {
  const { execution } = to;
  return {
    async signal(signal: SignalRef<unknown> | string, input?: unknown, options?: MessageOptions) {
      const name = nameOf("signal", signal);
      const what = `the input of signal "${name}" to execution '${execution}'`;
      await send(to, { kind: "signal", name, input: toPayload(input ?? {}, what) as never }, options);
    },
    async query(query: QueryRef<unknown, unknown> | string, input?: unknown, options?: MessageOptions) {
      const name = nameOf("query", query);
      const what = `the input of query "${name}" to execution '${execution}'`;
      const message = { kind: "query", name, input: toPayload(input ?? null, what) as never } as const;
      return (await send(to, message, options)) as never;
    },
  };
}

const nameOf = (kind: "signal" | "query", handler: { readonly name: string } | string): string =>
  checkHandlerName(kind, typeof handler === "string" ? handler : handler.name);

async function send(to: Receiver, message: OutgoingMessage, { timeout }: MessageOptions = {}): Promise<unknown> {
  const what = `${message.kind}() to execution '${to.execution}'`;
  const { ops, scope } = commandFrame(what);
  const options = messageOptions(message.kind);
  if (timeout !== undefined) options.schedule_to_close_ms = limitMs(ops, timeout, `${what}, timeout`);
  const cancelled = scope.takeUndelivered();
  if (cancelled) throw cancelled;
  const request = { name: MESSAGE_ACTIVITIES[message.kind], input: { ...to, message } as never, options };
  try {
    return await new ActivityWait(ops, scope, request, false).promise;
  } catch (error) {
    const cause = error instanceof ActivityError ? error.cause : undefined;
    throw cause instanceof MessageError || cause instanceof TimeoutError ? cause : error;
  }
}
