/**
 * **jobs**: one action on all executions that a query finds, page by page. It first counts the runs, then acts.
 *
 * JOB-1. A runner takes a job by a write that moves its due time a lease ahead, conditional on the version that it has read.
 *     The loser of that write stops. So two runners share a job only if one of them takes longer than a lease for a page.
 * JOB-2. A page is: list runs and write them into the job, act on each, store the outcomes under the number of the page, then
 *     write the job with the next token and the new counts. After a crash the same runs are repeated: a list that was read
 *     again would miss those that have closed by then. The outcomes of a page are written once: the second writer reads the
 *     first one's, so every run counts once.
 * JOB-3. An action is idempotent by job and execution: its message id contains the job's id, and a terminate names the
 *     start of the execution that was listed, and finds its own reason at a run that it has ended before. A reset is for
 *     the run that was listed, which the head of the run that it began names. A delete finds the tombstone.
 * JOB-4. An action is for the start that was listed. An execution that has closed, or was started again under its id, is
 *     skipped; continuing as new is the same start.
 * JOB-5. The query ends at the time of the job's creation. Tokens name the last run of a page, so runs that close or come
 *     meanwhile neither repeat nor hide others.
 * JOB-6. An abort is a change of the job like any other: the runner's next write fails, and it stops. The page under way is
 *     finished, at most 100 executions, and counted.
 * JOB-7. A job that repeats another one reads that one's outcomes instead of the list of runs, and acts where it failed. Its
 *     tokens are numbers of pages of outcomes. Its messages have the id of the first job of the chain: a message that arrived
 *     although the action failed is not taken in twice.
 * JOB-8. A filter by failure reads the last event of each run that the query finds, since no list has it. A run does not fail
 *     otherwise later, so that counting and acting find the same runs.
 */
import { failureOf } from "../core/rollups.ts";
import { forEachConcurrent } from "../lib/for-each-concurrent.ts";
import {
  BadToken,
  type JobKey,
  type LogPart,
  type Ports,
  type RunSummary,
  type StoredJob,
  StoreFailed,
} from "../ports.ts";
import { fingerprintOf } from "../protocol/failure-kind.ts";
import type { Millis } from "../protocol/history.ts";
import type { JobCounts, JobOutcome } from "../protocol/job.ts";
import { act } from "./job-actions.ts";

const COUNT_PAGE = 1_000;
const LAST_BATCH: LogPart = { from: Number.MAX_SAFE_INTEGER, order: "desc", events: 1, bytes: 1 };
export const JOB_PAGE = 100;
/** Executions at a time: on AWS each takes some round trips. */
const CONCURRENCY = 10;
const JOBS_AT_ONCE = 4;
/** Longer than a page takes, so that a second runner seldom begins the same page. */
export const JOB_LEASE_MS: Millis = 60_000;
const DUE_AT_ONCE = 100;

/** A job that nobody has stored or worked on yet. It is due at once. */
export function newJob(
  p: Pick<StoredJob, "workspace" | "id" | "action" | "filter" | "query" | "by" | "repeats">,
  now: Millis,
): StoredJob {
  return {
    ...p,
    version: 1,
    status: "COUNTING",
    token: null,
    page: null,
    pages: 0,
    total: null,
    counted: 0,
    counts: { succeeded: 0, skipped: 0, failed: 0 },
    problem: null,
    createdAt: now,
    endedAt: null,
    dueAt: now,
  };
}

export const hasEnded = (job: Pick<StoredJob, "endedAt">): boolean => job.endedAt !== null;

/** Works on the jobs that are due, and begins no page after `until`. Answers how many jobs it worked on. */
export async function runJobs(ports: Ports, until: Millis = Number.POSITIVE_INFINITY): Promise<number> {
  let worked = 0;
  const open = await ports.jobs.due(Number.MAX_SAFE_INTEGER, DUE_AT_ONCE);
  await forEachConcurrent(JOBS_AT_ONCE, open, async (key) => {
    if (ports.clock.now() >= until) return;
    try {
      if (await runJob(ports, key, until)) worked += 1;
    } catch (error) {
      if (error instanceof StoreFailed) throw error;
      ports.log.error("jobs: a job failed at a page, the page is repeated later", { ...key, error });
    }
  });
  return worked;
}

/** False: the job has ended, or another runner works on it. */
async function runJob(ports: Ports, key: JobKey, until: Millis): Promise<boolean> {
  const found = await ports.jobs.get(key);
  if (!found || hasEnded(found) || isLeased(found, ports.clock.now())) return false;
  let job: StoredJob | null = await change(ports, found, {});
  while (job && !hasEnded(job)) {
    if (ports.clock.now() >= until) {
      await change(ports, job, { dueAt: ports.clock.now() });
      return true;
    }
    const step = job.page ? work : job.repeats ? repeat : job.status === "COUNTING" ? count : list;
    const done: Partial<StoredJob> = await step(ports, job);
    const next: StoredJob | null = await change(ports, job, done);
    if (!next && step === work) await countAfterAbort(ports, job, done);
    job = next;
    await ports.durable();
    await ports.pause?.();
  }
  if (job) ports.log.info("jobs: a job has ended", { ...key, status: job.status, ...job.counts });
  return true;
}

/** A due time beyond the lease is that of a clock that was set back since. */
const isLeased = ({ dueAt }: StoredJob, now: Millis): boolean => dueAt! > now && dueAt! <= now + JOB_LEASE_MS;

/** Null: another runner, or an abort, has changed it (JOB-1). A job that has not ended is due again after the lease. */
async function change(ports: Ports, job: StoredJob, p: Partial<StoredJob>): Promise<StoredJob | null> {
  const due = ports.clock.now() + JOB_LEASE_MS;
  const next: StoredJob = { ...job, dueAt: due, ...p, version: job.version + 1 };
  const written = hasEnded(next) ? { ...next, dueAt: null } : next;
  return (await ports.jobs.replace(written)) ? written : null;
}

/** JOB-6: the outcomes of the page that was under way belong to the aborted job. */
async function countAfterAbort(ports: Ports, job: StoredJob, { counts, pages }: Partial<StoredJob>): Promise<void> {
  const found = await ports.jobs.get(job);
  if (found?.status !== "ABORTED" || found.pages !== job.pages || !counts || !pages) return;
  await ports.jobs.replace({ ...found, counts, pages, version: found.version + 1 });
}

/** JOB-5. */
async function page(ports: Ports, job: StoredJob, limit: number) {
  const token = job.token === null ? {} : { token: job.token };
  return ports.executions.runs({ ...job.query, sortBy: "start_time", order: "asc", limit, ...token });
}

async function count(ports: Ports, job: StoredJob): Promise<Partial<StoredJob>> {
  const found = await listed(ports, job, COUNT_PAGE);
  if ("problem" in found) return found;
  const counted = job.counted + (await ofFailure(ports, job, found.runs)).length;
  if (found.next !== null) return { counted, token: found.next };
  return { counted, total: counted, token: null, status: "RUNNING" };
}

async function list(ports: Ports, job: StoredJob): Promise<Partial<StoredJob>> {
  const found = await listed(ports, job, JOB_PAGE);
  if ("problem" in found) return found;
  const runs = (await ofFailure(ports, job, found.runs)).map(({ execution, run }) => ({ execution, run }));
  return runs.length > 0 ? { page: { runs, next: found.next } } : after(ports, found.next);
}

/** JOB-8. */
async function ofFailure(ports: Ports, { filter }: StoredJob, runs: readonly RunSummary[]): Promise<RunSummary[]> {
  if (filter.failure === undefined) return [...runs];
  const failed = new Set<string>();
  await forEachConcurrent(CONCURRENCY, runs, async (run) => {
    const [batch] = await ports.executions.part(run, run.run, LAST_BATCH);
    const failure = batch ? failureOf(run, batch.events.at(-1)!) : null;
    if (failure !== null && fingerprintOf(failure) === filter.failure) failed.add(run.run);
    await ports.pause?.();
  });
  return runs.filter(({ run }) => failed.has(run));
}

/** JOB-7: what the other job has failed at on one page of its outcomes. */
async function repeat(ports: Ports, job: StoredJob): Promise<Partial<StoredJob>> {
  const key = { workspace: job.workspace, id: job.repeats!.job };
  const other = await ports.jobs.get(key);
  const at = Number(job.token ?? 0);
  const outcomes = await ports.jobs.outcomes(key, at);
  const runs = outcomes.flatMap(({ outcome, execution, run }) => (outcome === "failed" ? [{ execution, run }] : []));
  const next = at + 1 < (other?.pages ?? 0) ? String(at + 1) : null;
  return { status: "RUNNING", ...(runs.length > 0 ? { page: { runs, next } } : after(ports, next)) };
}

/** The job goes on with the next page, or has ended. */
function after(ports: Ports, next: string | null): Partial<StoredJob> {
  if (next !== null) return { page: null, token: next };
  return { page: null, token: null, status: "COMPLETED", endedAt: ports.clock.now() };
}

/** JOB-2. */
async function work(ports: Ports, job: StoredJob): Promise<Partial<StoredJob>> {
  const { runs, next } = job.page!;
  const outcomes: JobOutcome[] = runs.map(({ execution, run }) => ({
    execution,
    run,
    outcome: "failed",
    detail: "not tried",
  }));
  await forEachConcurrent(CONCURRENCY, outcomes.entries(), async ([i, { execution, run }]) => {
    outcomes[i] = await act(ports, job, { execution, run });
    await ports.pause?.();
  });
  const kept = await ports.jobs.putOutcomes(job, job.pages, outcomes);
  return { ...after(ports, next), counts: sum(job.counts, kept), pages: job.pages + 1 };
}

async function listed(ports: Ports, job: StoredJob, limit: number) {
  try {
    return await page(ports, job, limit);
  } catch (error) {
    if (!(error instanceof BadToken)) throw error;
    const problem = "the list of runs no longer knows the place that the job had reached: make another job";
    return { status: "FAILED", problem, endedAt: ports.clock.now() } as const;
  }
}

function sum(counts: JobCounts, outcomes: readonly JobOutcome[]): JobCounts {
  const next = { ...counts };
  for (const { outcome } of outcomes) next[outcome] += 1;
  return next;
}
