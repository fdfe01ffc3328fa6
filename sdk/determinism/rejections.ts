/**
 * A promise of workflow code that is rejected while nobody awaits it (yet) must not end the worker, as Node would have
 * it: other executions live there. Its instance is told instead.
 */
import { currentFrame } from "./frame.ts";
import { replace } from "./replace.ts";

export function catchRejections(): void {
  const emit = process.emit as (this: NodeJS.Process, ...args: unknown[]) => boolean;
  Object.defineProperty(process, "emit", { value: emit, writable: true, configurable: true, enumerable: false });
  replace(
    process,
    "emit",
    (real) =>
      function emit(...args: unknown[]) {
        const [event, reason] = args;
        if (event === "unhandledRejection" || event === "rejectionHandled") {
          const frame = currentFrame(); // that of the code whose promise it is
          if (frame?.kind === "workflow") {
            if (event === "unhandledRejection") frame.instance.unhandled(reason);
            return true;
          }
        }
        return real.apply(this, args);
      },
  );
}
