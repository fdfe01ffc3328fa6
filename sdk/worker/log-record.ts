/** A log line of user code as a record for the server. It never throws, and takes no longer for a large value than for a small one. */

import { inspect } from "node:util";
import { cutText } from "../../shared/protocol/cut-text.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import { MAX_LOG_ATTRIBUTE, MAX_LOG_ATTRIBUTES, MAX_LOG_BODY, MAX_LOG_VALUE } from "../../shared/protocol/limits.ts";
import type { LogLevel, LogRecord } from "../../shared/protocol/log-records.ts";

/** Values with more parts are shown in short. */
const MOST_PARTS = 500;

export interface Said {
  readonly at: Millis;
  readonly level: LogLevel;
  readonly message: unknown;
  readonly fields: Record<string, unknown> | undefined;
}

export function recordOf({ at, level, message, fields }: Said, activity?: LogRecord["activity"]): LogRecord {
  const attributes = attributesOf(fields);
  return {
    at,
    level,
    body: cut(wordsOf(message), MAX_LOG_BODY),
    ...(attributes && { attributes }),
    ...(activity && { activity }),
  };
}

function attributesOf(fields: Record<string, unknown> | undefined): Record<string, string> | undefined {
  if (fields === undefined || fields === null) return undefined;
  const attributes: Record<string, string> = {};
  let n = 0;
  try {
    for (const [key, value] of Object.entries(fields)) {
      if (value === undefined || key === "__proto__") continue;
      if (++n > MAX_LOG_ATTRIBUTES) break;
      attributes[cut(key, MAX_LOG_ATTRIBUTE)] = cut(wordsOf(value), MAX_LOG_VALUE);
    }
  } catch {} // a proxy or a getter that throws: what was read so far is sent
  return n > 0 ? attributes : undefined;
}

/** An ellipsis stands for the rest. A cut leaves no half of a surrogate pair: JSON of it could not be stored everywhere. */
function cut(text: string, most: number): string {
  const shown = text.length > most ? `${text.slice(0, most - 1)}…` : text;
  return shown.isWellFormed() ? shown : shown.toWellFormed();
}

function wordsOf(value: unknown): string {
  try {
    if (typeof value === "string") return value;
    if (value instanceof Error) return value.stack ?? `${value.name}: ${value.message}`;
    if (typeof value !== "object" || value === null) return String(value);
    return json(value) ?? inBrief(value);
  } catch {
    return inBrief(value);
  }
}

function json(value: object): string | undefined {
  let parts = 0;
  return JSON.stringify(value, (_key, part: unknown) => {
    if (++parts > MOST_PARTS) throw new RangeError("too many parts");
    if (typeof part === "string") return cutText(part, MAX_LOG_VALUE);
    return typeof part === "bigint" ? String(part) : part;
  });
}

function inBrief(value: unknown): string {
  try {
    return inspect(value, {
      depth: 2,
      maxArrayLength: 20,
      maxStringLength: 200,
      breakLength: Number.POSITIVE_INFINITY,
    });
  } catch {
    return "a value that cannot be shown";
  }
}
