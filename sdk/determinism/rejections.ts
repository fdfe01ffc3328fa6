/**
 * Node ends the process when a promise is rejected that no code awaits, and when a callback throws. Code of one execution
 * must not do that to the other executions of the worker, so the error goes to the code that caused it.
 */
import { toFailure } from "../failure.ts";
import type { ActivityFrame } from "../runtime/activity.ts";
import { currentFrame, leaveFrame, runOutside } from "../runtime/frame.ts";
import { replace } from "./replace.ts";

export function catchRejections(): void {
  /** Promises whose rejection was passed on: Node's later `rejectionHandled` for them is dropped. */
  const passedOn = new WeakSet<object>();
  // An own property, so that only `process` changes and not every emitter.
  Object.defineProperty(process, "emit", {
    value: process.emit,
    writable: true,
    configurable: true,
    enumerable: false,
  });
  replace(process, "emit", (real) => {
    return function emit(...args: unknown[]) {
      switch (args[0]) {
        case "unhandledRejection": {
          const frame = currentFrame(); // the frame of the code that created the promise
          if (!frame) break;
          passedOn.add(args[2] as object);
          if (frame.kind === "workflow") frame.ops.unhandledRejection(args[1]);
          else logRejection(frame, args[1]);
          return true;
        }
        case "rejectionHandled":
          if (passedOn.has(args[1] as object)) return true;
          break;
        case "uncaughtException": {
          const frame = currentFrame(); // the frame of the code that set the callback up
          if (!frame) break;
          if (frame.kind === "workflow") frame.ops.unhandledRejection(args[1]);
          else failAttempt(frame, args[1]);
          // Node calls setImmediate() next, which workflow code may not: an error there would end the process.
          leaveFrame();
          return true;
        }
      }
      return real.apply(this, args);
    };
  });
}

/** The attempt goes on: its function has not asked for the outcome of that promise. */
function logRejection(frame: ActivityFrame, reason: unknown): void {
  const { name } = frame.context.info;
  logStray(frame, `a promise of activity '${name}' was rejected, and no code of the activity awaits it`, reason);
}

/** No code of the activity can catch what its callback threw, and a promise that the callback should settle stays open. */
function failAttempt(frame: ActivityFrame, error: unknown): void {
  const { name } = frame.context.info;
  logStray(frame, `a callback of activity '${name}' threw`, error);
  frame.host.fail?.(error);
}

function logStray({ host }: ActivityFrame, message: string, error: unknown): void {
  const { execution, run, activity, attempt, log } = host;
  const failure = toFailure(error);
  const fields = { execution, run, activity, attempt, stack: failure.stack };
  try {
    runOutside(() => log.warn(`${message}: ${failure.message}`, fields));
  } catch {
    // a log that fails must not end the process either
  }
}
