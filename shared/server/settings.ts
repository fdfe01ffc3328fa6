/** The default settings of an installation. */
import type { Settings } from "../ports.ts";
import { HEARTBEAT_SECONDS, LIVENESS_SECONDS, RETENTION_DAYS } from "../protocol/limits.ts";

export const DEFAULTS: Settings = {
  livenessMs: LIVENESS_SECONDS * 1000,
  heartbeatMs: HEARTBEAT_SECONDS * 1000,
  sessionTimeoutMs: 30_000,
  leaseMs: 30_000,
  claimTimeoutMs: 120_000,
  wakeTimeoutMs: 60_000,
  graceMs: 5_000,
  retentionMs: RETENTION_DAYS * 86_400_000,
};
