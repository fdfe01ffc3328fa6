/**
 * Why an execution does not go on, and who must act: from its folded history, its head, and what is known of the workers.
 * Pure. No live worker is needed to answer.
 */
import { cutText } from "../../protocol/cut-text.ts";
import type { Head } from "../../protocol/head.ts";
import type { Failure, Millis } from "../../protocol/history.ts";
import { versionDeployment } from "../../protocol/ids.ts";
import type { HandlerDefinition } from "../../protocol/worker.ts";
import { scopeText } from "../holds-of.ts";
import { beginsAt } from "../run-interval.ts";
import { type OpenActivity, type RunState, sessionOf } from "../state.ts";
import { type Actor, rankOf, WAIT_KINDS, type WaitKind } from "./kinds.ts";
import type { Noted } from "./noted.ts";
import { ago, causes, cut, errorText, quoted, some, span, when } from "./words.ts";

export interface Link {
  readonly rel: string;
  readonly href: string;
}
export interface Wait {
  readonly kind: WaitKind;
  readonly actor: Actor;
  /** One sentence. */
  readonly text: string;
  readonly since: Millis | null;
  readonly until: Millis | null;
  readonly evidence: Record<string, unknown>;
  readonly what_to_do: string;
  readonly links: readonly Link[];
}

export interface KnownWorker {
  readonly name: string;
  readonly session: string;
  readonly pid: number | null;
  readonly heartbeatAt: Millis;
  readonly live: boolean;
  /** Null: not known. */
  readonly can: { readonly workflows: readonly string[]; readonly activities: readonly string[] } | null;
}
export interface KnownHold {
  readonly deployment: string | null;
  readonly workflow: string | null;
  readonly since: Millis;
  readonly by: string | null;
  readonly reason: string | null;
  readonly release: { readonly since: Millis; readonly perSecond: number | null } | null;
}
interface KnownAttempt {
  readonly attempt: number;
  readonly session: string | null;
  readonly beat: { readonly at: Millis; readonly details: unknown } | null;
  readonly failed: { readonly attempt: number; readonly failure: Failure; readonly retryAt: Millis } | null;
}
export interface ChildView {
  readonly status: string;
  readonly summary: string;
  readonly waits: readonly unknown[];
}

/** A version of a deployment's code, and the versions of the same deployment that have a live worker. */
export interface KnownVersion {
  readonly of: string;
  readonly name: string;
  readonly live: readonly string[];
}

/** What the server knows besides the history. */
export interface Circumstances {
  readonly now: Millis;
  /** Of the execution's deployment. */
  readonly workers: readonly KnownWorker[];
  /** The version of the code to which the execution is pinned; null: its deployment is no version. */
  readonly version: KnownVersion | null;
  /** Other active deployments that serve the workflow; known where no live worker of its own does. */
  readonly elsewhere: readonly string[];
  readonly attempts: ReadonlyMap<number, KnownAttempt>;
  /** By activity: when a permit of its rate limit that is asked for now would begin. */
  readonly freePermits: ReadonlyMap<number, Millis>;
  readonly handlers: { readonly signals: readonly HandlerDefinition[]; readonly updates: readonly HandlerDefinition[] };
  /** Some of the messages that no worker has taken in yet. */
  readonly messages: readonly { readonly kind: string; readonly name?: string; readonly sent_at: Millis }[];
  readonly children: ReadonlyMap<number, ChildView>;
  readonly schedule: { readonly id: string; readonly paused: boolean; readonly note: string | null } | null;
  /** Runs right before this one that were all short. */
  readonly loop: { readonly runs: number; readonly since: Millis } | null;
  /** Of the execution's deployment or workflow. */
  readonly holds: readonly KnownHold[];
  /** The history was read up to this event only. */
  readonly cutAt: number | null;
}

/** A worker that is silent for longer is not named as the one that runs an attempt. */
const SILENT_MS: Millis = 30_000;
const MOST_WAITS = 100;
const API = "/v1/workflows";

interface Case {
  readonly head: Head;
  readonly state: RunState;
  readonly noted: Noted;
  readonly around: Circumstances;
  waits: Wait[];
  readonly pause: () => Promise<void>;
}

/** The waits, the most decisive first. `pause`: lets other requests run, because a run may wait for very much at once. */
export async function explain(
  head: Head,
  state: RunState,
  noted: Noted,
  around: Circumstances,
  pause: () => Promise<void> = async () => {},
): Promise<Wait[]> {
  const c: Case = { head, state, noted, around, waits: [], pause };
  if (head.status !== "RUNNING") closed(c);
  else await open(c);
  pausedSchedule(c);
  const cutAt = around.cutAt === null ? {} : { history_read_to_event: around.cutAt };
  return mostDecisive(c.waits).map((wait) => ({ ...wait, evidence: { ...wait.evidence, ...cutAt } }));
}

const mostDecisive = (waits: Wait[]): Wait[] =>
  waits.sort((a, b) => rankOf(a.kind) - rankOf(b.kind) || (a.since ?? 0) - (b.since ?? 0)).slice(0, MOST_WAITS);

/** Tells of each, and keeps no more of it than is shown. */
async function tellEach<K, V>(c: Case, of: Iterable<[K, V]>, tell: (key: K, value: V) => void): Promise<void> {
  let told = 0;
  for (const [key, value] of of) {
    tell(key, value);
    told += 1;
    if (told % MOST_WAITS > 0) continue;
    c.waits = mostDecisive(c.waits);
    await c.pause();
  }
}

/** One sentence about the most decisive wait, and how many others there are. */
export function summaryOf(waits: readonly Wait[]): string {
  const [first, ...others] = waits;
  if (!first) return "Nothing is known that the execution waits for.";
  if (first.kind === "closed" || others.length === 0) return first.text;
  const kinds = [...new Set(others.map(({ kind }) => kind.replaceAll("_", " ")))].slice(0, 3);
  return `${first.text.replace(/\.$/, "")} (and ${some(others.length, "further wait")}: ${kinds.join(", ")}).`;
}

type New = Omit<Wait, "actor" | "until" | "links"> & Partial<Pick<Wait, "actor" | "until" | "links">>;
function add(c: Case, { links = [], until = null, ...wait }: New): void {
  const history = { rel: "history", href: `${API}/executions/${encodeURIComponent(c.head.execution)}/history` };
  c.waits.push({ actor: WAIT_KINDS[wait.kind].actor, until, ...wait, links: [...links, history] });
}
const deploymentLink = (c: Case): Link => ({
  rel: "deployment",
  href: `${API}/deployments/${encodeURIComponent(c.head.deployment)}`,
});

async function open(c: Case): Promise<void> {
  const { head, state, noted, around } = c;
  for (const each of around.holds) onHold(c, each);
  const live = around.workers.filter((w) => w.live);
  if (live.length === 0) noLiveWorker(c);
  else if (live.every((w) => w.can !== null && !w.can.workflows.includes(head.workflow))) notServed(c, live);
  if (state.quarantine !== null && around.now < state.quarantine.until) quarantined(c);
  else if (noted.bug !== null) failing(c);
  const held = beginsAt(head, around.now);
  if (held !== null) hold(c, held);
  if (around.loop) loop(c, around.loop);
  await tellEach(c, state.activities, (number, activity) => describeActivity(c, number, activity, live));
  await tellEach(c, noted.inputs, (id, input) => ask(c, id, input));
  await tellEach(c, state.children, (number, child) => waitForChild(c, number, child));
  await tellEach(c, state.timers, (timer, at) => waitForTimer(c, timer, at));
  if (noted.cancelledAt !== null) {
    add(c, {
      kind: "cancelling",
      text: `Cancellation was requested ${ago(noted.cancelledAt, around.now)}, and the workflow code has not ended yet.`,
      since: noted.cancelledAt,
      evidence: {},
      what_to_do: `Let the code clean up, or end the execution at once: sirocco terminate ${head.execution}`,
    });
  }
  rest(c);
}

function onHold(c: Case, hold: KnownHold): void {
  const { deployment, workflow, since, by, reason, release } = hold;
  const scope = scopeText(hold);
  const flags = [
    workflow === null ? [] : `--workflow ${workflow}`,
    deployment === null ? [] : `--deployment ${deployment}`,
  ]
    .flat()
    .join(" ");
  const who = by === null ? "An operator" : `'${by}'`;
  const why = reason === null || reason === "" ? "" : `: ${cutText(reason, 200).replace(/\.$/, "")}`;
  const { now } = c.around;
  const rate = release?.perSecond ?? null;
  const goesOn = rate === null ? "at once" : `at ${rate} tasks a second`;
  add(c, {
    kind: "on_hold",
    actor: release === null ? "operator" : "time",
    text:
      release === null
        ? `${who} has held ${scope} for ${span(now - since)}, so workers get no new tasks of it${why}.`
        : `The hold of ${scope} is being released ${goesOn}; that began ${span(now - release.since)} ago.`,
    since,
    evidence: {
      deployment,
      workflow,
      held_by: by,
      reason,
      ...(release && { released_at: iso(release.since), per_second: rate }),
    },
    what_to_do: release === null ? `Release it: sirocco release ${flags}` : "Wait: it goes on by itself.",
  });
}

/** An execution stays in the deployment that it was started in, whatever its workflow's route is by now. */
const stays = ({ head, around: { elsewhere } }: Case): string =>
  elsewhere.length === 0
    ? ""
    : ` ${quoted(elsewhere.slice(0, 5))} ${elsewhere.length === 1 ? "serves" : "serve"} workflow '${head.workflow}' now, but an execution stays in the deployment that it was started in.`;

function noLiveWorker(c: Case): void {
  const { head, around } = c;
  const last = [...around.workers].sort((a, b) => b.heartbeatAt - a.heartbeatAt)[0];
  const was = last
    ? `the last one, '${last.name}', sent its last heartbeat ${ago(last.heartbeatAt, around.now)}`
    : "none is on record";
  const evidence = {
    deployment: head.deployment,
    last_worker: last?.name ?? null,
    last_process_id: last?.pid ?? null,
    last_heartbeat: last ? iso(last.heartbeatAt) : null,
  };
  const since = last?.heartbeatAt ?? null;
  const { version } = around;
  if (version) {
    const { of, name, live } = version;
    const others = live.length === 0 ? "no version" : quoted(live.slice(0, 5));
    add(c, {
      kind: "no_live_version",
      text: `The execution is pinned to version '${name}' of deployment '${of}', and no worker of that version is live: ${was}. Live of '${of}': ${others}.`,
      since,
      evidence: { ...evidence, version: name, version_of: of, live_versions: live },
      what_to_do: noLiveVersionAdvice(head, version),
      links: [deploymentLink(c)],
    });
    return;
  }
  add(c, {
    kind: "no_live_worker",
    text: `No worker of deployment '${head.deployment}' is live: ${was}.${stays(c)}`,
    since,
    evidence: { ...evidence, served_by: around.elsewhere },
    what_to_do: `Start a worker with DEPLOYMENT_NAME=${head.deployment} that has workflow '${head.workflow}': node FILE, or sirocco dev --worker FILE. The execution then goes on by itself.`,
    links: [deploymentLink(c)],
  });
}

function noLiveVersionAdvice({ execution }: Head, { of, name, live }: KnownVersion): string {
  const start = `Start a worker of that code with DEPLOYMENT_NAME=${of} BUILD_ID=${name}, and the execution goes on by itself`;
  if (live.length === 0) return `${start}.`;
  return `${start}. Or let another version go on from an earlier point: sirocco reset ${execution} --to last-decision --deployment ${versionDeployment(of, live[0]!)}`;
}

function notServed(c: Case, live: readonly KnownWorker[]): void {
  const { workflow, deployment } = c.head;
  add(c, {
    kind: "workflow_not_served",
    text: `None of the ${some(live.length, "live worker")} of deployment '${deployment}' has workflow '${workflow}'.${stays(c)}`,
    since: null,
    evidence: {
      deployment,
      workflow,
      live_workers: live.map(({ name }) => name).slice(0, 20),
      served_by: c.around.elsewhere,
    },
    what_to_do: `Add '${workflow}' to runWorker({ workflows }) of deployment '${deployment}', and start the worker again.`,
    links: [deploymentLink(c)],
  });
}

/** When the worker tries again: the due time of a head that a worker has parked. */
const nextLook = ({ head, around }: Case): Millis | null =>
  head.due_at !== null && head.due_at > around.now ? head.due_at : null;

function quarantined(c: Case): void {
  const { head, state, around } = c;
  const { failure, until, count } = state.quarantine!;
  add(c, {
    kind: "quarantined",
    text: `The code of workflow '${head.workflow}' is in quarantine until ${iso(until)} (${span(until - around.now)} left), because it harmed its worker: ${errorText(failure)}.`,
    since: c.noted.bug?.last ?? null,
    until,
    evidence: { causes: causes(failure), quarantines_in_a_row: count, code: state.quarantine!.code },
    what_to_do: `Repair the code and start the worker of deployment '${head.deployment}' again: another version runs at once. Or give the execution up: sirocco terminate ${head.execution}`,
    links: [deploymentLink(c)],
  });
}

const DIVERGED = /recorded (.+), the code decided (.+?)(?: \(it waits for|\. )/;

function failing(c: Case): void {
  const { head, noted, around } = c;
  const { failure, first, last, errors } = noted.bug!;
  const diverged = failure.type === "DivergenceError" ? DIVERGED.exec(failure.message) : null;
  const next = nextLook(c);
  const why = diverged
    ? `it recorded ${diverged[1]}, but now decides ${diverged[2]}`
    : errorText(failure).replace(/\.$/, "");
  add(c, {
    kind: "workflow_code_failing",
    text: `The code of workflow '${head.workflow}' has been failing for ${span(around.now - first)}: ${why}; it is tried again ${next === null ? "soon" : when(next, around.now)}.`,
    since: first,
    until: next,
    evidence: {
      error: failure.message,
      causes: causes(failure),
      distinct_errors: errors,
      last_new_error_at: iso(last),
      ...(diverged && { expected: diverged[1], actual: diverged[2] }),
      registration: head.registration,
      code: c.state.code,
    },
    what_to_do: `Repair the code and start the worker of deployment '${head.deployment}' again: the execution goes on by itself. Or give it up: sirocco terminate ${head.execution}`,
    links: [deploymentLink(c)],
  });
}

function loop(c: Case, { runs, since }: { runs: number; since: Millis }): void {
  const { head, around } = c;
  add(c, {
    kind: "continue_as_new_loop",
    text: `The execution continued as new ${runs} times in the last ${span(around.now - since)}: its code seems to loop.`,
    since,
    evidence: { runs, workflow: head.workflow },
    what_to_do: `Let the code of '${head.workflow}' wait for a timer or a message before it continues as new, or end the execution: sirocco terminate ${head.execution}`,
  });
}

function hold(c: Case, until: Millis): void {
  const { head, around } = c;
  add(c, {
    kind: "held",
    text: `The next run may begin ${when(until, around.now)}: the execution continued as new too often in a short time.`,
    since: head.started_at,
    until,
    evidence: { reason: "continues_as_new_too_often" },
    what_to_do: `Nothing: it goes on by itself. Let the code of '${head.workflow}' wait before it continues as new.`,
  });
}

function describeActivity(c: Case, number: number, a: OpenActivity, live: readonly KnownWorker[]): void {
  const { head, around } = c;
  const { now } = around;
  const known = around.attempts.get(number);
  const attempt = Math.max(a.attempt, a.where === "queue" ? (known?.attempt ?? 0) : 0);
  const most = a.options.retry.max_attempts;
  const counted = `attempt ${attempt} of ${most === 0 ? "any number" : most}`;
  const limit = a.options.schedule_to_close_ms;
  const evidence = {
    activity: a.name,
    number,
    attempt,
    max_attempts: most === 0 ? null : most,
    scheduled_at: iso(a.scheduledAt),
    must_end_by: limit === undefined ? null : iso(a.scheduledAt + limit),
    ...(a.cancelRequested && { cancel_requested: true }),
  };
  const failure = a.where === "queue" ? (known?.failed?.failure ?? a.lastFailure) : a.lastFailure;
  const failed = failure === null ? {} : { last_failure: causes(failure) };
  const retryAt = a.where === "queue" ? (known?.failed?.retryAt ?? null) : a.retryAt;
  const lacking = live.length > 0 && live.every((w) => w.can !== null && !w.can.activities.includes(a.name));
  const session = a.where === "queue" ? (known?.session ?? null) : sessionOf(a.where);
  const begun = known !== undefined && known.session !== null && retryAt === null;
  const rate = a.options.rate_limit;
  const free = rate === undefined ? now : (around.freePermits.get(number) ?? now);
  if (retryAt !== null && failure !== null && retryAt > now) {
    add(c, {
      kind: "activity_backoff",
      text: `Activity '${a.name}' failed at ${counted}: ${errorText(failure).replace(/\.$/, "")}; the next attempt begins ${when(retryAt, now)}.`,
      since: a.scheduledAt,
      until: retryAt,
      evidence: { ...evidence, ...failed, next_attempt_at: iso(retryAt) },
      what_to_do: `Repair what '${a.name}' fails on. Nothing must be started again: the next attempt comes by itself.`,
    });
  } else if (a.where === "queue" && lacking) {
    add(c, {
      kind: "activity_not_served",
      text: `Activity '${a.name}' has been in the queue for ${span(now - a.scheduledAt)}: none of the ${some(live.length, "live worker")} of deployment '${head.deployment}' has it.`,
      since: a.scheduledAt,
      evidence: { ...evidence, ...failed, live_workers: live.map(({ name }) => name).slice(0, 20) },
      what_to_do: `Start a worker of deployment '${head.deployment}' that has it: runWorker({ activities: [${a.name}] }).`,
      links: [deploymentLink(c)],
    });
  } else if (rate !== undefined && a.where === "queue" && free > now && !begun) {
    const limit = `${rate.max} in ${span(rate.per_ms)}`;
    add(c, {
      kind: "activity_rate_limited",
      text: `Activity '${a.name}' (${counted}) is waiting for rate limit '${rate.key}' (${limit}), whose permits are given away until ${iso(free)}.`,
      since: a.scheduledAt,
      until: free,
      evidence: {
        ...evidence,
        ...failed,
        rate_limit: rate.key,
        max: rate.max,
        per_ms: rate.per_ms,
        next_free_permit: iso(free),
      },
      what_to_do: `Wait. If it takes too long, raise rateLimit.max of '${a.name}', or let fewer activities share the key '${rate.key}'.`,
    });
  } else if (a.where === "queue" && !begun) {
    add(c, {
      kind: "activity_queued",
      actor: live.length === 0 ? "operator" : "worker",
      text: `Activity '${a.name}' (${counted}) has been in the queue of deployment '${head.deployment}' for ${span(now - a.scheduledAt)}, ${live.length === 0 ? "and no worker is live" : `where ${some(live.length, "live worker")} ${live.length === 1 ? "has" : "have"} no free slot for it yet`}.`,
      since: a.scheduledAt,
      evidence: { ...evidence, ...failed, live_workers: live.length },
      what_to_do:
        live.length === 0
          ? `Start a worker of deployment '${head.deployment}'.`
          : `If it stays so: start further workers of deployment '${head.deployment}', or raise maxConcurrentActivities.`,
      links: [deploymentLink(c)],
    });
  } else {
    running(c, a, { number, counted, evidence: { ...evidence, ...failed }, session, known });
  }
}

function running(
  c: Case,
  a: OpenActivity,
  p: {
    number: number;
    counted: string;
    evidence: Record<string, unknown>;
    session: string | null;
    known: KnownAttempt | undefined;
  },
): void {
  const { now, workers } = c.around;
  const worker = workers.find((w) => w.session === p.session);
  const since = a.startedAt ?? a.scheduledAt;
  const beat = p.known?.beat ?? null;
  const evidence = {
    ...p.evidence,
    worker: worker?.name ?? null,
    process_id: worker?.pid ?? null,
    session: p.session,
    worker_heartbeat: worker ? iso(worker.heartbeatAt) : null,
    last_heartbeat: beat ? iso(beat.at) : null,
    heartbeat_details: beat ? shortJson(beat.details) : null,
  };
  if (!worker || now - worker.heartbeatAt > SILENT_MS) {
    const name = worker ? `worker '${worker.name}'` : "a worker that is gone";
    const heard = worker ? `, which sent its last heartbeat ${ago(worker.heartbeatAt, now)}` : "";
    add(c, {
      kind: "activity_worker_lost",
      text: `Activity '${a.name}' (${p.counted}) was running on ${name}${heard}: a live worker starts the next attempt.`,
      since: worker?.heartbeatAt ?? since,
      evidence,
      what_to_do: "Nothing, if a worker of the deployment is live. Otherwise start one.",
      links: [deploymentLink(c)],
    });
    return;
  }
  const { start_to_close_ms: limit, heartbeat_ms: silence } = a.options;
  const told = beat ? `; its last heartbeat came ${ago(beat.at, now)}` : "";
  const pid = worker.pid === null ? "" : `, process ${worker.pid}`;
  const bound = limit === undefined && silence === undefined ? " It has no time limit." : "";
  add(c, {
    kind: "activity_running",
    text: `Activity '${a.name}' (${p.counted}) has been running on worker '${worker.name}' for ${span(now - since)}${told}.`,
    since,
    until: limit === undefined ? null : since + limit,
    evidence,
    what_to_do: `Wait. If it takes too long, look at worker '${worker.name}'${pid}.${bound}`,
  });
}

function ask(c: Case, id: string, { label, since }: { label: string | null; since: Millis }): void {
  const { head, around } = c;
  add(c, {
    kind: "human_input",
    text: `A person must answer ${label === null ? `input ${id}` : `"${cut(label)}"`}, asked ${ago(since, around.now)}.`,
    since,
    evidence: { task_id: id, label },
    what_to_do: `Answer it: sirocco update ${head.execution} __submit_input --input '{"task_id":"${id}","input":…}'. The query __get_pending_inputs shows the schema.`,
    links: [{ rel: "answer", href: `${API}/executions/${encodeURIComponent(head.execution)}/updates` }],
  });
}

function waitForChild(c: Case, number: number, child: { execution: string; workflow: string }): void {
  const { now, children } = c.around;
  const view = children.get(number);
  const since = c.noted.children.get(number) ?? null;
  const why = view ? `: ${view.summary.replace(/\.$/, "")}` : "";
  const goesOn = since === null ? `runs${why}` : `has been running for ${span(now - since)}${why}`;
  add(c, {
    kind: "child",
    text: `Child '${child.execution}' of workflow '${child.workflow}' ${view && view.status !== "RUNNING" ? `is ${view.status}, and its end is on its way` : goesOn}.`,
    since,
    evidence: { execution: child.execution, workflow: child.workflow, child: number, explanation: view ?? null },
    what_to_do: `Look at the child: sirocco why ${child.execution}`,
    links: [{ rel: "child", href: `${API}/executions/${encodeURIComponent(child.execution)}/explain` }],
  });
}

function waitForTimer(c: Case, timer: number, at: Millis): void {
  const { now } = c.around;
  const since = c.noted.timers.get(timer) ?? null;
  add(c, {
    kind: "timer",
    text:
      at <= now
        ? `Timer ${timer} was due ${ago(at, now)}, and a worker has yet to record it.`
        : `Timer ${timer} ends ${when(at, now)}.`,
    since,
    until: at,
    evidence: { timer, fires_at: iso(at) },
    what_to_do: at <= now ? "Nothing, if a worker of the deployment is live." : "Wait.",
  });
}

const STOPS = new Set<WaitKind>([
  "on_hold",
  "no_live_worker",
  "no_live_version",
  "workflow_not_served",
  "quarantined",
  "workflow_code_failing",
  "continue_as_new_loop",
  "held",
]);

/**
 * Has the code answered all that is recorded? A step without decisions leaves no event, but then a worker has parked the
 * execution until one of the times that the state holds, or for ever. A claim sets another due time.
 */
function isResting({ head, state }: Case): boolean {
  if (state.decided >= state.lastStimulus || head.due_at === null) return true;
  return head.due_at === head.deadline || [...state.timers.values()].includes(head.due_at);
}

/** What is left when nothing that is open says why: the next step, a message, or nothing at all. */
function rest(c: Case): void {
  const { head, state, around } = c;
  if (head.wake_pending || !isResting(c) || around.messages.length > 0) {
    if (c.waits.some(({ kind }) => STOPS.has(kind))) {
      messagesWait(c);
      return;
    }
    const oldest = Math.min(state.at, ...around.messages.map((m) => m.sent_at));
    add(c, {
      kind: "workflow_task",
      text: `A worker is to run the next step of workflow '${head.workflow}', or runs it now${around.messages.length > 0 ? `: ${waiting(c)}` : ""}.`,
      since: oldest,
      evidence: { wake_pending: head.wake_pending, messages: messageNames(c) },
      what_to_do: `Nothing. If it stays so for minutes, look at the workers of deployment '${head.deployment}': sirocco doctor`,
      links: [deploymentLink(c)],
    });
    return;
  }
  if (c.waits.some(({ kind }) => !STOPS.has(kind) && kind !== "timer" && kind !== "cancelling")) return;
  const handlers = [
    ...around.handlers.signals.map((h) => ({ ...h, type: "signal" as const })),
    ...around.handlers.updates.map((h) => ({ ...h, type: "update" as const })),
  ].filter(({ name }) => !name.startsWith("__"));
  if (handlers.length > 0) {
    waitForMessage(c, handlers);
    return;
  }
  if (c.waits.length > 0 || around.cutAt !== null) return;
  add(c, {
    kind: "condition",
    text: `Workflow '${head.workflow}' waits, but nothing is open and it has no signals or updates: nothing can bring it further.`,
    since: state.at,
    until: head.deadline,
    evidence: { deadline: head.deadline === null ? null : iso(head.deadline) },
    what_to_do: `Look for a promise in its code that nothing resolves. End the execution: sirocco terminate ${head.execution}`,
  });
}

const messageNames = (c: Case): string[] =>
  c.around.messages.map((m) => (m.name === undefined ? m.kind : `${m.kind} ${m.name}`));
const waiting = (c: Case): string => `${some(c.around.messages.length, "message")} wait to be taken in`;

/** Messages that lie in the inbox because of another wait, which is told already. */
function messagesWait(c: Case): void {
  const [first, ...others] = c.waits;
  if (!first || c.around.messages.length === 0) return;
  c.waits.splice(
    0,
    c.waits.length,
    { ...first, evidence: { ...first.evidence, messages: messageNames(c) } },
    ...others,
  );
}

type Handler = HandlerDefinition & { readonly type: "signal" | "update" };

function waitForMessage(c: Case, handlers: readonly Handler[]): void {
  const { head, state, noted, around } = c;
  const shown = handlers.map(({ type, name }) => ({ type, name, calls: noted.called.get(`${type} ${name}`) ?? 0 }));
  const never = shown.filter(({ calls }) => calls === 0);
  const first = handlers.find(({ type, name }) => !noted.called.has(`${type} ${name}`)) ?? handlers[0]!;
  const unused =
    never.length === 0
      ? "each has been called before"
      : `${quoted(never.map(({ name }) => name))} ${never.length === 1 ? "has" : "have"} never been called`;
  add(c, {
    kind: "message",
    text: `Workflow '${head.workflow}' has been waiting for ${span(around.now - state.at)} for ${quoted(handlers.map(({ name }) => name))}: ${unused}.`,
    since: state.at,
    evidence: { handlers: shown },
    what_to_do: `Send it: sirocco ${first.type} ${head.execution} ${first.name}${exampleOf(first)}`,
    links: [{ rel: first.type, href: `${API}/executions/${encodeURIComponent(head.execution)}/${first.type}s` }],
  });
}

/** ` --input '{"by":…}'`: the fields that the schema requires. */
function exampleOf({ input_schema: schema }: HandlerDefinition): string {
  const required = Array.isArray(schema.required) ? schema.required.filter((key) => typeof key === "string") : [];
  if (required.length === 0) return "";
  return ` --input '{${required.map((key) => `${JSON.stringify(key)}:…`).join(",")}}'`;
}

function closed(c: Case): void {
  const { head, noted, around } = c;
  const end = noted.closing;
  const at = head.closed_at ?? around.now;
  const failure = end?.kind === "execution_failed" ? end.failure : null;
  const reason = end && "reason" in end && typeof end.reason === "string" ? end.reason : null;
  const evidence: Record<string, unknown> = {
    ...(failure && { causes: causes(failure) }),
    ...(reason !== null && { reason }),
    ...(head.outbox.length > 0 && { effects_to_perform: head.outbox.length }),
  };
  const again = `Repair the cause, then start it again: sirocco start ${head.workflow}`;
  const [text, what_to_do] = ((): [string, string] => {
    switch (head.status) {
      case "FAILED":
        return [
          `The execution failed ${ago(at, around.now)}: ${failure ? causes(failure).join(", caused by ").replace(/\.$/, "") : cut(head.failure ?? "no failure is recorded")}.`,
          again,
        ];
      case "TIMED_OUT": {
        const was = openAtTheEnd(c);
        evidence.deadline = head.deadline === null ? null : iso(head.deadline);
        evidence.open_at_the_end = was;
        const limit =
          head.deadline === null ? "" : ` of ${span(head.deadline - head.started_at)} after this run's start`;
        const on = was.length > 0 ? ` while it waited for ${was.slice(0, 3).join(", ")}` : "";
        return [
          `The execution reached its time limit${limit} ${ago(at, around.now)}${on}.`,
          `Give workflow '${head.workflow}' a longer timeout if it needs one, and start it again: sirocco start ${head.workflow}`,
        ];
      }
      case "TERMINATED":
      case "CANCELED":
        return [
          `The execution was ${head.status === "CANCELED" ? "cancelled" : "terminated"} ${ago(at, around.now)}${reason === null ? "" : `: ${cut(reason).replace(/\.$/, "")}`}.`,
          `Nothing. Start it again if it is needed: sirocco start ${head.workflow}`,
        ];
      default:
        return [`The execution completed ${ago(at, around.now)}.`, "Nothing."];
    }
  })();
  add(c, { kind: "closed", text, since: at, evidence: { status: head.status, ...evidence }, what_to_do });
}

function openAtTheEnd({ state, noted }: Case): string[] {
  return [
    ...[...state.activities.values()].map(({ name, attempt }) => `activity '${name}' (attempt ${attempt})`),
    ...[...noted.inputs.values()].map(({ label }) => (label === null ? "a person" : `a person ("${cut(label, 80)}")`)),
    ...[...state.children.values()].map(({ execution }) => `child '${execution}'`),
    ...[...state.timers].map(([timer, at]) => `timer ${timer} until ${iso(at)}`),
    ...(noted.bug ? [`a repair of its code (${errorText(noted.bug.failure)})`] : []),
  ].slice(0, 20);
}

function pausedSchedule(c: Case): void {
  const { schedule } = c.around;
  if (!schedule?.paused) return;
  const note = schedule.note ? ` ("${cut(schedule.note, 100)}")` : "";
  add(c, {
    kind: "schedule_paused",
    text: `Schedule '${schedule.id}', which started this execution, is paused${note}: it starts no further ones.`,
    since: null,
    evidence: { schedule: schedule.id, note: schedule.note },
    what_to_do: `If it shall go on: sirocco schedule resume ${schedule.id}`,
    links: [{ rel: "schedule", href: `${API}/schedules/${encodeURIComponent(schedule.id)}/explain` }],
  });
}

const iso = (at: Millis): string => new Date(at).toISOString();
const shortJson = (value: unknown): unknown => {
  const text = JSON.stringify(value ?? null);
  return text.length <= 2_000 ? (value ?? null) : `${cutText(text, 2_000)}…`;
};
