/** Schedules: made, shown, listed and deleted, and the log of their outcomes. `schedule-changes.ts` has what changes one, `schedule-preview.ts` the times of one that is not stored. */
import { lazy } from "../lib/lazy.ts";
import { type ScheduleKey, UnreadableSchedule } from "../ports.ts";
import {
  invalidAt,
  invalidSchedule,
  isRefusal,
  notFound,
  type Refusal,
  refusal,
  scheduleExists,
} from "../protocol/errors.ts";
import type { ScheduleDefinitionOutput } from "../protocol/http/schedules.ts";
import { DEFAULT_PAGE, MAX_LIST_BYTES } from "../protocol/limits.ts";
import type { BodyOf, QueryOf, ResponseOf } from "../protocol/routes.ts";
import { isObject, type ScheduleState, type SpecIssue } from "../schedule/rules/index.ts";
import { create, nameSetAside } from "../schedule/service/index.ts";
import { isText, readToken, writeToken } from "./page.ts";
import type { RequestContext } from "./request-context.ts";
import { inputRefusal, lastingDeployment, targetOfSchedule, withDecodedInput } from "./schedule-target.ts";
import { scheduleView, unreadableText, unreadableView } from "./schedule-view.ts";

const logCode = lazy(() => import("./schedule-log.ts"));

type Id = string;

export async function createSchedule(
  context: RequestContext,
  body: BodyOf<"scheduleWorkflow">,
): Promise<ResponseOf<"scheduleWorkflow"> | Refusal> {
  const { ports, workspace } = context;
  const decoded = withDecodedInput(body.schedule);
  if ("refused" in decoded) return decoded.refused;
  const { definition } = decoded;
  const inner = isObject(definition) ? definition.schedule_id : undefined;
  if (body.schedule_id != null && inner != null && body.schedule_id !== inner) {
    return invalidAt(["body", "schedule_id"], `differs from schedule.schedule_id, which is ${JSON.stringify(inner)}`);
  }
  if (isObject(definition) && !("input" in definition)) {
    const msg = "input is missing; allowed is any JSON that fits the workflow, or null for none";
    return refusedSpec([{ loc: ["input"], msg, type: "missing" }]);
  }
  const target = await targetOfSchedule(context, body);
  if (isRefusal(target)) return target;
  const refused = isObject(definition) ? await inputRefusal(target.registration, definition.input) : null;
  if (refused) return refused;
  const schedule_id = body.schedule_id ?? (typeof inner === "string" ? inner : ports.uuid());
  const created = await create(ports, workspace, {
    schedule_id,
    workflow_name: target.workflow,
    workflow_registration_id: target.registrationId,
    deployment_name: await lastingDeployment(context, target.registration.deployment),
    // RIGHTS-3: what a limited key creates stays where the key may change something.
    follows_current: target.followsCurrent && !context.deployments,
    created_by: context.user,
    definition,
  });
  if (created.kind === "exists") return scheduleExists(schedule_id);
  if (created.kind === "invalid") return refusedSpec(created.issues);
  const deployment = target.registration.deployment;
  context.log.info("schedule created", { schedule: schedule_id, workflow: target.workflow, deployment });
  return { schedule_id };
}

/** The refusal of a definition, each issue at its place in the request. */
export function refusedSpec(issues: readonly SpecIssue[], at: readonly string[] = ["body", "schedule"]): Refusal {
  const place = ({ loc }: SpecIssue) => (loc[0] === "schedule_id" ? ["body", ...loc] : [...at, ...loc]);
  return invalidSchedule(issues.map((each) => ({ ...each, loc: place(each) })));
}

export const keyOf = (context: RequestContext, schedule: Id): ScheduleKey => ({
  workspace: context.workspace,
  schedule,
});

export async function stored(context: RequestContext, id: Id): Promise<ScheduleState | Refusal> {
  try {
    return (await context.ports.schedules.get(keyOf(context, id)))?.state ?? notFound("schedule", id);
  } catch (error) {
    return unreadable(error);
  }
}

export function unreadable(error: unknown): Refusal {
  if (!(error instanceof UnreadableSchedule)) throw error;
  return refusal(500, "WF_1200", `Schedule '${error.schedule_id}': ${unreadableText(error.message)}`);
}

export async function getSchedule(context: RequestContext, id: Id): Promise<ResponseOf<"getSchedule"> | Refusal> {
  const { ports } = context;
  try {
    const found = await ports.schedules.get(keyOf(context, id));
    return found ? scheduleView(found.state, ports.clock.now()) : notFound("schedule", id);
  } catch (error) {
    if (error instanceof UnreadableSchedule) return unreadableView(error);
    throw error;
  }
}

/** A page that filters leave short is filled by further reads. */
const READ_AT_ONCE = 100;
const READ_BYTES = 1024 * 1024;

export async function listSchedules(
  context: RequestContext,
  query: QueryOf<"getSchedules">,
): Promise<ResponseOf<"getSchedules"> | Refusal> {
  const place = readToken(query, "next_page_token", query.next_page_token, [isText]);
  if (isRefusal(place)) return place;
  const size = query.page_size ?? DEFAULT_PAGE;
  const now = context.ports.clock.now();
  const page: ScheduleDefinitionOutput[] = [];
  let bytes = 0;
  for await (const each of schedulesAfter(context, place === undefined ? undefined : String(place[0]))) {
    await context.ports.pause?.();
    if (!matches(context, query, each)) continue;
    const view = each instanceof UnreadableSchedule ? unreadableView(each) : scheduleView(each, now);
    bytes += Buffer.byteLength(JSON.stringify(view));
    const tooLong = bytes > MAX_LIST_BYTES && page.length > 0;
    // A client that names a page size takes a shorter page for the last one.
    if (tooLong && page.length < size && query.page_size !== undefined) return pageTooLong(size, page.length);
    if (tooLong || page.length === size) {
      return { schedules: page, next_page_token: writeToken(query, [page.at(-1)!.schedule_id]) };
    }
    page.push(view);
  }
  return { schedules: page, next_page_token: null };
}

function pageTooLong(size: number, fit: number): Refusal {
  const msg = `it is ${size}, but ${fit} of these schedules fit into a page of ${MAX_LIST_BYTES} bytes: ask for ${fit} or fewer`;
  return invalidAt(["query", "page_size"], msg);
}

export async function* schedulesAfter({ ports, workspace }: RequestContext, place: Id | undefined) {
  let after = place;
  for (;;) {
    const limits = { limit: READ_AT_ONCE, maxBytes: READ_BYTES };
    const read = await ports.schedules.list(workspace, { ...limits, ...(after !== undefined && { after }) });
    yield* read;
    after = read.at(-1)?.schedule_id;
    if (after === undefined) return;
  }
}

function matches(
  context: RequestContext,
  query: QueryOf<"getSchedules">,
  each: ScheduleState | UnreadableSchedule,
): boolean {
  const { workflow_name, user_id, status, not_started_after } = query;
  const readable = each instanceof UnreadableSchedule ? null : each;
  if (workflow_name !== undefined && readable?.workflow_name !== workflow_name) return false;
  if (user_id !== undefined && readable?.created_by !== (user_id === "current" ? context.user : user_id)) return false;
  if (status !== undefined && (readable?.paused ?? true) !== (status === "paused")) return false;
  if (not_started_after !== undefined && !((readable?.not_started?.at ?? 0) >= not_started_after)) return false;
  const search = query.search?.trim().toLowerCase();
  if (!search) return true;
  return [each.schedule_id, readable?.workflow_name ?? ""].some((name) => name.toLowerCase().startsWith(search));
}

export async function deleteSchedule(context: RequestContext, id: Id): Promise<undefined | Refusal> {
  const deleted = await context.ports.schedules.delete(keyOf(context, id));
  if (!deleted) return notFound("schedule", id);
  context.ports.setAside?.remove(nameSetAside(keyOf(context, id)));
  context.log.info("schedule deleted", { schedule: id });
}

export async function scheduleLog(
  context: RequestContext,
  id: Id,
  query: QueryOf<"getScheduleLog">,
): Promise<ResponseOf<"getScheduleLog"> | Refusal> {
  const state = await stored(context, id);
  return isRefusal(state) ? state : (await logCode()).pageOfLog(context, state, query);
}
