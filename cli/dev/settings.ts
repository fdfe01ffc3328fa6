/** Times of a development server, as its options give them. */

import type { Settings } from "../../shared/ports.ts";
import { DEFAULTS } from "../../shared/server/settings.ts";
import { usage } from "../errors.ts";
import { lengthOf } from "../length.ts";

export const settingsFlags = {
  lease: {
    type: "string",
    value: "TIME",
    help: "a task whose worker is silent for so long goes to another (default 30s)",
  },
  "session-timeout": {
    type: "string",
    value: "TIME",
    help: "a worker silent for so long is dead, its activities start again (default 30s)",
  },
  liveness: { type: "string", value: "TIME", help: "a worker silent for so long is listed as inactive (default 50s)" },
} as const;

/** Workers beat three times within the shorter of the two limits that their silence is judged by. */
export function settingsOf(flags: { readonly [K in keyof typeof settingsFlags]: string | undefined }): Settings {
  const leaseMs = lengthOf("lease", flags.lease) ?? DEFAULTS.leaseMs;
  const sessionTimeoutMs = lengthOf("session-timeout", flags["session-timeout"]) ?? DEFAULTS.sessionTimeoutMs;
  const livenessMs = lengthOf("liveness", flags.liveness) ?? DEFAULTS.livenessMs;
  for (const [name, ms] of [
    ["lease", leaseMs],
    ["session-timeout", sessionTimeoutMs],
    ["liveness", livenessMs],
  ] as const) {
    if (ms < 500) throw usage(`--${name} is ${ms} ms: below 500 ms a healthy worker would be taken for dead.`);
  }
  const heartbeatMs = Math.min(DEFAULTS.heartbeatMs, Math.floor(Math.min(sessionTimeoutMs, livenessMs) / 3));
  return { ...DEFAULTS, leaseMs, sessionTimeoutMs, livenessMs, heartbeatMs };
}
