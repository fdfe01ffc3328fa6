/** The head of a run that has ended, and the entries that its end puts into the outbox. */
import type { Head, OutboxEntry } from "../protocol/head.ts";
import type { ChildOutcome } from "../protocol/messages.ts";

/** The parent and the schedule of the execution learn its outcome. */
export function closeOutbox(head: Head, outcome: ChildOutcome): OutboxEntry[] {
  const outbox: OutboxEntry[] = [];
  if (head.parent) outbox.push({ kind: "tell_parent", parent: head.parent, outcome });
  if (head.schedule) {
    const failed = outcome.kind === "failed";
    const status =
      outcome.kind === "completed" ? "COMPLETED" : outcome.status === "START_FAILED" ? "FAILED" : outcome.status;
    const failure = failed ? outcome.failure.message : null;
    outbox.push({ kind: "tell_schedule", schedule: head.schedule.id, status, failure });
  }
  return outbox;
}

/** The head stays due while its outbox holds an entry, so that the sweeper finds it. */
export function finalHead(
  head: Head,
  p: { status: Head["status"]; now: number; result: Head["result"]; failure: string | null; outbox: OutboxEntry[] },
): Head {
  const { open_inputs: _openInputs, ...kept } = head; // INPUTS-3
  return {
    ...kept,
    status: p.status,
    closed_at: p.now,
    result: p.result,
    failure: p.failure,
    outbox: p.outbox,
    due_at: p.outbox.length > 0 ? p.now : null,
    wake_pending: false,
    fence: head.fence + 1,
  };
}
