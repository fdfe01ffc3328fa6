/**
 * Log records of an execution or a deployment: in pages, and as streams.
 *
 * LOGREAD-1. Records are in the order in which the server took them. Those of one worker are in the order in which it logged them;
 *     those of two workers of one execution may be out of order by the second or so for which a worker gathers them.
 * LOGREAD-2. A stream resumed after an id repeats no record and skips none. That of an execution ends some seconds after the
 *     execution, in which its last records come. That of a deployment never ends, and on AWS shows a record some seconds late.
 * LOGREAD-3. Without `run_id` the records are those of the latest start of the execution's id, with all its runs.
 */
import { createHash } from "node:crypto";
import { spanIdOf } from "../core/trace/context.ts";
import type { DeploymentPlace } from "../ports.ts";
import { invalidAt, isRefusal, notFound, type Refusal } from "../protocol/errors.ts";
import type { Millis } from "../protocol/history.ts";
import { timestamp } from "../protocol/http/fields.ts";
import { MAX_LIST_BYTES, MAX_LOG_DELAY_MS } from "../protocol/limits.ts";
import { droppedRecord, type LogGroup, type LogRecord } from "../protocol/log-records.ts";
import type { QueryOf, ResponseOf } from "../protocol/routes.ts";
import { headOf } from "./executions.ts";
import type { Frame } from "./frames.ts";
import { KeepAlive } from "./keep-alive.ts";
import { isCount, isText, readToken, writeToken } from "./page.ts";
import { type RequestContext, refTo } from "./request-context.ts";
import { waitFor } from "./wait-for.ts";

/** Below the 29 s after which API Gateway gives up. A page that took longer is short, and has a cursor. */
const READ_MS: Millis = 15_000;
/** LOGREAD-2. */
const LAST_RECORDS_MS: Millis = 4_000;
/** How far the clocks of servers may differ. */
const SKEW_MS: Millis = 10_000;

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

type Answer = ResponseOf<"getWorkflowExecutionLogs">;
type Shown = Answer["results"][number];
type Order = "asc" | "desc";
interface Window {
  readonly after: Millis | undefined;
  readonly before: Millis | undefined;
}
/** A record of a group, by its number there. */
interface Place extends DeploymentPlace {
  readonly index: number;
}
interface Entry {
  readonly group: LogGroup;
  readonly index: number;
  readonly record: LogRecord;
}

/** Reads the groups of what is asked for, from one of them on, and says which records are wanted. */
interface Source {
  read(from: DeploymentPlace | undefined, order: Order): Promise<LogGroup[]>;
  wanted(group: LogGroup, record: LogRecord): boolean;
  /** False: groups at or beyond this one have no record of the window. */
  within(group: LogGroup, window: Window, order: Order): boolean;
  /** Where a read of the window may begin. */
  begin(window: Window, order: Order): DeploymentPlace | undefined;
}

function ofExecution(
  context: RequestContext,
  execution: string,
  chain: string,
  q: { run_id?: string | undefined; activity_id?: string | undefined },
): Source {
  const ref = refTo(context, execution);
  const activity = q.activity_id === undefined ? undefined : Number(q.activity_id);
  return {
    read: (from, order) => context.ports.logRecords.ofExecution(ref, { ...(from && { from: from.first }), order }),
    wanted: (group, record) =>
      (q.run_id === undefined ? group.chain === chain : group.run === q.run_id) &&
      (activity === undefined || record.activity?.id === activity),
    within: () => true,
    begin: () => undefined,
  };
}

function ofDeployment(
  { ports, workspace }: RequestContext,
  name: string,
  q: { worker_name?: string | undefined; workflow_name?: string | undefined; log_type?: string | undefined },
  { ahead = 0, ...o }: { settled?: true; ahead?: Millis } = {},
): Source {
  const at = (ms: Millis, order: Order): DeploymentPlace => ({
    at: ms,
    execution: order === "asc" ? "" : "~",
    first: order === "asc" ? 0 : Number.MAX_SAFE_INTEGER,
  });
  /** How much later than its time the place of a record is: a worker drops what it could not send for `MAX_LOG_DELAY_MS`. */
  const late = MAX_LOG_DELAY_MS + SKEW_MS + ahead;
  return {
    read: (from, order) =>
      q.log_type === "build" // workers are built where their owner builds them
        ? Promise.resolve([])
        : ports.logRecords.ofDeployment(workspace, name, { ...(from && { from }), order, ...o }),
    wanted: (group) =>
      (q.worker_name === undefined || group.worker === q.worker_name) &&
      (q.workflow_name === undefined || group.workflow === q.workflow_name),
    within: (group, { after, before }, order) =>
      order === "asc"
        ? before === undefined || group.at < before + late
        : after === undefined || group.at >= after - SKEW_MS,
    begin: ({ after, before }, order) => {
      if (order === "asc") return after === undefined ? undefined : at(Math.max(0, after - SKEW_MS), order);
      return before === undefined ? undefined : at(before + late, order);
    },
  };
}

export async function executionLogs(
  context: RequestContext,
  execution: string,
  q: QueryOf<"getWorkflowExecutionLogs">,
): Promise<Answer | Refusal> {
  const head = await headOf(context, execution);
  if (isRefusal(head)) return head;
  const { run_id, activity_id } = q;
  return pageOf(context, ofExecution(context, execution, head.chain, q), { run_id, activity_id }, q);
}

export async function deploymentLogs(
  context: RequestContext,
  name: string,
  q: QueryOf<"getDeploymentLogs">,
): Promise<Answer | Refusal> {
  if (!(await context.ports.registry.deployment(context.workspace, name))) return notFound("deployment", name);
  const { worker_name, workflow_name, log_type } = q;
  const ahead = await context.ports.logRecords.ahead(context.workspace, name);
  return pageOf(context, ofDeployment(context, name, q, { ahead }), { worker_name, workflow_name, log_type }, q);
}

type Search = Pick<QueryOf<"getDeploymentLogs">, "after" | "before" | "order" | "cursor" | "limit">;

const isOrder = (part: string | number) => part === "asc" || part === "desc";
const isBound = (part: string | number) => part === "" || isCount(part);
/** Of a cursor: order, bounds of the window, and the place of a record. */
const FORM = [isOrder, isBound, isBound, isCount, isText, isCount, isCount];

/** A cursor keeps the window and the order of the first page. */
async function pageOf(
  { ports }: RequestContext,
  source: Source,
  filters: Readonly<Record<string, unknown>>,
  q: Search,
): Promise<Answer | Refusal> {
  const token = readToken(filters, "cursor", q.cursor, FORM);
  if (isRefusal(token)) return token;
  const [order, after, before, at, execution, first, index] = token ?? [q.order, q.after ?? "", q.before ?? ""];
  const window = {
    after: after === "" ? undefined : Number(after),
    before: before === "" ? undefined : Number(before),
  };
  const last = at === undefined ? undefined : placeOfParts([at, execution, first, index]);
  const found: Shown[] = [];
  let bytes = 0;
  const until = ports.clock.now() + READ_MS;
  /** Where the page ended before the records did. */
  let reached: Place | undefined;
  let passed: Place | undefined;
  for await (const entry of entriesOf(source, last, window, order as Order)) {
    const wanted = inWindow(entry.record, window) && source.wanted(entry.group, entry.record);
    if (wanted) {
      const record = shown(entry);
      bytes += Buffer.byteLength(JSON.stringify(record));
      if (found.length === q.limit || (bytes > MAX_LIST_BYTES && found.length > 0)) {
        reached = passed;
        break;
      }
      found.push(record);
    }
    passed = { ...entry.group, index: entry.index };
    await ports.pause?.();
    if (ports.clock.now() < until) continue;
    reached = passed;
    break;
  }
  const next = reached && writeToken(filters, [order!, after!, before!, ...partsOf(reached)]);
  return { results: found, next_cursor: next ?? null };
}

const partsOf = ({ at, execution, first, index }: Place) => [at, execution, first, index];
const placeOfParts = ([at, execution, first, index]: readonly unknown[]): Place => ({
  at: Number(at),
  execution: String(execution),
  first: Number(first),
  index: Number(index),
});

const inWindow = ({ at }: LogRecord, { after, before }: Window): boolean =>
  (after === undefined || at >= after) && (before === undefined || at < before);

/** The records after the place `last`, in order. */
async function* entriesOf(
  source: Source,
  last: Place | undefined,
  window: Window,
  order: Order,
): AsyncGenerator<Entry> {
  let from: DeploymentPlace | undefined = last ?? source.begin(window, order);
  let seen = last;
  for (;;) {
    const groups = await source.read(from, order);
    let isNew = false;
    for (const group of groups) {
      if (!source.within(group, window, order)) return;
      for (const entry of recordsOf(group, order)) {
        if (seen && group.execution === seen.execution && group.first === seen.first) {
          if (order === "asc" ? entry.index <= seen.index : entry.index >= seen.index) continue;
        }
        isNew = true;
        yield entry;
      }
      from = group;
      seen = { ...group, index: order === "asc" ? Number.MAX_SAFE_INTEGER : -1 };
    }
    if (!isNew) return;
  }
}

function recordsOf(group: LogGroup, order: Order): Entry[] {
  const records = group.dropped > 0 ? [...group.records, droppedRecord(group)] : group.records;
  const entries = records.map((record, index) => ({ group, index, record }));
  return order === "asc" ? entries : entries.reverse();
}

function shown({ group, record }: Entry): Shown {
  const { activity } = record;
  return {
    timestamp: timestamp(record.at),
    trace_id: group.trace,
    span_id: spanIdOf(digest, group.run, activity && `activity ${activity.id} ${activity.attempt}`),
    severity_text: record.level.toUpperCase(),
    body: record.body,
    log_attributes: {
      ...record.attributes,
      execution_id: group.execution,
      run_id: group.run,
      root_execution_id: group.root,
      workflow_name: group.workflow,
      deployment_name: group.deployment,
      worker_name: group.worker,
      ...(activity && {
        activity_id: String(activity.id),
        activity_name: activity.name,
        attempt: String(activity.attempt),
      }),
    },
  };
}

// --- streams ---------------------------------------------------------------------------------------------------------

export async function streamExecutionLogs(
  context: RequestContext,
  execution: string,
  q: QueryOf<"streamWorkflowExecutionLogs">,
  header: string | undefined,
): Promise<AsyncIterable<Frame> | Refusal> {
  const { ports } = context;
  const ref = refTo(context, execution);
  const head = await headOf(context, execution);
  if (isRefusal(head)) return head;
  const last = resumedAt(header, q.last_event_id, /^(\d{1,15})\.(\d{1,15})$/, ([first, index]) => ({
    at: 0,
    execution,
    first: Number(first),
    index: Number(index),
  }));
  if (isRefusal(last)) return last;
  return frames(context, ofExecution(context, execution, head.chain, q), {
    last,
    after: q.after,
    idOf: ({ group, index }) => `${group.first}.${index}`,
    change: (until, signal) => ports.changes.waitForExecution(ref, until, signal),
    async endsAt() {
      const now = await ports.executions.head(ref);
      if (now?.chain !== head.chain) return ports.clock.now();
      return now.closed_at === null || now.status === "RUNNING" ? null : now.closed_at + LAST_RECORDS_MS;
    },
  });
}

export async function streamDeploymentLogs(
  context: RequestContext,
  name: string,
  q: QueryOf<"streamDeploymentLogs">,
  header: string | undefined,
): Promise<AsyncIterable<Frame> | Refusal> {
  const { ports, workspace } = context;
  if (!(await ports.registry.deployment(workspace, name))) return notFound("deployment", name);
  const last = resumedAt(
    header,
    q.last_event_id,
    /^(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.([A-Za-z0-9_-]+)$/,
    ([at, first, index, execution]) => placeOfParts([at, execution, first, index]),
  );
  if (isRefusal(last)) return last;
  return frames(context, ofDeployment(context, name, q, { settled: true }), {
    last,
    after: q.after,
    idOf: ({ group, index }) => `${group.at}.${group.first}.${index}.${group.execution}`,
    change: (until, signal) => ports.changes.waitForFeed(workspace, until, signal),
    endsAt: async () => null,
  });
}

/** The header overrides the query parameter, and either overrides `after`. */
function resumedAt(
  header: string | undefined,
  query: string | undefined,
  form: RegExp,
  read: (parts: string[]) => Place,
): Place | undefined | Refusal {
  const given = header?.trim() || query;
  if (given === undefined) return undefined;
  const parts = form.exec(given);
  if (parts) return read(parts.slice(1));
  const where = header?.trim() ? ["header", "last-event-id"] : ["query", "last_event_id"];
  return invalidAt(where, "must be the id of a frame of this stream");
}

interface Following {
  readonly last: Place | undefined;
  readonly after: Millis | undefined;
  readonly idOf: (entry: Entry) => string;
  readonly change: (until: Millis, signal: AbortSignal) => Promise<void>;
  /** When the stream ends if no record comes; null: not yet known. */
  readonly endsAt: () => Promise<Millis | null>;
}

async function* frames(context: RequestContext, source: Source, f: Following): AsyncGenerator<Frame> {
  const { ports, signal } = context;
  const keepAlive = new KeepAlive(ports.clock);
  const window = { after: f.last ? undefined : f.after, before: undefined };
  let { last } = f;
  let ends: Millis | null = null;
  /** The first records after `last`; none: the end of the stream has become known; undefined: not yet. */
  const look = async (): Promise<Entry[] | undefined> => {
    const entries: Entry[] = [];
    for await (const entry of entriesOf(source, last, window, "asc")) {
      entries.push(entry);
      await ports.pause?.(); // a filter may pass over all records of a deployment
      if (entries.length >= 500 || signal.aborted) break;
    }
    if (entries.length > 0) return entries;
    return ends === null && (await f.endsAt()) !== null ? [] : undefined;
  };
  while (!signal.aborted) {
    ends ??= await f.endsAt();
    const until = Math.min(keepAlive.due, ends ?? keepAlive.due);
    const entries = (await waitFor({ look, change: f.change, clock: ports.clock, until, signal })) ?? [];
    for (const entry of entries) {
      last = { ...entry.group, index: entry.index };
      if (!inWindow(entry.record, window) || !source.wanted(entry.group, entry.record)) continue;
      keepAlive.frameSent();
      yield { kind: "log", id: f.idOf(entry), data: shown(entry) };
    }
    if (entries.length === 0 && ends !== null && ports.clock.now() >= ends) return;
    if (keepAlive.isDue()) yield { kind: "keep-alive" };
  }
}
