/** The frame says whose code is running: workflow code, activity code, or (without a frame) anything else. */
import { AsyncLocalStorage } from "node:async_hooks";
import { UsageError } from "../errors.ts";
import type { ActivityFrame } from "./activity.ts";
import type { WorkflowOps } from "./ops.ts";
import type { Scope } from "./scope.ts";

export interface WorkflowFrame {
  readonly kind: "workflow";
  readonly ops: WorkflowOps;
  readonly scope: Scope;
  /** True: globals behave deterministically, and input and output are refused. */
  readonly sandbox: boolean;
  /** Not null: the code may only read the workflow's state. Names that code in errors, e.g. `a query handler`. */
  readonly readOnly: string | null;
  /** In `onOneWorker`: the worker session in which sticky activities run. */
  readonly session?: string;
}

export type Frame = WorkflowFrame | ActivityFrame;

const storage = new AsyncLocalStorage<Frame>();

export const currentFrame = (): Frame | undefined => storage.getStore();
/** Runs `fn` in that frame; promises and callbacks that `fn` creates keep it. */
export const runIn = <T>(frame: Frame, fn: () => T): T => storage.run(frame, fn);
/** Runs `fn` without a frame: for calls to loggers and the like. */
export const runOutside = <T>(fn: () => T): T => storage.exit(fn);

/** What is left of the present callback runs without a frame. */
export const leaveFrame = (): void => storage.enterWith(undefined as unknown as Frame);

/** The frame of the sandboxed workflow code that is running now, if any. */
export function sandboxed(): WorkflowFrame | undefined {
  const frame = storage.getStore();
  return frame !== undefined && frame.kind === "workflow" && frame.sandbox ? frame : undefined;
}

/** The frame of workflow code; throws `UsageError` elsewhere. `what` is the call, e.g. `sleep()`. */
export function workflowFrame(what: string): WorkflowFrame {
  const frame = storage.getStore();
  if (frame?.kind === "workflow") return frame;
  const where = frame ? "an activity" : "plain code";
  throw new UsageError(
    `${what} was called from ${where}, but it exists only inside a workflow. ` +
      "If this is workflow code, it lost its context: call it from the workflow function, from a handler, or from functions that these await.",
  );
}

/** The frame of workflow code that may take decisions; throws `UsageError` elsewhere. */
export function commandFrame(what: string): WorkflowFrame {
  const frame = workflowFrame(what);
  if (frame.readOnly === null) {
    frame.ops.checkBudget();
    return frame;
  }
  throw new UsageError(`${what} was called from ${frame.readOnly}, which may only look at the workflow's state.`);
}
