/**
 * **sweep** — the debt of last resort (PROTOCOL-5). Reads the `due` index, whose answers may be stale, and never writes a running
 * head. Running and overdue by more than the grace: ring, in the rounds where the age crosses grace x 1, 2, 4 … (at
 * most an hour apart). Due soon: a delayed task. Past its deadline: time it out. Final and due: perform its close effects.
 * Every entry is looked at in every round, several at a time, the longest overdue first: neither thousands that nobody
 * drives nor one that throws or takes long hide the others.
 */

import { forEachConcurrent } from "../lib/for-each-concurrent.ts";
import type { DueEntry, Ports } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { enqueueWorkflowTask, SOON_MS } from "./enqueue.ts";
import { flushOutbox } from "./outbox.ts";
import { terminate } from "./terminate.ts";

const HOUR = 3_600_000;
/** So many entries are looked at side by side: on AWS each is a round trip or several. */
const CONCURRENCY = 25;
/** After so many entries others get their turn: what was written is made durable, and until then none is begun. */
const BREATH = 100;

/**
 * `everyMs`: the time since the last round. Answers how many entries were seen. `page`: how many are read at a time.
 * `until`: none is begun after this; the next round begins anew.
 */
export async function sweep(
  ports: Ports,
  everyMs: Millis,
  page = 1000,
  until: Millis = Number.POSITIVE_INFINITY,
): Promise<number> {
  const now = ports.clock.now();
  let seen = 0;
  let breath: Promise<void> | null = null;
  await forEachConcurrent(CONCURRENCY, allDue(ports, now + SOON_MS, page, until), async (entry) => {
    await breath;
    seen += 1;
    const taken = seen % BREATH === 0;
    await look(ports, entry, now, everyMs).catch((error) => {
      const { workspace, execution } = entry;
      ports.log.error("an execution that is due could not be looked after", { workspace, execution, error });
    });
    if (!taken) return;
    breath = ports.durable();
    await breath;
    breath = null;
  });
  return seen;
}

async function* allDue(ports: Ports, due: Millis, size: number, until: Millis): AsyncGenerator<DueEntry> {
  let page: DueEntry[] = [];
  do {
    const next = await ports.executions.due(due, size, page.at(-1));
    if (same(next[0], page[0])) return; // a store that only knows its first page
    page = next;
    for (const entry of page) {
      if (ports.clock.now() >= until) {
        ports.log.warn("a round of the sweeper had no time for all that is due", { reached: entry.dueAt });
        return;
      }
      yield entry;
    }
  } while (page.length === size);
}

const same = (a: DueEntry | undefined, b: DueEntry | undefined): boolean =>
  a?.execution === b?.execution && a?.workspace === b?.workspace;

async function look(ports: Ports, entry: DueEntry, now: Millis, everyMs: Millis): Promise<void> {
  if (entry.status !== "RUNNING") {
    const head = await ports.executions.head(entry);
    if (head && head.status !== "RUNNING" && head.due_at !== null) await flushOutbox(ports, head);
    return;
  }
  if (entry.deadline !== null && entry.deadline <= now) {
    await terminate(ports, entry, { kind: "timed_out" });
  } else if (entry.dueAt > now) {
    await enqueueWorkflowTask(ports, entry, entry.dueAt);
  } else if (crosses(now - entry.dueAt, ports.settings.graceMs, everyMs)) {
    await enqueueWorkflowTask(ports, entry);
  }
}

/** Does the age cross grace x 2^k (or a further hour) within the last `every`? */
export function crosses(age: Millis, grace: Millis, every: Millis): boolean {
  if (age < grace) return false;
  let step = Math.max(grace, 1);
  while (step * 2 <= age && step < HOUR) step *= 2;
  if (step >= HOUR) step += Math.floor((age - step) / HOUR) * HOUR;
  return age - step < every;
}
