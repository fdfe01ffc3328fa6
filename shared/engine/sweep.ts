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
 * SWEEP-1. A round looks at the entries several at a time, so that an entry that throws or takes long cannot hide others.
 * SWEEP-2. Where more are due than a page holds, the round begins with those that became due last, in slices of time, and
 *     comes to the backlog at the end. So executions without a worker, however many, delay nobody else's timers.
 * SWEEP-3. A backlog that one round does not finish is gone through in turn: the next round goes on where the last one
 *     stopped, if the process still knows the place (`Rotation`), and counts the time since the last time that it was there.
 * SWEEP-5. A round counts the time since the one before it (`sinceRound`) by the clock of the due times, and the first round of a
 *     process counts all time. So what fell due while no round came (the server was down, the machine slept, its clock was set
 *     ahead) begins at once. By the distance of rounds alone, an age between two of the doubling steps would wait for the next
 *     step, up to an hour. The price on AWS: each new process of the sweeper sends a backlog one task more.
 */

import { forEachConcurrent } from "../lib/for-each-concurrent.ts";
import { type DueEntry, type Ports, StoreFailed } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { ENTRIES_PER_COMMIT, enqueueWorkflowTask, SOON_MS } from "./enqueue.ts";
import { flushOutbox } from "./outbox.ts";
import { terminate } from "./terminate.ts";

const HOUR = 3_600_000;
/** Entries at a time: on AWS each takes a round trip or several. */
const CONCURRENCY = 25;

/** SWEEP-2. A slice is short, so that a mass of entries in it delays little else. */
const SLICE_MS: Millis = 15_000;
const SLICES = 12;

/** SWEEP-3. */
export interface Rotation {
  /** The backlog was gone through up to here. Undefined: whole. */
  reached?: DueEntry | undefined;
  /** When the passage through the backlog began that is under way, and the one before it. */
  began?: Millis;
  before?: Millis;
  /** The latest round stopped at its time budget. */
  behind?: boolean;
  /** SWEEP-5. */
  lookedAt?: Millis;
}

/**
 * Answers how many entries it looked at. `everyMs`: the time since the last round. `page`: entries of one read. `until`:
 * the round begins no entry after this.
 */
export async function sweep(
  ports: Ports,
  everyMs: Millis,
  page = 1000,
  until: Millis = Number.POSITIVE_INFINITY,
  rotation: Rotation = {},
): Promise<number> {
  const now = ports.clock.now();
  let seen = 0;
  rotation.behind = false;
  let commit: Promise<void> | null = null;
  const entries = allDue(ports, { now, page, everyMs, until, rotation });
  await forEachConcurrent(CONCURRENCY, entries, async (entry) => {
    await commit;
    seen += 1;
    const waitsForCommit = seen % ENTRIES_PER_COMMIT === 0;
    const { workspace, execution } = entry;
    const name = `${workspace}/${execution}`;
    if (!ports.setAside?.has(name)) {
      try {
        await sweepEntry(ports, entry, now, entry.since === undefined ? everyMs : now - entry.since);
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

/** SWEEP-5: the `everyMs` of a round that begins now. */
export const sinceRound = (everyMs: Millis, now: Millis, { lookedAt }: Rotation): Millis =>
  Math.max(everyMs, now - (lookedAt ?? Number.NEGATIVE_INFINITY));

/** `since`: when the sweep looked at the entry last, where that is not a round ago. */
type Swept = DueEntry & { readonly since?: Millis };
interface Reading {
  readonly now: Millis;
  readonly page: number;
  readonly everyMs: Millis;
  readonly until: Millis;
  readonly rotation: Rotation;
}

async function* allDue(ports: Ports, r: Reading): AsyncGenerator<Swept> {
  const { now, page, everyMs, rotation } = r;
  const first = await ports.executions.due(now + SOON_MS, page);
  if (first.length < page) {
    rotation.reached = undefined;
    return yield* inTime(ports, r, first);
  }
  let to = now + SOON_MS;
  for (let slice = 0; slice <= SLICES; slice++) {
    const from = now - slice * SLICE_MS;
    if (!(yield* dueWithin(ports, r, { after: startAt(from + 1), to }))) return; // SWEEP-2
    to = from;
  }
  if (rotation.reached === undefined) {
    rotation.before = rotation.began ?? Math.max(0, now - everyMs); // SWEEP-5 holds for what the first passage reaches later too
    rotation.began = now;
  }
  const { before } = rotation;
  const since = before === undefined || before >= now ? undefined : before; // a clock may have been set back
  const after = rotation.reached ?? startAt(0);
  const reached = (entry: DueEntry) => {
    rotation.reached = entry;
  };
  const whole = yield* dueWithin(ports, r, { after, to, reached, since });
  if (whole) rotation.reached = undefined; // SWEEP-3
}

/** A place before every entry that is due at this time or later. */
const startAt = (dueAt: Millis): DueEntry => ({
  dueAt,
  workspace: "",
  execution: "",
  deployment: "",
  deadline: null,
  status: "RUNNING",
});

interface Range {
  readonly after: DueEntry;
  readonly to: Millis;
  readonly reached?: (entry: DueEntry) => void;
  readonly since?: Millis | undefined;
}

/** Answers whether the time sufficed for all. */
async function* dueWithin(ports: Ports, r: Reading, range: Range): AsyncGenerator<Swept, boolean> {
  let { after } = range;
  let page: DueEntry[] = [];
  do {
    const next = await ports.executions.due(range.to, r.page, after);
    if (isSame(next[0], page[0])) return true; // a store that ignores `after` would answer its first page for ever
    page = next;
    const wanted = page.filter((e) => e.dueAt >= range.after.dueAt && e.dueAt <= range.to);
    const { since } = range;
    if (!(yield* inTime(ports, r, since === undefined ? wanted : wanted.map((e) => ({ ...e, since }))))) return false;
    after = page.at(-1) ?? after;
    if (page.length > 0) range.reached?.(after);
  } while (page.length >= r.page);
  return true;
}

async function* inTime(
  ports: Ports,
  { until, rotation }: Reading,
  page: readonly Swept[],
): AsyncGenerator<Swept, boolean> {
  for (const [i, entry] of page.entries()) {
    if (ports.clock.now() >= until) {
      const left = page.length - i;
      rotation.behind = true;
      ports.log.warn("sweep: stopped at its time budget", { left_on_page: left, reached: entry.dueAt });
      return false;
    }
    yield entry;
  }
  return true;
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
    await enqueueWorkflowTask(ports, entry, { at: entry.dueAt });
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
