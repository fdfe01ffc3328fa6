/** Which code holds the event loop: called in the frame of that code, from an interrupt (WATCHDOG-1). */
import { currentFrame } from "../../runtime/frame.ts";
import type { Held } from "./thread.ts";

const STACK_FRAMES = 50;

export type Blocking = Pick<Held, "by" | "stack">;

/** `codeOf`: hash of the definition of a workflow. */
export function whatBlocks(codeOf: (workflow: string) => string | undefined): Blocking {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = STACK_FRAMES;
  const error = new Error("blocked");
  Error.stackTraceLimit = limit;
  return { by: byOf(currentFrame(), codeOf), stack: stackOf(error) };
}

function byOf(frame: ReturnType<typeof currentFrame>, codeOf: (workflow: string) => string | undefined): Held["by"] {
  if (frame === undefined) return { kind: "other" };
  if (frame.kind === "activity") {
    const { execution, run, activity, attempt } = frame.host;
    return { kind: "activity", name: frame.context.info.name, execution, run, activity, attempt };
  }
  const { name, execution, started, busyMs } = frame.ops;
  return { kind: "workflow", workflow: name, execution, run: started.run, code: codeOf(name) ?? "", busyMs };
}

/** Without the frames of the watchdog and of Node. */
function stackOf({ stack = "" }: Error): string {
  const lines = stack.split("\n").slice(1);
  const own = lines.findIndex((line) => line.includes("<anonymous>:1:"));
  return lines
    .slice(own + 1)
    .filter((line) => !line.includes("node:internal"))
    .slice(0, 12)
    .join("\n");
}
