/**
 * A promise of workflow code that is rejected while nobody awaits it (yet) must not end the worker, as Node would have
 * it: other executions live there. Its instance is told instead.
 */
import { currentFrame } from "../runtime/frame.ts";
import { replace } from "./replace.ts";

export function catchRejections(): void {
  /** Reported to an instance; that they are handled later is nobody's news. */
  const taken = new WeakSet<object>();
  // An own property, so that only this process object is touched and not every emitter.
  Object.defineProperty(process, "emit", {
    value: process.emit,
    writable: true,
    configurable: true,
    enumerable: false,
  });
  replace(process, "emit", (real) => {
    return function emit(...args: unknown[]) {
      if (args[0] === "unhandledRejection") {
        const frame = currentFrame(); // that of the code whose promise it is
        if (frame?.kind === "workflow") {
          taken.add(args[2] as object);
          frame.ops.unhandledRejection(args[1]);
          return true;
        }
      } else if (args[0] === "rejectionHandled" && taken.has(args[1] as object)) {
        return true;
      }
      return real.apply(this, args);
    };
  });
}
