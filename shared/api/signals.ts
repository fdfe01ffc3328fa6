/** Signals: recorded, then acknowledged; the workflow takes them in when it comes to it. */
import { send } from "../engine/send.ts";
import { isRefusal, type Refusal } from "../protocol/errors.ts";
import { type Message, messageId } from "../protocol/messages.ts";
import { type Call, refTo } from "./call.ts";
import { closed, runningHead } from "./executions.ts";
import { checkInvocation } from "./handlers-of.ts";

export async function signalExecution(
  call: Call,
  execution: string,
  p: { name: string; input?: unknown },
): Promise<{ message: string } | Refusal> {
  const { ports } = call;
  const head = await runningHead(call, execution);
  if (isRefusal(head)) return head;
  const input = p.input ?? null;
  const refused = await checkInvocation(call, head, "signal", { name: p.name, input });
  if (refused) return refused;
  const message = {
    id: messageId.signal(ports.uuid()),
    kind: "signal",
    name: p.name,
    input: input as Extract<Message, { kind: "signal" }>["input"],
    sent_at: ports.clock.now(),
  } as const;
  const sent = await send(ports, refTo(call, execution), message);
  return sent.kind === "accepted" ? { message: "Signal accepted" } : closed(execution, sent.head);
}
