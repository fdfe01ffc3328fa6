/** The built-in activities that send the messages of `externalExecution` to the server. */
import type { OutgoingMessage } from "../../shared/protocol/outgoing-message.ts";
import { type AnyActivity, builtInActivity } from "../activity.ts";
import { MessageError, withoutFrames } from "../errors.ts";
import type { Json } from "../json.ts";
import type { ActivityContext } from "../runtime/activity.ts";
import { MESSAGE_ACTIVITIES, type MessageInput, messageOptions } from "../runtime/message.ts";
import { undecodedInput } from "./encoding.ts";
import { ServerRefusal, type Transport } from "./transport.ts";
import type { WorkerContext } from "./types.ts";

/** The server answers a query after at most 30 s. */
const CALL_MS = 50_000;

const KINDS = Object.keys(MESSAGE_ACTIVITIES) as OutgoingMessage["kind"][];

export function withMessages(worker: WorkerContext): WorkerContext {
  const { activities, transport } = worker;
  const own = KINDS.map((kind): [string, AnyActivity] => {
    const name = MESSAGE_ACTIVITIES[kind];
    return [name, builtInActivity(name, messageOptions(kind), (input, context) => sent(transport, input, context))];
  });
  return { ...worker, activities: new Map([...activities, ...own]) };
}

/** Rejects with `MessageError`, or with the error of the transport: then the next attempt sends the message again. */
async function sent(transport: Transport, input: unknown, context: ActivityContext): Promise<Json> {
  const { execution: to, child, message } = input as MessageInput;
  const { execution, run, activity, signal } = context;
  const body = { execution, run, activity, to, message, ...(child !== undefined && { child }) };
  const answer = await transport
    .call("message", body, { retry: false, timeoutMs: CALL_MS, signal })
    .catch((error: unknown) => Promise.reject(error instanceof ServerRefusal ? notTaken(error, to) : error));
  if (answer.kind === "sent") return null;
  if (answer.kind === "refused") {
    const { reason, detail } = answer;
    throw withoutFrames(new MessageError(detail, { execution: to, reason, retry: reason === "NO_ANSWER" }));
  }
  const undecoded = undecodedInput(answer.result, `the answer of execution '${to}'`);
  if (undecoded) throw undecoded;
  return answer.result as Json;
}

/** The server did not take the call itself. */
function notTaken({ code, status, message }: ServerRefusal, execution: string): MessageError {
  if (code === "NO_ROUTE") {
    const older = "this server is older than the SDK and carries no messages between executions: update it";
    return withoutFrames(new MessageError(older, { execution, reason: "REFUSED" }));
  }
  const reason = status === 403 ? "FORBIDDEN" : status === 413 || status === 422 ? "INVALID_INPUT" : "REFUSED";
  return withoutFrames(new MessageError(message, { execution, reason }));
}
