/** What workflow code can ask for, besides activities and children. */

import type { Duration } from "../../shared/lib/duration.ts";
import { milliseconds } from "../../shared/lib/duration.ts";
import type { ParentRef, ScheduleRef } from "../../shared/protocol/history.ts";
import { streamOf } from "../determinism/entropy.ts";
import { realFraction, realTime, realUuid } from "../determinism/real.ts";
import { commandFrame, currentFrame, runIn, workflowFrame } from "../runtime/frame.ts";
import { Scope } from "../runtime/scope.ts";
import { ConditionWait } from "../runtime/waits.ts";

/**
 * Waits until `holds()` is true, tested whenever something has happened to the workflow. False: `timeout` passed first.
 * `holds` only looks at state; when several waits could go on, they do so one after the other, each tested anew.
 */
export async function waitUntil(holds: () => boolean, timeout?: Duration): Promise<boolean> {
  const frame = commandFrame("waitUntil()");
  const { ops, scope } = frame;
  const ms = timeout === undefined ? null : milliseconds(timeout, "waitUntil(), timeout");
  const cancelled = scope.takeUndelivered();
  if (cancelled) throw cancelled;
  const looking = { ...frame, readOnly: "the condition of waitUntil()" };
  const test = () => runIn(looking, holds);
  if (test()) return true;
  return new ConditionWait(ops, scope, test, ms).promise;
}

/** Runs `fn` so that cancelling the execution does not reach what it waits for. */
export function uncancelled<T>(fn: () => Promise<T>): Promise<T> {
  const frame = commandFrame("uncancelled()");
  return runIn({ ...frame, scope: new Scope() }, fn);
}

/** Aborted when cancellation is asked for; inside `uncancelled`, never. */
export function cancelSignal(): AbortSignal {
  return workflowFrame("cancelSignal()").scope.signal;
}

/** Runs `fn` without the sandbox. What it returns is not recorded: on replay it must return the same again. */
export function unsafe<T>(fn: () => T): T {
  return runIn({ ...workflowFrame("unsafe()"), sandbox: false }, fn);
}

/** Milliseconds since the epoch; in a workflow, the time of the last thing that happened to it. */
export function now(): number {
  const frame = currentFrame();
  return frame?.kind === "workflow" ? frame.ops.time : realTime();
}

/** A number, 0 ≤ x < 1; in a workflow, the same again on every replay. Not for secrets. */
export function random(): number {
  const frame = currentFrame();
  return frame?.kind === "workflow" ? streamOf(frame).fraction() : realFraction();
}

/** A version 4 UUID; in a workflow, the same again on every replay. Not for secrets. */
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
  /** When the whole chain must be closed, ms since the epoch; null = no limit. */
  readonly deadline: number | null;
  readonly parent: ParentRef | null;
  /** Execution at the top of the tree. */
  readonly root: string;
  readonly schedule: ScheduleRef | null;
  readonly firstRun: string;
  readonly continuedFrom: string | null;
  readonly searchKeys: Readonly<Record<string, string>>;
  /** Id of the last event that the workflow has seen. */
  readonly historyLength: number;
}

/** Who and where this workflow is. */
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
    parent: started.parent,
    root: started.root,
    schedule: started.schedule,
    firstRun: started.first_run,
    continuedFrom: started.continued_from,
    searchKeys: Object.fromEntries(ops.searchKeys),
    historyLength: ops.historyLength,
  };
}
