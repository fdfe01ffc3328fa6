/** What an activity is given, and what the worker provides for one attempt of it. */
import type { ActivityOptions, Millis } from "../../shared/protocol/history.ts";
import type { Progress } from "../../shared/protocol/worker.ts";
import type { Json } from "../json.ts";
import type { Log } from "./log.ts";

/** What an activity knows about the attempt that runs it. */
export interface ActivityContext<Resources = Record<string, unknown>> {
  readonly execution: string;
  readonly run: string;
  readonly workflow: string;
  /** Number of the activity in its run, from 1. */
  readonly activity: number;
  /** From 1. */
  readonly attempt: number;
  /** The same for every attempt of this call and for no other call: pass it to services that recognise repeats. */
  readonly idempotencyKey: string;
  /** Aborted when the activity is cancelled, one of its limits has passed, or its run has ended. */
  readonly signal: AbortSignal;
  /**
   * Reports that the attempt is alive. If the attempt is lost, the next one finds `details` in `lastHeartbeat`. Heartbeats
   * are throttled: calling this often costs little.
   */
  heartbeat(details?: unknown): void;
  /** Details of the last heartbeat of an earlier attempt; undefined if there were none. */
  readonly lastHeartbeat: unknown;
  readonly info: ActivityInfo;
  /** What `runWorker({ resources })` opened. */
  readonly resources: Resources;
  /** Logs with the ids of the execution. */
  readonly log: Log;
}

export interface ActivityInfo {
  readonly name: string;
  /** When the workflow called the activity, ms since the epoch. */
  readonly scheduledAt: Millis;
  readonly deployment: string;
  readonly options: ActivityOptions;
}

/** What the worker provides for one attempt. */
export interface ActivityHost {
  readonly execution: string;
  readonly run: string;
  readonly workflow: string;
  readonly activity: number;
  readonly attempt: number;
  readonly scheduledAt: Millis;
  readonly deployment: string;
  /** As recorded with `activity_scheduled`: the caller may have set limits of its own. */
  readonly options: ActivityOptions;
  /** The recorded input is a list of arguments. */
  readonly args?: true | undefined;
  readonly signal: AbortSignal;
  /** `details` is JSON. */
  heartbeat(details: Json): void;
  /** Null = none. */
  readonly lastHeartbeat: unknown;
  readonly resources: unknown;
  readonly log: Log;
  /** Sends a line to the server that is in the worker's log already. */
  ship?(level: keyof Log, message: string, fields?: Record<string, unknown>): void;
  /** Passes on progress; never throws, and never fails the activity. */
  publish(progress: Omit<Progress, "at">): void;
  /** Fails the attempt for an error that none of its code can catch: a callback threw it. */
  fail?(error: unknown): void;
}

export interface ActivityFrame {
  readonly kind: "activity";
  readonly context: ActivityContext;
  readonly host: ActivityHost;
}
