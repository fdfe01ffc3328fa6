/** The default settings of an installation. */
import type { Settings } from "../ports.ts";
import { HEARTBEAT_SECONDS, LIVENESS_SECONDS, RETENTION_DAYS } from "../protocol/limits.ts";

export const DEFAULTS: Settings = {
  livenessMs: LIVENESS_SECONDS * 1000,
  heartbeatMs: HEARTBEAT_SECONDS * 1000,
  // So the work of a killed worker goes on within 30 s: what another worker needs after their end takes a few seconds on a busy machine.
  sessionTimeoutMs: 25_000,
  leaseMs: 25_000,
  claimTimeoutMs: 120_000,
  wakeTimeoutMs: 60_000,
  graceMs: 5_000,
  retentionMs: RETENTION_DAYS * 86_400_000,
};
