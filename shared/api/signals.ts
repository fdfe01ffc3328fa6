/** Signals: the message is stored, then acknowledged; the workflow takes it in at its next step. */
import { send } from "../engine/send.ts";
import { isRefusal, type Refusal } from "../protocol/errors.ts";
import { type Message, messageId } from "../protocol/messages.ts";
import { checkInvocation } from "./check-invocation.ts";
import { closed, runningHead } from "./executions.ts";
import { inputOf } from "./payload.ts";
import { type RequestContext, refTo } from "./request-context.ts";

export async function signalExecution(
  context: RequestContext,
  execution: string,
  p: { name: string; input?: unknown },
  /** Given where the call may be repeated: the message is stored once. */
  id: string = context.ports.uuid(),
): Promise<{ message: string } | Refusal> {
  const { ports } = context;
  const head = await runningHead(context, execution);
  if (isRefusal(head)) return head;
  const decoded = inputOf(p.input ?? null, ["body", "input"]);
  if ("refused" in decoded) return decoded.refused;
  const input = decoded.value;
  const refused = await checkInvocation(context, head, "signal", { name: p.name, input });
  if (refused) return refused;
  const message = {
    id: messageId.signal(id),
    kind: "signal",
    name: p.name,
    input: input as Extract<Message, { kind: "signal" }>["input"],
    sent_at: ports.clock.now(),
  } as const;
  const sent = await send(ports, refTo(context, execution), message);
  return sent.kind === "accepted" ? { message: "Signal accepted" } : closed(execution, sent.head);
}
