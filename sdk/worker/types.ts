/** The types that the parts of a worker share. Time, ids and the transport come in from outside, so that tests control them. */
import type { Clock } from "../../shared/lib/clock.ts";
import type { LogLevel } from "../../shared/protocol/log-records.ts";
import type { Protocols } from "../../shared/protocol/worker-protocol.ts";
import type { AnyActivity } from "../activity.ts";
import type { ReplayFlag } from "../runtime/flags.ts";
import type { Log } from "../runtime/log.ts";
import type { HostedWorkflow } from "../workflow/hosted.ts";
import type { WorkerEncoding } from "./encoding.ts";
import type { LeaseWatch } from "./lease-watch.ts";
import type { Usage } from "./load.ts";
import type { WorkerMetrics } from "./metrics.ts";
import type { Room, WorkerLimits } from "./room.ts";
import type { WorkerSpans } from "./spans.ts";
import type { Transport } from "./transport.ts";

export type AbortAtShutdown = "after_grace" | "at_once";

/** The version of the deployment's code that a worker serves (PINNED-2). */
export interface ServedVersion {
  readonly of: string;
  readonly name: string;
  /** It becomes the current one of its pinned workflows when it registers first. */
  readonly promote: boolean;
}

export interface WorkerContext {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
  /** One id per start of a worker. */
  readonly session: string;
  readonly deployment: string;
  readonly uuid: () => string;
  readonly workflows: ReadonlyMap<string, HostedWorkflow>;
  readonly activities: ReadonlyMap<string, AnyActivity>;
  readonly limits: WorkerLimits;
  /** Shared with the other worker of its process. Default: one of its own. */
  readonly room?: Room;
  /** `deployment` is this version of another deployment. Absent: it is none. */
  readonly version?: ServedVersion;
  readonly resources: Record<string, unknown>;
  readonly deterministic: boolean;
  readonly failOnAnyError: boolean;
  /** When a stop aborts the signals of running activities. Default: after the grace. */
  readonly abortAtShutdown?: AbortAtShutdown;
  /** Lines of user code at or above this level go to the server as log records. Absent: none. */
  readonly shipLogs?: LogLevel;
  readonly encoding: WorkerEncoding;
  /** Absent: nothing is counted. */
  readonly metrics?: WorkerMetrics;
  /** Absent: the worker makes no spans. */
  readonly spans?: WorkerSpans;
  /** The replay flags that its SDK knows. Default: all of `sdk/runtime/flags.ts`. */
  readonly flags?: readonly ReplayFlag[];
  /** Offers sessions (`onOneWorker`). Default: if it has sticky activities. */
  readonly sessionsOffered?: boolean;
  /** What runs the code, as `sirocco deployments` shows it. Default: this SDK. */
  readonly sdk?: string;
  /** The protocols that it speaks. Default: those of this SDK. */
  readonly protocols?: Protocols;
  /** What its processes use. Default: this one. */
  readonly usage?: () => Usage;
  /** Set where the code runs in another process. */
  readonly watch?: LeaseWatch;
}

export interface Resource<T> {
  /** `opened`: the resources above this one. If it throws, the worker closes those and does not start. */
  open(opened: Readonly<Record<string, unknown>>): T | Promise<T>;
  /** Called once, also when the worker could not start. An error is logged, and the others are closed all the same. */
  close?(value: T): void | Promise<void>;
  /** For `GET /health`: false, a rejection, or no answer within 5 s says that the worker cannot work. */
  check?(value: T): unknown;
}
export type Resources<R extends Record<string, unknown>> = { readonly [K in keyof R]: Resource<R[K]> };
