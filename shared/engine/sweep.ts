/**
 * **sweep**: the fallback (PROTOCOL-5). It finds executions whose wake-up was lost. It reads the `due` index, whose
 * answers may be stale, and never writes a running head:
 *
 * - running and overdue by more than the grace: enqueue a workflow task, in the rounds in which the age crosses
 *   grace x 1, 2, 4 …, at most an hour apart,
 * - running and due soon: enqueue a delayed task,
 * - past its deadline: time it out,
 * - final and due: flush its outbox.
 *
 * Every round looks at every entry, several at a time, the longest overdue first. So thousands of executions without a
 * worker, an entry that throws and an entry that takes long cannot hide the others.
 */

import { forEachConcurrent } from "../lib/for-each-concurrent.ts";
import { type DueEntry, type Ports, StoreFailed } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { enqueueWorkflowTask, SOON_MS } from "./enqueue.ts";
import { flushOutbox } from "./outbox.ts";
import { terminate } from "./terminate.ts";

const HOUR = 3_600_000;
/** Entries at a time: on AWS each takes a round trip or several. */
const CONCURRENCY = 25;
/** Every 100 entries the sweep waits for a commit and begins no entry until then, so that other requests are not starved. */
const ENTRIES_PER_COMMIT = 100;

/**
 * Answers how many entries it looked at. `everyMs`: the time since the last round. `page`: entries of one read. `until`:
 * the round begins no entry after this; the next round begins with the longest overdue again.
 */
export async function sweep(
  ports: Ports,
  everyMs: Millis,
  page = 1000,
  until: Millis = Number.POSITIVE_INFINITY,
): Promise<number> {
  const now = ports.clock.now();
  let seen = 0;
  let commit: Promise<void> | null = null;
  await forEachConcurrent(CONCURRENCY, allDue(ports, now + SOON_MS, page, until), async (entry) => {
    await commit;
    seen += 1;
    const waitsForCommit = seen % ENTRIES_PER_COMMIT === 0;
    const { workspace, execution } = entry;
    const name = `${workspace}/${execution}`;
    if (!ports.setAside?.has(name)) {
      try {
        await sweepEntry(ports, entry, now, everyMs);
        ports.setAside?.remove(name);
      } catch (error) {
        if (error instanceof StoreFailed) throw error;
        ports.setAside?.add(name);
        ports.log.error("sweep: an execution that is due failed and is set aside", { workspace, execution, error });
      }
    }
    if (!waitsForCommit) return;
    commit = ports.durable();
    await commit;
    commit = null;
  });
  return seen;
}

async function* allDue(ports: Ports, due: Millis, size: number, until: Millis): AsyncGenerator<DueEntry> {
  let page: DueEntry[] = [];
  do {
    const next = await ports.executions.due(due, size, page.at(-1));
    if (isSame(next[0], page[0])) return; // a store that ignores `after` would answer its first page for ever
    page = next;
    for (const [i, entry] of page.entries()) {
      if (ports.clock.now() >= until) {
        const left = page.length - i;
        ports.log.warn("sweep: stopped at its time budget", { left_on_page: left, reached: entry.dueAt });
        return;
      }
      yield entry;
    }
  } while (page.length === size);
}

const isSame = (a: DueEntry | undefined, b: DueEntry | undefined): boolean =>
  a?.execution === b?.execution && a?.workspace === b?.workspace;

async function sweepEntry(ports: Ports, entry: DueEntry, now: Millis, everyMs: Millis): Promise<void> {
  if (entry.status !== "RUNNING") {
    const head = await ports.executions.head(entry);
    if (head && head.status !== "RUNNING" && head.due_at !== null) await flushOutbox(ports, head);
    return;
  }
  if (entry.deadline !== null && entry.deadline <= now) {
    await terminate(ports, entry, { kind: "timed_out" });
  } else if (entry.dueAt > now) {
    await enqueueWorkflowTask(ports, entry, entry.dueAt);
  } else if (crossesBackoff(now - entry.dueAt, ports.settings.graceMs, everyMs)) {
    await enqueueWorkflowTask(ports, entry);
  }
}

/** Whether the age has crossed grace x 2^k, or a further hour, within the last `every`. */
export function crossesBackoff(age: Millis, grace: Millis, every: Millis): boolean {
  if (age < grace) return false;
  let step = Math.max(grace, 1);
  while (step * 2 <= age && step < HOUR) step *= 2;
  if (step >= HOUR) step += Math.floor((age - step) / HOUR) * HOUR;
  return age - step < every;
}
