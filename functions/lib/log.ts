/** The log of the functions: a JSON object a line (LOGLINE-1), with the id of the invocation; the API adds the id of the request. */
import { ENV } from "../../shared/aws/names.ts";
import { lineLog, lineSettings } from "../../shared/lib/log-lines.ts";
import type { Log } from "../../shared/ports.ts";

/** The stack allows no other values. */
const settings = lineSettings(process.env, { format: "json", level: "info" });
let invocation: string | undefined;

/** Lines name this invocation from now on. */
export function beginInvocation(id: string): void {
  invocation = id;
}

const service = process.env[ENV.installation] || "sirocco";

export const log: Log = lineLog({
  ...(typeof settings === "string" ? ({ format: "json", level: "info" } as const) : settings),
  // Not by `console`: Lambda puts the time before its lines, and CloudWatch would not read them as JSON.
  write: (line) => void process.stdout.write(`${line}\n`),
  always: () => ({ service, invocation }),
});
