/** `log`: one log for workflow code, activities and all other code of a worker. */
import { currentFrame } from "./runtime/frame.ts";
import type { Log } from "./runtime/log.ts";

type Level = keyof Log;

function write(level: Level, message: string, fields?: Record<string, unknown>): void {
  const frame = currentFrame();
  if (frame?.kind === "workflow") frame.ops.say(level, message, fields);
  else if (frame?.kind === "activity") frame.host.log[level](message, fields);
  else if (fields) console[level](message, fields);
  else console[level](message);
}

/**
 * Logs with the ids of the execution: in workflow code (a replay logs nothing) and in activities (as `ctx.log`). In other
 * code it logs to the console.
 */
export const log: Log = {
  debug: (message, fields) => write("debug", message, fields),
  info: (message, fields) => write("info", message, fields),
  warn: (message, fields) => write("warn", message, fields),
  error: (message, fields) => write("error", message, fields),
};
