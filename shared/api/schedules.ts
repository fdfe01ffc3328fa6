/** Schedules: the operations of the official API, and three more: preview, backfill, and the log of outcomes. */
import type { ScheduleKey } from "../ports.ts";
import { invalidAt, invalidSchedule, isRefusal, notFound, type Refusal, scheduleExists } from "../protocol/errors.ts";
import type { BodyOf, QueryOf, ResponseOf } from "../protocol/routes.ts";
import {
  backfill,
  formatInstant,
  pause,
  preview,
  resume,
  type ScheduleState,
  type SpecIssue,
  trigger,
  update,
} from "../schedule/rules/index.ts";
import { type Changed, change, create, type Decide, readLog } from "../schedule/service/index.ts";
import { readToken, writeToken } from "./page.ts";
import type { RequestContext } from "./request-context.ts";
import { inputRefusal, targetOfSchedule } from "./schedule-target.ts";
import { definitionOf, logEntryView, partialOf, scheduleView } from "./schedule-view.ts";

type Id = string;

export async function createSchedule(
  context: RequestContext,
  body: BodyOf<"scheduleWorkflow">,
): Promise<ResponseOf<"scheduleWorkflow"> | Refusal> {
  const { ports, workspace } = context;
  const target = await targetOfSchedule(context, body);
  if (isRefusal(target)) return target;
  const refused = await inputRefusal(target.registration, body.schedule.input);
  if (refused) return refused;
  const schedule_id = body.schedule_id ?? body.schedule.schedule_id ?? ports.uuid();
  const created = await create(ports, workspace, {
    schedule_id,
    workflow_name: target.workflow,
    workflow_registration_id: target.registrationId,
    deployment_name: target.deployment,
    created_by: context.user,
    definition: definitionOf(body.schedule),
  });
  if (created.kind === "exists") return scheduleExists(schedule_id);
  if (created.kind === "invalid") return refusedSpec(created.issues);
  context.log.info("schedule created", { schedule: schedule_id, workflow: target.workflow });
  return { schedule_id };
}

/** The refusal of a definition, each issue at its place in the request. */
function refusedSpec(issues: readonly SpecIssue[], at: readonly string[] = ["body", "schedule"]): Refusal {
  const place = ({ loc }: SpecIssue) => (loc[0] === "schedule_id" ? ["body", ...loc] : [...at, ...loc]);
  return invalidSchedule(issues.map((each) => ({ ...each, loc: place(each) })));
}

const keyOf = (context: RequestContext, schedule: Id): ScheduleKey => ({ workspace: context.workspace, schedule });

async function stored(context: RequestContext, id: Id): Promise<ScheduleState | Refusal> {
  return (await context.ports.schedules.get(keyOf(context, id)))?.state ?? notFound("schedule", id);
}

export async function getSchedule(context: RequestContext, id: Id): Promise<ResponseOf<"getSchedule"> | Refusal> {
  const state = await stored(context, id);
  return isRefusal(state) ? state : scheduleView(state, context.ports.clock.now());
}

/** Enough for most workspaces in one read; a page that filters leave short is filled by further reads. */
const READ_AT_ONCE = 500;

export async function listSchedules(
  context: RequestContext,
  query: QueryOf<"getSchedules">,
): Promise<ResponseOf<"getSchedules"> | Refusal> {
  const { ports, workspace } = context;
  const place = readToken(query, "next_page_token", query.next_page_token);
  if (isRefusal(place)) return place;
  const size = query.page_size ?? Number.POSITIVE_INFINITY;
  const found: ScheduleState[] = [];
  let after = place === undefined ? undefined : String(place[0]);
  for (;;) {
    const states = await ports.schedules.list(workspace, {
      limit: READ_AT_ONCE,
      ...(after !== undefined && { after }),
    });
    found.push(...states.filter((state) => matches(context, query, state)));
    after = states.at(-1)?.schedule_id;
    if (found.length > size || states.length < READ_AT_ONCE) break;
  }
  const page = found.slice(0, size);
  const last = page.at(-1);
  const now = ports.clock.now();
  return {
    schedules: page.map((state) => scheduleView(state, now)),
    next_page_token: found.length > size && last ? writeToken(query, [last.schedule_id]) : null,
  };
}

function matches(context: RequestContext, query: QueryOf<"getSchedules">, state: ScheduleState): boolean {
  const { workflow_name, user_id, status } = query;
  if (workflow_name !== undefined && state.workflow_name !== workflow_name) return false;
  if (user_id !== undefined && state.created_by !== (user_id === "current" ? context.user : user_id)) return false;
  if (status !== undefined && state.paused !== (status === "paused")) return false;
  const search = query.search?.trim().toLowerCase();
  if (!search) return true;
  return [state.schedule_id, state.workflow_name].some((name) => name.toLowerCase().startsWith(search));
}

export async function updateSchedule(
  context: RequestContext,
  id: Id,
  body: BodyOf<"updateSchedule">,
): Promise<ResponseOf<"updateSchedule"> | Refusal> {
  const partial = partialOf(body.schedule);
  if ("input" in partial) {
    const state = await stored(context, id);
    if (isRefusal(state)) return state;
    const target = await targetOfSchedule(context, {
      workflow_identifier: state.workflow_name,
      deployment_name: state.deployment_name,
    });
    // A refused target does not refuse the update: a schedule may be repaired while no deployment serves its workflow.
    const refused = await inputRefusal(isRefusal(target) ? undefined : target.registration, partial.input);
    if (refused) return refused;
  }
  const changed = await apply(context, id, (state, now) => update(state, now, partial));
  return isRefusal(changed) ? changed : { schedule_id: id };
}

/** Applies a decision; `at`: the place in the request to which its issues are relative. */
async function apply(
  context: RequestContext,
  id: Id,
  decide: Decide,
  at?: readonly string[],
): Promise<Extract<Changed, { kind: "changed" }> | Refusal> {
  const changed = await change(context.ports, keyOf(context, id), decide);
  if (changed.kind === "missing") return notFound("schedule", id);
  if (changed.kind === "invalid") return refusedSpec(changed.issues, at);
  return changed;
}

const refusalOf = (changed: unknown): undefined | Refusal => (isRefusal(changed) ? changed : undefined);

export async function deleteSchedule(context: RequestContext, id: Id): Promise<undefined | Refusal> {
  const deleted = await context.ports.schedules.delete(keyOf(context, id));
  if (!deleted) return notFound("schedule", id);
  context.log.info("schedule deleted", { schedule: id });
}

export async function pauseSchedule(
  context: RequestContext,
  id: Id,
  body: BodyOf<"pauseSchedule">,
): Promise<undefined | Refusal> {
  return refusalOf(await apply(context, id, (state, now) => pause(state, now, body.note ?? null), ["body"]));
}

export async function resumeSchedule(
  context: RequestContext,
  id: Id,
  body: BodyOf<"resumeSchedule">,
): Promise<undefined | Refusal> {
  return refusalOf(await apply(context, id, (state, now) => resume(state, now, body.note ?? null), ["body"]));
}

export async function triggerSchedule(
  context: RequestContext,
  id: Id,
  body: BodyOf<"triggerSchedule">,
): Promise<undefined | Refusal> {
  return refusalOf(await apply(context, id, (state, now) => trigger(state, now, body.overlap ?? null)));
}

export async function backfillSchedule(
  context: RequestContext,
  id: Id,
  body: BodyOf<"backfillSchedule">,
): Promise<ResponseOf<"backfillSchedule"> | Refusal> {
  const range = {
    start_at: formatInstant(body.start_at),
    end_at: formatInstant(body.end_at),
    overlap: body.overlap ?? null,
  };
  let accepted = 0;
  const decide: Decide = (state, now) => {
    const decision = backfill(state, now, range);
    if ("state" in decision) accepted = decision.state.manual_runs - state.manual_runs;
    return decision;
  };
  const changed = await apply(context, id, decide, ["body"]);
  return isRefusal(changed) ? changed : { accepted };
}

export function previewSchedule(
  context: RequestContext,
  body: BodyOf<"previewSchedule">,
): ResponseOf<"previewSchedule"> | Refusal {
  const after = body.after ?? context.ports.clock.now();
  const shown = preview(definitionOf(body.schedule), { after, count: body.count });
  if ("issues" in shown) return refusedSpec(shown.issues);
  return { ...shown, ...(shown.windows && { windows: [...shown.windows] }) };
}

export async function scheduleLog(
  context: RequestContext,
  id: Id,
  query: QueryOf<"getScheduleLog">,
): Promise<ResponseOf<"getScheduleLog"> | Refusal> {
  const state = await stored(context, id);
  if (isRefusal(state)) return state;
  const of = { schedule: id, created: state.created_at };
  const place = readToken(of, "cursor", query.cursor);
  if (isRefusal(place)) return place;
  const before = place === undefined ? undefined : Number(place[0]);
  if (before !== undefined && !Number.isSafeInteger(before))
    return invalidAt(
      ["query", "cursor"],
      "this is not a token of this log: pass the token of the previous page unchanged",
    );
  const page = await readLog(context.ports, context.workspace, state, {
    limit: query.limit,
    ...(before !== undefined && { before }),
  });
  const last = page.entries.at(-1);
  return {
    entries: page.entries.map((entry) => logEntryView(id, entry)),
    next_cursor: page.more && last ? writeToken(of, [last.seq]) : null,
  };
}
