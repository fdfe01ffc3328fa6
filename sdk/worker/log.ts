/** The default log of a worker: lines of text on a terminal, JSON elsewhere. */
import { inspect } from "node:util";
import { toFailure } from "../failure.ts";
import type { Log } from "../runtime/log.ts";

export function consoleLog(json = !process.stderr.isTTY): Log {
  const line = (level: string) => (message: string, fields?: Record<string, unknown>) => {
    const extras = fields ? plain(fields) : undefined;
    const time = new Date().toISOString();
    const text = json
      ? jsonText({ time, level, message, ...extras })
      : `${time.slice(11, 23)} ${level.padEnd(5)} ${message}${extras ? ` ${jsonText(extras)}` : ""}`;
    process.stderr.write(`${text}\n`);
  };
  return { debug: () => {}, info: line("info"), warn: line("warn"), error: line("error") };
}

function plain(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, isError(value) ? toFailure(value).message : value]),
  );
}

/** Fields may hold anything that users log: what JSON cannot hold is written in words, and never throws. */
function jsonText(fields: Record<string, unknown>): string {
  try {
    return JSON.stringify(fields);
  } catch {
    const words = Object.entries(fields).map(([key, value]) => [key, inWords(value)]);
    return JSON.stringify(Object.fromEntries(words));
  }
}

function inWords(value: unknown): string {
  try {
    return typeof value === "string" ? value : inspect(value, { depth: 3, breakLength: Number.POSITIVE_INFINITY });
  } catch (error) {
    return toFailure(error).message;
  }
}

function isError(value: unknown): boolean {
  try {
    return value instanceof Error;
  } catch {
    return false; // a proxy that throws
  }
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
