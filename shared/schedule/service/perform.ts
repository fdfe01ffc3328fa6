/** Performs the effects of a schedule: starts, cancels and terminates executions. Repeating one changes nothing (CHANGE-2). */
import { searchKeysOf } from "../../core/search-keys.ts";
import { firstHead } from "../../engine/create.ts";
import { enqueueWorkflowTask } from "../../engine/enqueue.ts";
import { send } from "../../engine/send.ts";
import { type StartRequest, start } from "../../engine/start.ts";
import { terminate } from "../../engine/terminate.ts";
import type { Ports } from "../../ports.ts";
import type { Head } from "../../protocol/head.ts";
import { messageId } from "../../protocol/messages.ts";
import type {
  Effect,
  EffectResult,
  ScheduleState,
  StartEffect,
  StartResult,
  StopEffect,
  StopResult,
} from "../rules/index.ts";
import { type NoTarget, targetOf } from "./target.ts";

/** Never throws: a fault of the store becomes the result "unavailable", after which the effect is performed again. */
export async function perform(
  ports: Ports,
  workspace: string,
  state: ScheduleState,
  effect: Effect,
): Promise<EffectResult> {
  const execution = effect.execution_id;
  try {
    return effect.kind === "start"
      ? { kind: "start", execution, result: await startRun(ports, workspace, state, effect) }
      : { kind: "stop", execution, result: await stopRun(ports, workspace, effect) };
  } catch (error) {
    ports.log.error("schedule: an effect failed, it will be performed again", {
      schedule: effect.schedule_id,
      execution,
      kind: effect.kind,
      error,
    });
    const reason = `the server could not start the execution: ${error instanceof Error ? error.message : String(error)}`;
    return effect.kind === "start"
      ? { kind: "start", execution, result: { kind: "unavailable", reason } }
      : { kind: "stop", execution, result: "unavailable" };
  }
}

/** The first heads of the executions that the effects ask for, not written yet; null: an effect is no start, or has no target. */
export async function firstHeads(
  ports: Ports,
  workspace: string,
  state: ScheduleState,
  effects: readonly Effect[],
): Promise<Head[] | null> {
  const heads: Head[] = [];
  for (const effect of effects) {
    const request = effect.kind === "start" ? await requestOf(ports, workspace, state, effect) : null;
    if (!request || "kind" in request) return null;
    heads.push(firstHead(ports, request));
  }
  return heads;
}

/** Enqueues the first tasks of executions that a commit has begun. A task is a hint: the sweeper enqueues those that fail. */
export async function enqueueFirstTasks(ports: Ports, begun: readonly Head[]): Promise<void> {
  for (const head of begun) await enqueueWorkflowTask(ports, head, { isFirst: true });
}

/** The start that the effect asks for, or why there is none. */
async function requestOf(
  ports: Ports,
  workspace: string,
  state: ScheduleState,
  effect: StartEffect,
): Promise<StartRequest | NoTarget> {
  const target = await targetOf(ports, workspace, effect);
  if (target.kind !== "registration") return target;
  const { registration } = target;
  const { execution_timeout, search_keys, display_name: displayName } = registration.definition;
  return {
    workspace,
    execution: effect.execution_id,
    workflow: registration.workflow,
    registration: registration.id,
    displayName,
    deployment: registration.deployment,
    deploymentNamed: !effect.follows_current && registration.deployment === effect.deployment_name,
    input: effect.input,
    token: effect.key,
    by: "schedule",
    timeoutMs: execution_timeout === null ? null : Math.round(execution_timeout * 1000),
    schedule: { id: effect.schedule_id, nominal: effect.nominal },
    searchKeys: searchKeysOf(search_keys, effect.input),
    user: state.created_by,
  };
}

async function startRun(
  ports: Ports,
  workspace: string,
  state: ScheduleState,
  effect: StartEffect,
): Promise<StartResult> {
  const request = await requestOf(ports, workspace, state, effect);
  if ("kind" in request) return request;
  const started = await start(ports, request);
  if (started.kind === "exists") return { kind: "duplicate" };
  if (started.kind === "deleted") return { kind: "started", closed: true };
  const { first_run, started_at, status, due_at } = started.head;
  // A closed execution stays due until it has told the schedule.
  return { kind: "started", run: first_run, started_at, closed: status !== "RUNNING" && due_at === null };
}

async function stopRun(ports: Ports, workspace: string, effect: StopEffect): Promise<StopResult> {
  const ref = { workspace, execution: effect.execution_id };
  const head = await ports.executions.head(ref);
  // A client may use the id again once our execution has closed and the schedule has been told so.
  if (head?.schedule?.id !== effect.schedule_id) return "missing";
  if (effect.kind === "terminate") {
    const done = await terminate(ports, ref, { kind: "terminated", reason: effect.reason });
    return done.kind === "closed" ? "asked" : "closed";
  }
  const message = {
    id: messageId.cancel(effect.key),
    kind: "cancel",
    reason: effect.reason,
    sent_at: ports.clock.now(),
  } as const;
  const sent = await send(ports, ref, message, head.chain);
  return sent.kind === "accepted" ? "asked" : "closed";
}
