/** Workflow code prints each line once: a replay prints nothing. */
import { currentFrame, runOutside } from "../runtime/frame.ts";
import { replace } from "./replace.ts";

const METHODS = ["debug", "dir", "error", "info", "log", "table", "trace", "warn"];

export function replaceConsole(): void {
  for (const method of METHODS) {
    replace(
      console,
      method,
      (real) =>
        function print(...args) {
          const frame = currentFrame();
          if (frame?.kind !== "workflow") return real.apply(this, args);
          if (!frame.ops.replaying) runOutside(() => real.apply(this, args));
        },
    );
  }
}
