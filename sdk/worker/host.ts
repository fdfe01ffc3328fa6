/** The interface of the worker to the executions, and to the activities from the queue, that run in it. */
import type { ParkItem, WorkerAnswer, WorkerBody } from "../../shared/protocol/worker.ts";
import type { Leases } from "./leases.ts";
import type { LogSink } from "./log-shipper.ts";
import type { ServerClock } from "./server-clock.ts";
import type { OtherSessions } from "./sessions.ts";
import type { ActivitySlots } from "./slots.ts";
import type { WorkerContext } from "./types.ts";
import type { Writes } from "./writes.ts";

export interface WorkerHost {
  readonly worker: WorkerContext;
  readonly leases: Leases;
  readonly serverClock: ServerClock;
  readonly slots: ActivitySlots;
  /** Null: the worker sends no log records. */
  readonly logs: LogSink | null;
}

export interface ExecutionHost extends WorkerHost {
  readonly sessions: OtherSessions;
  /** Of the attempts that send messages to other executions: activities may keep the slots of `slots` for hours. */
  readonly messageSlots: ActivitySlots;
  /** Can an attempt of this activity begin in this worker? */
  canRun(activity: string): boolean;
  /** An operator holds the executions of this workflow: the activities that they ask for go to the queue (HOLD-7). */
  isHeld(workflow: string): boolean;
  readonly writes: Writes;
  /** False: the fence is another's. Travels in one call with the parks of other executions. */
  park(item: ParkItem): Promise<boolean>;
  discard(body: WorkerBody<"discard">): Promise<WorkerAnswer<"discard">>;
  /** An execution has come to rest: the worker may evict it. */
  onIdle(): void;
  /** A call failed for good, or the worker has a bug: the execution is reset, and its task comes again. */
  onFailure(execution: Resettable, error: unknown): void;
}

export interface Resettable {
  readonly id: string;
  reset(error: unknown): void;
}
