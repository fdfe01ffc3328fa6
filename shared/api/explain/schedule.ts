/** Why a schedule starts nothing, or what it does next. */
import { SCHEDULE_KINDS, type ScheduleKind } from "../../core/explain/kinds.ts";
import { ago, cut, span, when } from "../../core/explain/words.ts";
import { UnreadableSchedule } from "../../ports.ts";
import { notFound, type Refusal } from "../../protocol/errors.ts";
import type { Millis } from "../../protocol/history.ts";
import type { ScheduleExplanation, Wait } from "../../protocol/http/explain.ts";
import { timestamp } from "../../protocol/http/fields.ts";
import { type Route, route } from "../../routing/route.ts";
import { describe, executionIdOf, type LogEntry, logAt, type ScheduleState } from "../../schedule/rules/index.ts";
import type { RequestContext } from "../request-context.ts";
import { unreadableText } from "../schedule-view.ts";

export async function explainSchedule(context: RequestContext, id: string): Promise<ScheduleExplanation | Refusal> {
  const { ports, workspace } = context;
  const now = ports.clock.now();
  const shown = (status: string, waits: Wait[]): ScheduleExplanation => ({
    schedule_id: id,
    status,
    as_of: timestamp(now),
    summary: waits[0]?.text ?? "Nothing is known that the schedule waits for.",
    waits,
  });
  try {
    const stored = await ports.schedules.get({ workspace, schedule: id });
    if (!stored) return notFound("schedule", id);
    const { state } = stored;
    const { workflow_name: workflow, workflow_registration_id: registration, deployment_name: deployment } = state;
    const followsCurrent = state.follows_current;
    const found = await route(ports, workspace, { workflow, registration, deployment, followsCurrent });
    return shown(state.paused ? "paused" : "active", waitsOf(state, found, now));
  } catch (error) {
    if (!(error instanceof UnreadableSchedule)) throw error;
    const text = unreadableText(error.message);
    const todo = `Delete it and create it again: sirocco schedule delete ${id}`;
    return shown("unreadable", [wait(id, "unreadable", text, todo)]);
  }
}

function wait(
  id: string,
  kind: ScheduleKind,
  text: string,
  what_to_do: string,
  p: { since?: Millis; until?: Millis; evidence?: Record<string, unknown>; links?: Wait["links"] } = {},
): Wait {
  const log = { rel: "log", href: `/v1/workflows/schedules/${encodeURIComponent(id)}/log` };
  return {
    kind,
    actor: SCHEDULE_KINDS[kind].actor,
    text,
    since: p.since === undefined ? null : timestamp(p.since),
    until: p.until === undefined ? null : timestamp(p.until),
    evidence: p.evidence ?? {},
    what_to_do,
    links: [...(p.links ?? []), log],
  };
}

/** In the order of the table: what stops the schedule most comes first. */
function waitsOf(state: ScheduleState, found: Route, now: Millis): Wait[] {
  const { schedule_id: id } = state;
  const { future_executions: future } = describe(state, now);
  const next = future[0] ? Date.parse(future[0].scheduled_at) : undefined;
  const coming = next === undefined ? "" : ` Its next time is ${when(next, now)}.`;
  const waits: Wait[] = [];
  if (state.paused) {
    const note = state.note ? ` ("${cut(state.note, 200)}")` : "";
    const text = `Schedule '${id}' is paused${note} since its last change ${ago(state.updated_at, now)}: it starts nothing.`;
    const evidence = { note: state.note, next_time: future[0]?.scheduled_at ?? null };
    waits.push(
      wait(id, "schedule_paused", text, `sirocco schedule resume ${id}`, { since: state.updated_at, evidence }),
    );
  }
  if (state.remaining === 0) {
    const text = `Schedule '${id}' has started as many executions as max_executions allows.`;
    waits.push(wait(id, "exhausted", text, `Raise max_executions: sirocco schedule update ${id}`));
  } else if (next === undefined) {
    const { end_at: end } = state.definition;
    const text = `The rule of schedule '${id}' has no further times${end ? ` (end_at is ${end})` : ""}.`;
    waits.push(
      wait(id, "no_more_times", text, `Change its rule: sirocco schedule update ${id}`, { evidence: { end_at: end } }),
    );
  }
  waits.push(
    ...routing(state, found, coming),
    ...pending(state, now),
    ...refusedLast(state, now),
    ...overlap(state, now),
  );
  if (!state.paused && next !== undefined && state.remaining !== 0) {
    const text = `Schedule '${id}' starts the next execution of '${state.workflow_name}' ${when(next, now)}.`;
    waits.push(wait(id, "due", text, "Wait.", { until: next, evidence: { remaining: state.remaining } }));
  }
  return waits;
}

function routing(state: ScheduleState, found: Route, coming: string): Wait[] {
  const { schedule_id: id, workflow_name: workflow, deployment_name: deployment } = state;
  if (found.kind === "found") return [];
  const { detail } = found.refusal;
  const reason = typeof detail === "string" ? detail : JSON.stringify(detail);
  const links = [{ rel: "deployment", href: `/v1/workflows/deployments/${encodeURIComponent(deployment)}` }];
  const evidence = { workflow, deployment, reason };
  if (found.kind === "no_live_worker") {
    const name = found.current ?? deployment;
    const text = `No worker of deployment '${name}' is live, so schedule '${id}' can start nothing.${coming}`;
    const todo = `Start a worker with DEPLOYMENT_NAME=${name} that has workflow '${workflow}'.`;
    return [wait(id, "no_live_worker", text, todo, { evidence, links })];
  }
  const text = `Starts of schedule '${id}' are refused: ${cut(reason).replace(/\.$/, "")}.`;
  const todo = `Register '${workflow}' with a worker of deployment '${deployment}', or name another deployment: sirocco schedule update ${id}`;
  return [wait(id, "route_refused", text, todo, { evidence, links })];
}

/** Starts that are decided and whose result is not known. */
function pending(state: ScheduleState, now: Millis): Wait[] {
  const { schedule_id: id } = state;
  const starting = state.active.filter((run) => run.starting !== null);
  const [first] = starting;
  if (!first?.starting) return [];
  const { tries, again_at } = first.starting;
  const execution = executionIdOf(id, first);
  const text = `The start of '${execution}' is not confirmed after ${tries} ${tries === 1 ? "try" : "tries"}; the next try comes ${when(again_at, now)}.`;
  const evidence = { execution, tries, starts_pending: starting.length, due_at: timestamp(first.actual) };
  const todo = `Nothing, if a worker of deployment '${state.deployment_name}' is live. Otherwise start one.`;
  return [wait(id, "start_pending", text, todo, { since: first.actual, until: again_at, evidence })];
}

const FAILED: ReadonlySet<LogEntry["outcome"]> = new Set(["refused", "duplicate", "missed_catchup"]);

function refusedLast(state: ScheduleState, now: Millis): Wait[] {
  const { schedule_id: id } = state;
  const last = logAt(state, now).at(-1);
  if (!last || !FAILED.has(last.outcome)) return [];
  const why = last.reason ? `: ${cut(last.reason).replace(/\.$/, "")}` : "";
  const text = `The last due time of schedule '${id}' started nothing (${last.outcome.replaceAll("_", " ")}, ${ago(last.at, now)})${why}.`;
  const evidence = { outcome: last.outcome, reason: last.reason ?? null, due_at: timestamp(last.actual) };
  return [wait(id, "start_refused", text, `See the others: sirocco schedule log ${id}`, { since: last.at, evidence })];
}

const MOST_NAMED = 20;

function overlap(state: ScheduleState, now: Millis): Wait[] {
  const { schedule_id: id, buffer, active } = state;
  const running = active.filter((run) => run.starting === null);
  const skipped = logAt(state, now).at(-1)?.outcome === "skipped_overlap";
  const [first] = running;
  if (!first || (buffer.length === 0 && !skipped)) return [];
  const execution = executionIdOf(id, first);
  const since = first.started_at ?? first.actual;
  const effect =
    buffer.length > 0
      ? `${buffer.length} ${buffer.length === 1 ? "start waits" : "starts wait"} for its end`
      : "the last due time was skipped";
  const text = `Execution '${execution}' of schedule '${id}' has been running for ${span(now - since)}, and ${effect}.`;
  const links = [{ rel: "execution", href: `/v1/workflows/executions/${encodeURIComponent(execution)}/explain` }];
  const evidence = {
    running: running.slice(0, MOST_NAMED).map((run) => executionIdOf(id, run)),
    waiting: buffer.length,
  };
  return [wait(id, "overlap", text, `Look at the execution: sirocco why ${execution}`, { since, evidence, links })];
}
