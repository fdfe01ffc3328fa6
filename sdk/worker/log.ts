/** The default log of a worker: lines of text on a terminal, JSON elsewhere. */
import { lineLog, lineSettings } from "../../shared/lib/log-lines.ts";
import { toFailure } from "../failure.ts";
import type { Log } from "../runtime/log.ts";
import { WorkerConfigError } from "./options.ts";

/** Lines on standard error. Throws `WorkerConfigError` for a format or a level that is none. */
export function consoleLog(env: Readonly<Record<string, string | undefined>> = process.env): Log {
  const settings = lineSettings(env, { format: process.stderr.isTTY ? "text" : "json", level: "info" });
  if (typeof settings === "string") throw new WorkerConfigError(settings);
  return lineLog({ ...settings, write: (line) => void process.stderr.write(`${line}\n`) });
}

/** A log whose functions never throw: what goes wrong in the log of a user must not stop an execution. */
export function steadyLog(log: Log): Log {
  const steady =
    (level: keyof Log): Log[keyof Log] =>
    (message, fields) => {
      try {
        log[level](message, fields);
      } catch (error) {
        process.stderr.write(`the log failed to write '${message}': ${toFailure(error).message}\n`);
      }
    };
  return { debug: steady("debug"), info: steady("info"), warn: steady("warn"), error: steady("error") };
}
