/** The recorded events of a run in one list: event 1, then those of all batches. */

import { isRefusal, notFound, type Refusal } from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import { startedOf } from "../protocol/head.ts";
import type { HistoryEvent } from "../protocol/history.ts";
import { headOf } from "./executions.ts";
import { decoded } from "./payload.ts";
import { type RequestContext, refTo } from "./request-context.ts";

type Answer = { events: HistoryEvent[] } | Refusal;

export async function executionHistory(
  context: RequestContext,
  execution: string,
  o: { decode: boolean },
): Promise<Answer> {
  const head = await headOf(context, execution);
  return isRefusal(head) ? head : historyOf(context, head, o);
}

export async function runHistory(context: RequestContext, run: string, o: { decode: boolean }): Promise<Answer> {
  const head = await context.ports.executions.run(context.workspace, run);
  return head ? historyOf(context, head, o) : notFound("run", run);
}

async function historyOf(context: RequestContext, head: Head, o: { decode: boolean }): Promise<Answer> {
  const batches = await context.ports.executions.batches(refTo(context, head.execution), head.run, 1);
  const events = [startedOf(head), ...batches.flatMap((batch) => batch.events)];
  return { events: o.decode ? events.map(withDecoded) : events };
}

/** Events of every kind have their payloads under `input` and `result`. */
function withDecoded(event: HistoryEvent): HistoryEvent {
  const shown = { ...event } as Record<string, unknown>;
  for (const name of ["input", "result"]) if (name in shown) shown[name] = decoded(shown[name]);
  return shown as unknown as HistoryEvent;
}
