/** Why an execution does not go on: gathers what `shared/core/explain` needs, without asking any worker. */
import {
  type ChildView,
  type Circumstances,
  explain,
  type KnownVersion,
  type KnownWorker,
  summaryOf,
  type Wait,
} from "../../core/explain/explain.ts";
import { holdsOf } from "../../core/holds-of.ts";
import { nextPermit } from "../../core/rate-limit.ts";
import type { RunState } from "../../core/state.ts";
import { UnreadableSchedule } from "../../ports.ts";
import { isRefusal, type Refusal } from "../../protocol/errors.ts";
import type { Head } from "../../protocol/head.ts";
import type { Millis } from "../../protocol/history.ts";
import type { Explanation, Wait as ShownWait } from "../../protocol/http/explain.ts";
import { timestamp } from "../../protocol/http/fields.ts";
import { activeDeployments, isLive } from "../../routing/liveness.ts";
import { versionsOf } from "../../routing/versions.ts";
import { headOf } from "../executions.ts";
import { type RequestContext, refTo } from "../request-context.ts";
import { type ReadRun, readRun } from "./read-run.ts";

/** Below the 29 s after which API Gateway gives up. */
const READ_MS: Millis = 15_000;
const MOST_CHILDREN = 5;
/** Activities whose attempts are looked up: each is a read. */
const MOST_ATTEMPTS = 20;
const MOST_MESSAGES = 10;
/** So many runs, each shorter than this, make a loop. */
const LOOP_RUNS = 5;
const SHORT_RUN_MS: Millis = 5_000;

export async function explainExecution(context: RequestContext, execution: string): Promise<Explanation | Refusal> {
  const head = await headOf(context, execution);
  if (isRefusal(head)) return head;
  return explanationOf(context, head, { until: context.ports.clock.now() + READ_MS, children: true });
}

interface How {
  readonly until: Millis;
  /** With the explanation of each open child, one level deep. */
  readonly children: boolean;
}

async function explanationOf(context: RequestContext, found: Head, how: How): Promise<Explanation> {
  const { head, run } = await consistent(context, found, how.until);
  const around = await circumstances(context, head, run, how);
  const waits = await explain(head, run.state, run.noted, around, context.ports.pause);
  run.keep();
  return {
    execution_id: head.execution,
    run_id: head.run,
    status: head.status,
    version: around.version && shownVersion(around.version),
    deadline: head.deadline === null ? null : timestamp(head.deadline),
    as_of: timestamp(context.ports.clock.now()),
    summary: summaryOf(waits),
    waits: waits.map(shownWait),
  };
}

export const shownWait = (wait: Omit<Wait, "kind" | "actor"> & { kind: string; actor: string }): ShownWait => ({
  kind: wait.kind,
  actor: wait.actor,
  text: wait.text,
  since: wait.since === null ? null : timestamp(wait.since),
  until: wait.until === null ? null : timestamp(wait.until),
  evidence: wait.evidence,
  what_to_do: wait.what_to_do,
  links: [...wait.links],
});

/** A run may close between the reads of its head and its log: then the head is read once more. */
async function consistent(context: RequestContext, head: Head, until: Millis): Promise<{ head: Head; run: ReadRun }> {
  const { ports } = context;
  const run = await readRun(ports, head, until);
  if (head.status !== "RUNNING" || !run.state.closed) return { head, run };
  const now = (await ports.executions.head(head)) ?? head;
  return { head: now, run: now.run === head.run ? run : await readRun(ports, now, until) };
}

async function circumstances(context: RequestContext, head: Head, run: ReadRun, how: How): Promise<Circumstances> {
  const { ports, workspace } = context;
  const running = head.status === "RUNNING";
  const [version, workers, attempts, freePermits, handlers, messages, children, schedule, loop] = await Promise.all([
    versionOf(context, head),
    running ? workersOf(context, head) : [],
    running ? attemptsOf(context, head, run.state) : new Map(),
    running ? freePermitsOf(context, run.state) : new Map<number, Millis>(),
    handlersOf(context, head),
    running ? ports.executions.inbox(head, head.chain, MOST_MESSAGES) : [],
    running && how.children ? childrenOf(context, run.state, how.until) : new Map<number, ChildView>(),
    head.schedule === null ? null : scheduleOf(context, head.schedule.id),
    running ? loopOf(context, head) : null,
  ]);
  const now = ports.clock.now();
  const known = await withAbilities(context, workspace, workers);
  return {
    now,
    workers: known,
    version,
    elsewhere: running && !known.some((each) => serves(each, head)) ? await elsewhere(context, head) : [],
    attempts,
    freePermits,
    handlers,
    messages: messages.filter((m) => !run.state.taken.has(m.id)),
    children,
    schedule,
    loop,
    holds: running ? holdsOf((await ports.registry.holds(workspace)).holds, head) : [],
    cutAt: run.cutAt,
  };
}

/** The live versions are those that have the workflow, the newest first. */
async function versionOf({ ports, workspace }: RequestContext, head: Head): Promise<KnownVersion | null> {
  const version = (await ports.registry.deployment(workspace, head.deployment))?.version;
  if (!version) return null;
  const { of, name } = version;
  const [all, registrations] = await Promise.all([
    ports.registry.deployments(workspace),
    ports.registry.registrations(workspace, { workflow: head.workflow }),
  ]);
  const serving = new Set(registrations.map(({ deployment }) => deployment));
  const versions = versionsOf(all, of).filter((each) => serving.has(each.name));
  const active = await activeDeployments(
    ports,
    workspace,
    versions.map((each) => each.name),
  );
  const live = versions.filter((each) => active.has(each.name)).sort((a, b) => b.createdAt - a.createdAt);
  return { of, name, live: live.map((each) => each.version!.name) };
}

const shownVersion = ({ of, name, live }: KnownVersion): Explanation["version"] => ({
  version_of: of,
  version: name,
  is_live: live.includes(name),
  live_versions: [...live],
});

type Listed = Awaited<ReturnType<RequestContext["ports"]["registry"]["workers"]>>;

async function workersOf({ ports, workspace }: RequestContext, head: Head): Promise<Listed> {
  return ports.registry.workers(workspace, head.deployment, ports.clock.now() - ports.settings.livenessMs);
}

async function withAbilities(context: RequestContext, workspace: string, workers: Listed): Promise<KnownWorker[]> {
  const { ports } = context;
  const live = workers.filter((w) => isLive(ports, w));
  const ids = live.map(({ abilities }) => abilities).filter((id) => id !== null);
  const can = ids.length === 0 ? new Map() : await ports.registry.abilities(workspace, ids);
  return workers.map((w) => ({
    name: w.name,
    session: w.session,
    pid: w.pid,
    heartbeatAt: w.heartbeatAt,
    live: isLive(ports, w),
    can: (w.abilities === null ? null : can.get(w.abilities)) ?? null,
  }));
}

const serves = ({ live, can }: KnownWorker, { workflow }: Head): boolean =>
  live && (can === null || can.workflows.includes(workflow));

async function elsewhere({ ports, workspace }: RequestContext, { workflow, deployment }: Head): Promise<string[]> {
  const registrations = await ports.registry.registrations(workspace, { workflow });
  const others = registrations.map((each) => each.deployment).filter((name) => name !== deployment);
  return others.length === 0 ? [] : [...(await activeDeployments(ports, workspace, others))].sort();
}

async function attemptsOf({ ports }: RequestContext, head: Head, state: RunState) {
  const numbers = [...state.activities.keys()].slice(0, MOST_ATTEMPTS);
  const of = async (activity: number) =>
    [activity, await ports.activities.report({ ref: head, run: head.run, activity })] as const;
  const found = await Promise.all(numbers.map(of));
  return new Map(found.flatMap(([activity, report]) => (report === null ? [] : [[activity, report] as const])));
}

async function freePermitsOf({ ports, workspace }: RequestContext, state: RunState): Promise<Map<number, Millis>> {
  const limited = [...state.activities].filter(([, { options, where }]) => options.rate_limit && where === "queue");
  const now = ports.clock.now();
  const of = async ([activity, { options }]: (typeof limited)[number]) => {
    const limit = options.rate_limit!;
    return [activity, nextPermit(await ports.rateLimits.pool(workspace, limit.key), limit, now)] as const;
  };
  return new Map(await Promise.all(limited.slice(0, MOST_ATTEMPTS).map(of)));
}

async function handlersOf({ ports, workspace }: RequestContext, head: Head): Promise<Circumstances["handlers"]> {
  const { deployment, workflow } = head;
  const [registration] = await ports.registry.registrations(workspace, { workflow, deployment });
  return registration?.definition ?? { signals: [], updates: [] };
}

async function childrenOf(context: RequestContext, state: RunState, until: Millis): Promise<Map<number, ChildView>> {
  const views = new Map<number, ChildView>();
  for (const [number, open] of [...state.children].slice(0, MOST_CHILDREN)) {
    if (context.ports.clock.now() >= until) break;
    const head = await context.ports.executions.head(refTo(context, open.execution));
    if (head?.parent?.run !== state.started.run || head.parent.child !== number) continue;
    const { status, summary, waits } = await explanationOf(context, head, { until, children: false });
    views.set(number, { status, summary, waits });
  }
  return views;
}

async function scheduleOf({ ports, workspace }: RequestContext, id: string): Promise<Circumstances["schedule"]> {
  try {
    const stored = await ports.schedules.get({ workspace, schedule: id });
    return stored && { id, paused: stored.state.paused, note: stored.state.note };
  } catch (error) {
    if (error instanceof UnreadableSchedule) return null;
    throw error;
  }
}

/** The runs right before this one, as long as each was short. */
async function loopOf({ ports, workspace }: RequestContext, head: Head): Promise<Circumstances["loop"]> {
  let { started_at: since, continued_from: before } = head;
  let runs = 0;
  while (before !== null && runs < LOOP_RUNS) {
    const run: Head | null = await ports.executions.run(workspace, before);
    if (!run || since - run.started_at > SHORT_RUN_MS) return null;
    ({ started_at: since, continued_from: before } = run);
    runs += 1;
  }
  return runs === LOOP_RUNS && ports.clock.now() - head.started_at <= SHORT_RUN_MS ? { runs, since } : null;
}
