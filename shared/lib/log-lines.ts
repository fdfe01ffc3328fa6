/**
 * The lines of the logs of server, worker and functions: the same form and the same keys in all of them (`docs/logs.md`).
 *
 * LOGLINE-1. In the format `json` a line is one JSON object, with `time`, `level` and `message` first. A field of one of these names gets a `_`
 *     before its name, so that it cannot pose as another line.
 * LOGLINE-2. Writing never throws, whatever the fields are. An error in them is its message; at the level `error` its stack stands beside it.
 */
import { inspect } from "node:util";
import type { LogLevel } from "../protocol/log-records.ts";

export const LOG_FORMATS = ["json", "text"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];
/** From the least to the most important. */
export const LINE_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export type LineFields = Readonly<Record<string, unknown>>;
type Write = (message: string, fields?: LineFields) => void;
export type LineLog = { readonly [L in LogLevel]: Write };

/** The keys that lines share. `docs/logs.md` has this table. */
export const LOG_KEYS: Readonly<Record<string, string>> = {
  time: "when, in UTC",
  level: "`debug`, `info`, `warn` or `error`",
  message: "what happened; its words are those of the runbook",
  error: "message of the error behind it",
  stack: "stack of that error, at the level `error`",
  request_id: "id of the request, which the caller gave or got as `x-request-id`",
  invocation: "id of the invocation of the function",
  service: "name of the installation, on AWS",
  execution: "id of the execution",
  run: "id of its run",
  workflow: "name of the workflow",
  deployment: "name of the deployment",
  worker: "name of the worker",
  session: "id of the worker's session",
  activity: "number of the activity in its run",
  attempt: "number of the attempt",
  schedule: "id of the schedule",
};

export interface LineOptions {
  readonly format: LogFormat;
  /** The least level that is written. */
  readonly level: LogLevel;
  /** Gets each line without its end. */
  readonly write: (line: string) => void;
  /** Fields of every line. */
  readonly always?: () => LineFields;
}

export function lineLog({ format, level, write, always }: LineOptions): LineLog {
  const least = LINE_LEVELS.indexOf(level);
  const at = (of: LogLevel): Write => {
    if (LINE_LEVELS.indexOf(of) < least) return () => {};
    return (message, fields) => {
      const all = written(of, { ...always?.(), ...copied(fields) });
      const time = new Date().toISOString();
      write(format === "json" ? jsonLine({ time, level: of, message, ...all }) : text(time, of, message, all));
    };
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

const text = (time: string, level: string, message: string, fields: LineFields): string =>
  [time, level.padEnd(5), message, ...Object.entries(fields).map(([key, value]) => `${key}=${jsonText(value)}`)].join(
    " ",
  );

/** LOGLINE-2: a getter or a proxy may throw. */
function copied(fields: LineFields | undefined): LineFields {
  try {
    return { ...fields };
  } catch {
    return Object.fromEntries(keysOf(fields!).map((key) => [key, fieldOf(fields!, key)]));
  }
}

function keysOf(fields: LineFields): string[] {
  try {
    return Object.keys(fields);
  } catch {
    return [];
  }
}

function fieldOf(fields: LineFields, key: string): unknown {
  try {
    return fields[key];
  } catch {
    return "a value that cannot be read";
  }
}

/** LOGLINE-2. */
function written(level: LogLevel, fields: LineFields): LineFields {
  const found: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    found[["time", "level", "message"].includes(key) ? `_${key}` : key] = isError(value)
      ? textOf(value, "message")
      : value;
    if (key === "error" && level === "error" && isError(value)) found.stack ??= textOf(value, "stack");
  }
  return found;
}

function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? JSON.stringify(inWords(value));
  } catch {
    return JSON.stringify(inWords(value));
  }
}

function jsonLine(fields: LineFields): string {
  try {
    return JSON.stringify(fields);
  } catch {
    const each = Object.entries(fields).map(([key, value]) => `${JSON.stringify(key)}:${jsonText(value)}`);
    return `{${each.join(",")}}`;
  }
}

function inWords(value: unknown): string {
  try {
    return typeof value === "string" ? value : inspect(value, { depth: 3, breakLength: Number.POSITIVE_INFINITY });
  } catch (error) {
    return isError(error) ? textOf(error, "message") : "a value that cannot be shown";
  }
}

function isError(value: unknown): value is Error {
  try {
    return value instanceof Error;
  } catch {
    return false; // a proxy that throws
  }
}

function textOf(error: Error, part: "message" | "stack"): string {
  try {
    return String(error[part]);
  } catch {
    return `an error whose ${part} cannot be read`;
  }
}

/** Format and level from the environment. The answer is a sentence if one of them is none. */
export function lineSettings(
  env: Readonly<Record<string, string | undefined>>,
  defaults: { readonly format: LogFormat; readonly level: LogLevel },
): { readonly format: LogFormat; readonly level: LogLevel } | string {
  const format = (env.SIROCCO_LOG_FORMAT || defaults.format) as LogFormat;
  const level = (env.SIROCCO_LOG_LEVEL || defaults.level) as LogLevel;
  if (!LOG_FORMATS.includes(format)) return `SIROCCO_LOG_FORMAT is '${format}': it must be ${LOG_FORMATS.join(" or ")}`;
  if (!LINE_LEVELS.includes(level))
    return `SIROCCO_LOG_LEVEL is '${level}': it must be one of ${LINE_LEVELS.join(", ")}`;
  return { format, level };
}
