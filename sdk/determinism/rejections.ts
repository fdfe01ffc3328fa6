/**
 * Node ends the process when a promise is rejected that no code awaits yet. A promise of workflow code must not do that to
 * the other executions of the worker, so its run is notified instead.
 */
import { currentFrame } from "../runtime/frame.ts";
import { replace } from "./replace.ts";

export function catchRejections(): void {
  /** Promises whose rejection was passed to a run: Node's later `rejectionHandled` for them is dropped. */
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
      if (args[0] === "unhandledRejection") {
        const frame = currentFrame(); // the frame of the code that created the promise
        if (frame?.kind === "workflow") {
          passedOn.add(args[2] as object);
          frame.ops.unhandledRejection(args[1]);
          return true;
        }
      } else if (args[0] === "rejectionHandled" && passedOn.has(args[1] as object)) {
        return true;
      }
      return real.apply(this, args);
    };
  });
}
