/**
 * The parts that the executions of one worker share: calls to the server, joined together; the server's time; the slots
 * for activities; the knowledge of other sessions. The runtime also keeps the executions themselves.
 */

import type { ParkItem, WorkerAnswer, WorkerBody } from "../../shared/protocol/worker.ts";
import { isMessageActivity } from "../runtime/message.ts";
import { Batcher } from "./batcher.ts";
import { Execution } from "./execution.ts";
import type { ExecutionHost, Resettable } from "./host.ts";
import type { Leases } from "./leases.ts";
import { LogShipper } from "./log-shipper.ts";
import { Room } from "./room.ts";
import { ServerClock } from "./server-clock.ts";
import { OtherSessions } from "./sessions.ts";
import type { ActivitySlots } from "./slots.ts";
import { mayBeOneItem } from "./transport.ts";
import type { WorkerContext } from "./types.ts";
import { Writes } from "./writes.ts";

export class WorkerRuntime implements ExecutionHost {
  readonly worker: WorkerContext;
  readonly leases: Leases;
  readonly serverClock: ServerClock;
  readonly room: Room;
  readonly sessions: OtherSessions;
  readonly logs: LogShipper | null;
  readonly writes: Writes;
  readonly #parks: Batcher<ParkItem, boolean>;
  readonly #executions = new Map<string, Execution>();
  #draining = false;
  #held: "all" | ReadonlySet<string> | undefined;

  constructor(worker: WorkerContext, leases: Leases, name: string) {
    this.worker = worker;
    this.leases = leases;
    this.serverClock = new ServerClock(worker.clock);
    this.room = worker.room ?? new Room(worker.limits);
    this.sessions = new OtherSessions(worker);
    this.logs = worker.shipLogs === undefined ? null : new LogShipper(worker, name, worker.shipLogs);
    this.writes = new Writes(worker, this.serverClock);
    this.#parks = new Batcher(async (items) => (await worker.transport.call("park", { items })).parked, {
      mayBeOneItem,
    });
  }

  // --- calls ---------------------------------------------------------------------------------------------------

  get slots(): ActivitySlots {
    return this.room.slots;
  }

  get messageSlots(): ActivitySlots {
    return this.room.messageSlots;
  }

  park(item: ParkItem): Promise<boolean> {
    return this.#parks.offer(item);
  }

  discard(body: WorkerBody<"discard">): Promise<WorkerAnswer<"discard">> {
    return this.worker.transport.call("discard", body);
  }

  // --- activities ----------------------------------------------------------------------------------------------

  /** From now on no attempt begins here: the activities that executions ask for go through the queue to other workers. */
  drain(): void {
    this.#draining = true;
  }

  canRun(activity: string): boolean {
    return (!this.#draining || isMessageActivity(activity)) && this.worker.activities.has(activity);
  }

  /** What the last heartbeat was told (HOLD-7). */
  hold(held: WorkerAnswer<"heartbeat">["held"]): void {
    this.#held = held === undefined || held === "all" ? held : new Set(held);
  }

  isHeld(workflow: string): boolean {
    return this.#held === "all" || (this.#held?.has(workflow) ?? false);
  }

  // --- executions ----------------------------------------------------------------------------------------------

  execution(id: string): Execution {
    const execution = this.#executions.get(id) ?? new Execution(id, this);
    this.#executions.set(id, execution);
    this.room.use(execution, () => {
      this.#executions.delete(id);
      execution.forget();
    });
    return execution;
  }

  onIdle(): void {
    this.room.makeRoom();
  }

  onFailure(execution: Resettable, error: unknown): void {
    execution.reset(error);
    this.worker.metrics?.error("execution");
    this.worker.log.error(`execution ${execution.id} could not be advanced; it will be tried again`, { error });
  }

  get running(): number {
    let n = 0;
    for (const execution of this.#executions.values()) n += execution.running;
    return n;
  }

  /** Executions that are being advanced, or have outcomes here or attempts that may still have one. */
  get busy(): number {
    let n = 0;
    for (const execution of this.#executions.values()) if (execution.busy) n += 1;
    return n;
  }

  get cached(): number {
    return this.#executions.size;
  }

  askToStop(): void {
    for (const execution of this.#executions.values()) execution.askToStop();
  }

  abandonAll(): void {
    for (const execution of this.#executions.values()) {
      execution.abandon();
      this.room.forget(execution);
    }
    this.#executions.clear();
  }
}
