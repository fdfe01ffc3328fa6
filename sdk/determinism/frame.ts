/** Whose code is running: the one thing that tells workflow code, activity code and everything else apart. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { ActivityFrame } from "../activity.ts";
import { UsageError } from "../errors.ts";
import type { WorkflowInstance } from "../workflow/instance.ts";
import type { Scope } from "../workflow/scope.ts";

export interface WorkflowFrame {
  readonly kind: "workflow";
  readonly instance: WorkflowInstance;
  readonly scope: Scope;
  /** Globals behave deterministically and input/output is refused. */
  readonly sandbox: boolean;
  /** Set where nothing may be asked for: what is running, e.g. `a query handler`. */
  readonly readOnly: string | null;
}

export type Frame = WorkflowFrame | ActivityFrame;

const storage = new AsyncLocalStorage<Frame>();

export const currentFrame = (): Frame | undefined => storage.getStore();
/** Runs `fn` as that frame's code; what `fn` starts keeps the frame. */
export const runIn = <T>(frame: Frame, fn: () => T): T => storage.run(frame, fn);
/** Runs `fn` as nobody's code: for calling out to loggers and the like. */
export const runOutside = <T>(fn: () => T): T => storage.exit(fn);

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
      "If this is workflow code, it lost its context: call it from the workflow function, from a handler, or from what these await.",
  );
}

/** The frame of workflow code that may ask for things. */
export function commandFrame(what: string): WorkflowFrame {
  const frame = workflowFrame(what);
  if (frame.readOnly === null) return frame;
  throw new UsageError(`${what} was called from ${frame.readOnly}, which may only look at the workflow's state.`);
}
