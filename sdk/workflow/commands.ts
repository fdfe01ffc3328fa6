/** Functions for workflow code: conditions, cancellation, time, random values, information about the run. */

import type { Duration } from "../../shared/lib/duration.ts";
import type { ParentRef, ScheduleRef } from "../../shared/protocol/history.ts";
import { streamOf } from "../determinism/entropy.ts";
import { realFraction, realTime, realUuid } from "../determinism/real.ts";
import { copyJson } from "../json.ts";
import { ASYNC_CONDITIONS } from "../runtime/flags.ts";
import { commandFrame, currentFrame, runIn, workflowFrame } from "../runtime/frame.ts";
import type { WorkflowOps } from "../runtime/ops.ts";
import { waitMs } from "../runtime/passed.ts";
import { Scope } from "../runtime/scope.ts";
import { ConditionWait } from "../runtime/waits.ts";
import { isThenable, notAtOnce } from "./promises.ts";

/**
 * Waits until `holds()` is true; it is tested after each stimulus. Answers false if `timeout` passes first (a negative number
 * of milliseconds has passed). `holds` may only read state, and answers at once. If several conditions hold, their waits end one after the other, and each is tested again before it ends.
 */
export async function waitUntil(holds: () => boolean, timeout?: Duration): Promise<boolean> {
  const frame = commandFrame("waitUntil()");
  const { ops, scope } = frame;
  const ms = timeout === undefined ? null : waitMs(ops, timeout, "waitUntil(), timeout");
  const cancelled = scope.takeUndelivered();
  if (cancelled) throw cancelled;
  const readOnly = { ...frame, readOnly: "the condition of waitUntil()" };
  const test = () => isTrue(ops, runIn(readOnly, holds));
  if (test()) return true;
  return new ConditionWait(ops, scope, test, ms).promise;
}

/** The answer of a condition; a promise is none, for it would always count as true. */
function isTrue(ops: WorkflowOps, answer: unknown): boolean {
  if (!isThenable(answer) || !ops.usesFlag(ASYNC_CONDITIONS)) return Boolean(answer);
  throw notAtOnce("the condition of waitUntil()", answer);
}

/** Runs `fn` in a scope that cancellation of the execution does not reach. */
export function uncancelled<T>(fn: () => Promise<T>): Promise<T> {
  const frame = commandFrame("uncancelled()");
  return runIn({ ...frame, scope: new Scope() }, fn);
}

/** A signal that is aborted when cancellation is requested; inside `uncancelled` it never is. */
export function cancelSignal(): AbortSignal {
  return workflowFrame("cancelSignal()").scope.signal;
}

/** Runs `fn` without the sandbox. Its result is not recorded: on replay `fn` must return the same again. */
export function unsafe<T>(fn: () => T): T {
  return runIn({ ...workflowFrame("unsafe()"), sandbox: false }, fn);
}

/** Milliseconds since the epoch; in a workflow, the time of the last stimulus. */
export function now(): number {
  const frame = currentFrame();
  return frame?.kind === "workflow" ? frame.ops.time : realTime();
}

/** A random number, 0 ≤ x < 1; in a workflow, the same on every replay. Not for secrets. */
export function random(): number {
  const frame = currentFrame();
  return frame?.kind === "workflow" ? streamOf(frame).fraction() : realFraction();
}

/** A random UUID (version 4); in a workflow, the same on every replay. Not for secrets. */
export function uuid(): string {
  const frame = currentFrame();
  return frame?.kind === "workflow" ? streamOf(frame).uuid() : realUuid();
}

export interface ExecutionInfo {
  readonly execution: string;
  readonly run: string;
  /** One start of the execution; the same in its continued runs. */
  readonly chain: string;
  readonly workflow: string;
  readonly deployment: string;
  readonly attempt: number;
  /** Start of this run, ms since the epoch. */
  readonly startedAt: number;
  /** The chain times out at this time, ms since the epoch; null = no limit. */
  readonly deadline: number | null;
  readonly parent: ParentRef | null;
  /** Execution at the top of the tree. */
  readonly root: string;
  readonly schedule: ScheduleRef | null;
  readonly firstRun: string;
  readonly continuedFrom: string | null;
  readonly searchKeys: Readonly<Record<string, string>>;
  /** Id of the last event given to the workflow. */
  readonly historyLength: number;
}

/** The ids of this run, of its parent and schedule, and its limits. */
export function executionInfo(): ExecutionInfo {
  const { ops } = workflowFrame("executionInfo()");
  const { started } = ops;
  return {
    execution: ops.execution,
    run: started.run,
    chain: started.chain,
    workflow: started.workflow,
    deployment: started.deployment,
    attempt: started.attempt,
    startedAt: started.at,
    deadline: started.deadline,
    parent: copyJson(started.parent),
    root: started.root,
    schedule: copyJson(started.schedule),
    firstRun: started.first_run,
    continuedFrom: started.continued_from,
    searchKeys: Object.fromEntries(ops.searchKeys),
    historyLength: ops.historyLength,
  };
}
