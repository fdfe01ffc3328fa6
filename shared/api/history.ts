/** The recorded events of a run, event 1 and all batches in one list. */

import { isRefusal, notFound, type Refusal } from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import { startedOf } from "../protocol/head.ts";
import type { HistoryEvent } from "../protocol/history.ts";
import { type Call, refTo } from "./call.ts";
import { headOf } from "./executions.ts";
import { decoded } from "./payload.ts";

type Answer = { events: HistoryEvent[] } | Refusal;

export async function executionHistory(call: Call, execution: string, o: { decode: boolean }): Promise<Answer> {
  const head = await headOf(call, execution);
  return isRefusal(head) ? head : historyOf(call, head, o);
}

export async function runHistory(call: Call, run: string, o: { decode: boolean }): Promise<Answer> {
  const head = await call.ports.executions.run(call.workspace, run);
  return head ? historyOf(call, head, o) : notFound("run", run);
}

async function historyOf(call: Call, head: Head, o: { decode: boolean }): Promise<Answer> {
  const batches = await call.ports.executions.batches(refTo(call, head.execution), head.run, 1);
  const events = [startedOf(head), ...batches.flatMap((batch) => batch.events)];
  return { events: o.decode ? events.map(withDecoded) : events };
}

/** Payloads stand under these two names in every kind of event. */
function withDecoded(event: HistoryEvent): HistoryEvent {
  const shown = { ...event } as Record<string, unknown>;
  for (const name of ["input", "result"]) if (name in shown) shown[name] = decoded(shown[name]);
  return shown as unknown as HistoryEvent;
}
