/** Settings of a development server from its options. */

import { type LogFormat, lineSettings } from "../../shared/lib/log-lines.ts";
import type { Settings } from "../../shared/ports.ts";
import type { LogLevel } from "../../shared/protocol/log-records.ts";
import { DEFAULTS } from "../../shared/server/settings.ts";
import { usage } from "../errors.ts";
import type { Io } from "../io.ts";
import { lengthOf } from "../length.ts";

export const settingsFlags = {
  lease: {
    type: "string",
    value: "TIME",
    help: "a task goes to another worker after its worker has been silent for this long (default 25s)",
  },
  "session-timeout": {
    type: "string",
    value: "TIME",
    help: "a worker silent for this long is dead, and its activities start again (default 25s)",
  },
  retention: {
    type: "string",
    value: "TIME",
    help: "closed executions are kept for this long, and with them events, logs and payloads (default 30d)",
  },
  liveness: {
    type: "string",
    value: "TIME",
    help: "a worker silent for this long is listed as inactive (default 50s)",
  },
} as const;

/** The least that the stack on AWS takes too. */
const LEAST_RETENTION_MS = 86_400_000;

export const logFlags = {
  "log-format": {
    type: "string",
    value: "FORMAT",
    help: "lines of the log on standard error: text or json (default SIROCCO_LOG_FORMAT, else text)",
  },
  "log-level": {
    type: "string",
    value: "LEVEL",
    help: "least level of these lines: debug, info, warn or error (default SIROCCO_LOG_LEVEL, else warn)",
  },
} as const;

/** Options come before the environment. */
export function logSettingsOf(
  flags: { readonly [K in keyof typeof logFlags]: string | undefined },
  env: Io["env"],
): { readonly format: LogFormat; readonly level: LogLevel } {
  const { "log-format": format = env.SIROCCO_LOG_FORMAT, "log-level": level = env.SIROCCO_LOG_LEVEL } = flags;
  const given = { SIROCCO_LOG_FORMAT: format, SIROCCO_LOG_LEVEL: level };
  const settings = lineSettings(given, { format: "text", level: "warn" });
  if (typeof settings !== "string") return settings;
  const words = settings.replace(/^SIROCCO_LOG_(\w+)/, (name, which: string) => {
    const flag = `log-${which.toLowerCase()}` as keyof typeof logFlags;
    return flags[flag] === undefined ? name : `--${flag}`;
  });
  throw usage(`${words}.`);
}

/** The heartbeat interval is 2/5 of the shorter of session timeout and liveness window, and never above its default. */
export function settingsOf(flags: { readonly [K in keyof typeof settingsFlags]: string | undefined }): Settings {
  const leaseMs = lengthOf("lease", flags.lease) ?? DEFAULTS.leaseMs;
  const sessionTimeoutMs = lengthOf("session-timeout", flags["session-timeout"]) ?? DEFAULTS.sessionTimeoutMs;
  const livenessMs = lengthOf("liveness", flags.liveness) ?? DEFAULTS.livenessMs;
  for (const [name, ms] of [
    ["lease", leaseMs],
    ["session-timeout", sessionTimeoutMs],
    ["liveness", livenessMs],
  ] as const) {
    if (ms < 500) throw usage(`--${name} is ${ms} ms: below 500 ms a healthy worker may count as dead.`);
  }
  const retentionMs = lengthOf("retention", flags.retention) ?? DEFAULTS.retentionMs;
  if (retentionMs < LEAST_RETENTION_MS)
    throw usage(`--retention is ${flags.retention}: it must be a day or more, such as 14d.`);
  const heartbeatMs = Math.min(DEFAULTS.heartbeatMs, Math.floor(Math.min(sessionTimeoutMs, livenessMs) / 2.5));
  return { ...DEFAULTS, leaseMs, sessionTimeoutMs, livenessMs, heartbeatMs, retentionMs };
}
