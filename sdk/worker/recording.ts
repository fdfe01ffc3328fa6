/** The two calls that record a batch of a run: an append, or the close that ends the run. */
import { closeTerms } from "../../shared/core/closing.ts";
import type { Batch, HistoryEvent, Millis } from "../../shared/protocol/history.ts";
import type { AppendResult, CloseResult } from "../../shared/protocol/worker.ts";
import type { ExecutionHost } from "./host.ts";
import type { RunView } from "./run-view.ts";

/** Appends in quick succession ask for new messages no more often than this: every message comes with a task as well. */
const READ_INBOX_MS: Millis = 1_000;

export function sendAppend(
  host: ExecutionHost,
  execution: string,
  view: RunView,
  batch: Batch,
  taken: string[],
): Promise<AppendResult> {
  const { run, chain, fence } = view.head;
  const now = host.serverClock.now();
  const look = now - view.inboxReadAt >= READ_INBOX_MS;
  if (look) view.inboxReadAt = now;
  const upto = view.logEnd;
  view.logEnd = undefined;
  return host.writes.append({ execution, run, chain, fence, batch, taken, look, ...(upto !== undefined && { upto }) });
}

export async function sendClose(
  host: ExecutionHost,
  execution: string,
  view: RunView,
  batch: Batch,
  taken: string[],
  finish: string[],
): Promise<CloseResult> {
  const { run, chain, fence } = view.head;
  const upto = view.logEnd === undefined ? {} : { upto: view.logEnd };
  const terms = closeTerms(view.state, batch.events, host.serverClock.now(), (message) => view.inbox.has(message));
  const tasks = finish.length > 0 ? { finish } : {};
  return host.writes.close({ execution, run, chain, fence, batch, taken, ...terms, ...upto, ...tasks });
}

export type Refused = Pick<Extract<AppendResult, { kind: "refused" }>, "code" | "detail">;

/** Closes the run as failed, because the server refused its last batch. */
export function sendFailure(
  host: ExecutionHost,
  execution: string,
  view: RunView,
  refused: Refused,
  finish: string[],
): Promise<CloseResult> {
  const first = view.state.tail + 1;
  const at = Math.max(host.serverClock.now(), view.state.at);
  const failure = { type: refused.code, message: refused.detail, non_retryable: true };
  const events: HistoryEvent[] = [{ kind: "execution_failed", id: first, at, failure }];
  return sendClose(host, execution, view, { first, events, append_id: host.worker.uuid() }, [], finish);
}
