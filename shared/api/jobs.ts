/** Jobs: makes, shows and aborts them. `shared/engine/jobs.ts` works on them. */
import { hasEnded, newJob } from "../engine/jobs.ts";
import type { StoredJob } from "../ports.ts";
import { invalid, invalidAt, isRefusal, notFound, type Refusal, refusal } from "../protocol/errors.ts";
import { timestamp } from "../protocol/http/fields.ts";
import type { JobResponse } from "../protocol/http/jobs.ts";
import { ListRunsQuery } from "../protocol/http/runs.ts";
import type { JobAction } from "../protocol/job.ts";
import { MAX_JOB_FILTER_BYTES, MAX_JOB_INPUT_BYTES, MAX_OPEN_JOBS } from "../protocol/limits.ts";
import type { BodyOf, QueryOf, ResponseOf } from "../protocol/routes.ts";
import type { PublicStatus } from "../protocol/status.ts";
import { checkHandler } from "./check-invocation.ts";
import { isCount, isText, readToken, writeToken } from "./page.ts";
import { bytesOf } from "./payload.ts";
import type { RequestContext } from "./request-context.ts";
import { filterOf } from "./runs.ts";

type Body = BodyOf<"createJob">;

/** Names the query of tokens: the lists have no filters. */
const LIST = {};
const MOST_TRIES = 20;
/** Open jobs of all workspaces. */
const MOST_COUNTED = 1000;
/** Jobs that are read at once: the input of each may be long. */
const READ_AT_ONCE = 20;

export async function createJob(context: RequestContext, body: Body): Promise<JobResponse | Refusal> {
  const { ports, workspace, user, log } = context;
  const repeated = body.repeats == null ? null : await repeatedBy(context, body, body.repeats);
  if (isRefusal(repeated)) return repeated;
  const action = repeated?.action ?? (await actionOf(context, body));
  if (isRefusal(action)) return action;
  const bytes = bytesOf(body.filter);
  if (bytes > MAX_JOB_FILTER_BYTES) {
    const msg = `has ${bytes} bytes; a job's filter has at most ${MAX_JOB_FILTER_BYTES}`;
    return invalidAt(["body", "filter"], msg, "too_long");
  }
  if (body.filter.search !== undefined && body.filter.search.trim() === "") {
    return invalidAt(
      ["body", "filter", "search"],
      "it is blank, which finds every execution: leave it out to mean that",
    );
  }
  const { allowed, done } = ON[body.action];
  const wrong = (body.filter.status ?? []).filter((status) => !allowed.includes(status));
  if (wrong.length > 0) {
    const which = allowed.length === 1 ? "only running executions" : `only executions that are ${allowed.join(", ")}`;
    const instead = allowed.length === 1 ? "leave it out" : "name some of these";
    return invalidAt(["body", "filter", "status"], `${which} can be ${done}: ${instead}`);
  }
  if (body.filter.failure !== undefined && !CLOSED.some((status) => allowed.includes(status))) {
    return invalidAt(["body", "filter", "failure"], "only closed executions have failed: leave it out");
  }
  const query = await queryOf(context, body);
  const now = ports.clock.now();
  const asked = {
    workspace,
    id: body.job_id?.toLowerCase() ?? ports.uuid(),
    action,
    filter: plain(body.filter),
    query: { ...query, workspace, startedBefore: Math.min(query?.startedBefore ?? now, now) },
    by: user,
    ...(repeated && { repeats: { job: repeated.id, first: repeated.repeats?.first ?? repeated.id } }),
  };
  const job: StoredJob = {
    ...newJob(asked, now),
    ...(repeated && { total: repeated.counts.failed }),
    ...(query === null && ({ status: "COMPLETED", total: 0, endedAt: now, dueAt: null } as const)),
  };
  const known = await ports.jobs.get(job);
  if (known) return sameJob(known, job);
  // An open job has a due time, and its key has no payload.
  const open = await ports.jobs.due(Number.MAX_SAFE_INTEGER, MOST_COUNTED);
  if (open.filter((each) => each.workspace === workspace).length >= MAX_OPEN_JOBS) {
    return invalidAt(["body"], `the workspace has ${MAX_OPEN_JOBS} open jobs, which is the limit: wait, or abort some`);
  }
  if (!(await ports.jobs.create(job))) return sameJob((await ports.jobs.get(job)) ?? job, job);
  log.info("job made", { job: job.id, action: action.kind, by: user });
  return view(job);
}

/** The ended job whose failed executions the body asks for (JOB-7). */
async function repeatedBy(context: RequestContext, body: Body, id: string): Promise<StoredJob | Refusal> {
  const job = await context.ports.jobs.get({ workspace: context.workspace, id: id.toLowerCase() });
  if (!job) return notFound("job", id);
  const same = job.action.kind === body.action && JSON.stringify(job.filter) === JSON.stringify(plain(body.filter));
  if (!same) return invalidAt(["body", "repeats"], "that job has another action or filter: repeat both unchanged");
  const own = FIELDS.filter((field) => body[field] != null);
  if (own.length > 0)
    return invalidAt(["body", own[0] as string], "leave it out: a job that repeats another one has that one's");
  if (!hasEnded(job)) return invalidAt(["body", "repeats"], `that job has not ended: it is ${job.status}`);
  return job;
}

const RUNNING: readonly PublicStatus[] = ["RUNNING"];
const FAILED: readonly PublicStatus[] = ["FAILED", "TIMED_OUT"];
const CLOSED: readonly PublicStatus[] = ["COMPLETED", "FAILED", "CANCELED", "TERMINATED", "TIMED_OUT"];
/** The statuses of the runs on which an action may act, and those of a filter that names none. */
const ON: Record<Body["action"], { done: string; allowed: readonly PublicStatus[]; usual: readonly PublicStatus[] }> = {
  cancel: { done: "cancelled", allowed: RUNNING, usual: RUNNING },
  terminate: { done: "terminated", allowed: RUNNING, usual: RUNNING },
  signal: { done: "signalled", allowed: RUNNING, usual: RUNNING },
  reset: {
    done: "reset",
    allowed: [...RUNNING, ...CLOSED],
    usual: ["FAILED"],
  },
  delete: { done: "deleted", allowed: CLOSED, usual: CLOSED },
};

/** A repeated request is answered like the first one. */
function sameJob(known: StoredJob, asked: StoredJob): JobResponse | Refusal {
  const of = ({ action, filter, repeats }: StoredJob) => JSON.stringify([action, filter, repeats]);
  if (of(known) === of(asked)) return view(known);
  return invalidAt(["body", "job_id"], "another job has this id: repeat its request unchanged, or choose another id");
}

const FIELDS = ["name", "input", "reason", "to", "exclude_signals", "exclude_updates"] as const;
const TAKES: Record<Body["action"], readonly (typeof FIELDS)[number][]> = {
  cancel: [],
  terminate: ["reason"],
  signal: ["name", "input"],
  reset: ["to", "reason", "exclude_signals", "exclude_updates"],
  delete: [],
};

async function actionOf(context: RequestContext, body: Body): Promise<JobAction | Refusal> {
  const { action, name, input, reason } = body;
  const taken = TAKES[action];
  const wrong = FIELDS.filter((field) => body[field] != null && !taken.includes(field));
  if (wrong.length > 0) {
    return invalid(
      wrong.map((field) => ({ loc: ["body", field], msg: `${action} takes no ${field}`, type: "value_error" })),
    );
  }
  if (action === "cancel" || action === "delete") return { kind: action };
  if (action === "terminate") return { kind: "terminate", reason: reason ?? null };
  if (action === "reset") {
    const { to, exclude_signals: signals, exclude_updates: updates } = body;
    if (to == null) return invalidAt(["body", "to"], "Field required: the point of the reset", "missing");
    const excluded = [...(signals ? (["signals"] as const) : []), ...(updates ? (["updates"] as const) : [])];
    return { kind: "reset", to, reason: reason ?? null, excluded };
  }
  if (name == null) return invalidAt(["body", "name"], "Field required: the name of the signal", "missing");
  const bytes = bytesOf(input ?? null);
  if (bytes > MAX_JOB_INPUT_BYTES) {
    return invalidAt(
      ["body", "input"],
      `has ${bytes} bytes; a job's input has at most ${MAX_JOB_INPUT_BYTES}`,
      "too_long",
    );
  }
  const refused = await signalRefusal(context, body.filter.workflow_identifier, { name, input: input ?? null });
  return refused ?? { kind: "signal", name, input: (input ?? null) as Extract<JobAction, { kind: "signal" }>["input"] };
}

/** The signal must fit every registration of the workflow, so that no worker meets one that its code does not take. */
async function signalRefusal(
  context: RequestContext,
  identifier: string | undefined,
  p: { name: string; input: unknown },
): Promise<Refusal | null> {
  const loc = ["body", "filter", "workflow_identifier"];
  if (identifier === undefined) {
    return invalidAt(loc, "a signal is for one workflow: name it, so that its input can be checked", "missing");
  }
  const { registry } = context.ports;
  const workflow = await registry.workflow(context.workspace, identifier);
  if (!workflow) return invalidAt(loc, `there is no workflow '${identifier}' in this workspace`);
  for (const registration of await registry.registrations(context.workspace, { workflow: workflow.name })) {
    const refused = await checkHandler(registration, "signal", p);
    if (refused) return refused;
  }
  return null;
}

/** Null: no run can match, because the filter names a tag that no workflow has. */
async function queryOf(context: RequestContext, { action, filter }: Body): Promise<StoredJob["query"] | null> {
  const workflows = await context.ports.registry.workflows(context.workspace);
  const { failure, status, ...rest } = filter;
  const usual = failure === undefined ? ON[action].usual : FAILED;
  const asked = { ...ListRunsQuery.parse({}), ...rest, status: [...(status?.length ? status : usual)] };
  const found = await filterOf(context, asked, workflows);
  if (!found) return null;
  const { sortBy, order, limit, token, signal, ...query } = found;
  return query;
}

/** The parsed filter in the form in which the caller gave it. */
function plain({ search_key, ...filter }: Body["filter"]): Record<string, unknown> {
  const entries = Object.entries(filter).filter(([, value]) => value !== undefined);
  const shown = entries.map(([name, value]) => [name, typeof value === "number" ? timestamp(value) : value]);
  const keys = search_key?.map(({ key, value, prefix }) => `${key}${prefix ? "^=" : ":"}${value}`);
  return { ...Object.fromEntries(shown), ...(keys && { search_key: keys }) };
}

export async function getJob(context: RequestContext, id: string): Promise<JobResponse | Refusal> {
  const job = await context.ports.jobs.get({ workspace: context.workspace, id });
  return job ? view(job) : notFound("job", id);
}

/** The newest first, by their ids. */
export async function listJobs(
  context: RequestContext,
  query: QueryOf<"listJobs">,
): Promise<ResponseOf<"listJobs"> | Refusal> {
  const place = readToken(LIST, "cursor", query.cursor, [isText]);
  if (isRefusal(place)) return place;
  const found: JobResponse[] = [];
  for (let before = place && String(place[0]); found.length <= query.limit; before = found.at(-1)!.job_id) {
    const limit = Math.min(READ_AT_ONCE, query.limit + 1 - found.length);
    const some = await context.ports.jobs.list(context.workspace, { limit, ...(before !== undefined && { before }) });
    found.push(...some.map(view));
    if (some.length < limit) break;
    await context.ports.pause?.();
  }
  const jobs = found.slice(0, query.limit);
  const more = found.length > query.limit;
  return { jobs, next_cursor: more ? writeToken(LIST, [jobs.at(-1)!.job_id]) : null };
}

export async function jobOutcomes(
  context: RequestContext,
  id: string,
  cursor: string | undefined,
): Promise<ResponseOf<"getJobOutcomes"> | Refusal> {
  const key = { workspace: context.workspace, id };
  const job = await context.ports.jobs.get(key);
  if (!job) return notFound("job", id);
  const place = readToken({ id }, "cursor", cursor, [isCount]);
  if (isRefusal(place)) return place;
  const page = place === undefined ? 0 : Number(place[0]);
  const outcomes = page < job.pages ? await context.ports.jobs.outcomes(key, page) : [];
  return {
    outcomes: outcomes.map(({ execution, run, outcome, detail }) => ({
      execution_id: execution,
      run_id: run,
      outcome,
      detail,
    })),
    next_cursor: page + 1 < job.pages ? writeToken({ id }, [page + 1]) : null,
  };
}

/** JOB-6. Aborting an aborted job changes nothing and succeeds. */
export async function abortJob(context: RequestContext, id: string): Promise<JobResponse | Refusal> {
  const { ports, workspace, log } = context;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const job = await ports.jobs.get({ workspace, id });
    if (!job) return notFound("job", id);
    if (job.status === "ABORTED") return view(job);
    if (hasEnded(job)) {
      return refusal(409, "WF_1102", `Job '${id}' is not open: it is ${job.status}.`, { status: job.status });
    }
    const ended = { status: "ABORTED", endedAt: ports.clock.now(), dueAt: null, page: null } as const;
    const next: StoredJob = { ...job, ...ended, version: job.version + 1 };
    if (!(await ports.jobs.replace(next))) continue; // its runner wrote meanwhile
    log.info("job aborted", { job: id, by: context.user });
    return view(next);
  }
  throw new Error(`job '${id}' changed at each of ${MOST_TRIES} tries to abort it`);
}

function view(job: StoredJob): JobResponse {
  const { succeeded, skipped, failed } = job.counts;
  return {
    job_id: job.id,
    action: job.action.kind,
    filter: job.filter,
    status: job.status,
    total: job.total,
    done: succeeded + skipped + failed,
    succeeded,
    skipped,
    failed,
    problem: job.problem,
    repeats: job.repeats?.job ?? null,
    user_id: job.by,
    created_at: timestamp(job.createdAt),
    end_time: job.endedAt === null ? null : timestamp(job.endedAt),
  };
}
