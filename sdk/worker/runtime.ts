/**
 * What the executions of one worker share: the way to the server (with calls joined together), time corrected to the
 * server's, activity slots, what is known of other sessions, and the executions themselves.
 */
import type { Millis } from "../../shared/protocol/history.ts";
import type { AppendItem, AppendResult, ParkItem, WorkerBody } from "../../shared/protocol/worker.ts";
import { roughSize } from "../json.ts";
import { Batcher } from "./batcher.ts";
import { Execution } from "./execution.ts";
import type { Leases } from "./leases.ts";
import { refusedFor } from "./transport.ts";
import type { WorkerContext } from "./types.ts";

/** Attempts that take less may wait for a slot in this process. */
const SHORT_MS: Millis = 50;

export class WorkerRuntime {
  readonly worker: WorkerContext;
  readonly leases: Leases;
  readonly #appends: Batcher<AppendItem, AppendResult>;
  readonly #parks: Batcher<ParkItem, boolean>;
  readonly #executions = new Map<string, Execution>();
  readonly #diesAt = new Map<string, Millis>();
  /** Attempts promised to this worker, and those of them whose function runs. */
  #promised = 0;
  #active = 0;
  readonly #waitingForSlot: (() => void)[] = [];
  /** How long attempts take here of late, ms. Nothing is known at first: the crowd is for those known to be short. */
  #typicalMs = SHORT_MS;
  /** Server time minus ours. */
  #skew: Millis = 0;
  #onSlot: () => void = () => {};
  #onFull: () => void = () => {};
  #draining = false;

  constructor(worker: WorkerContext, leases: Leases) {
    this.worker = worker;
    this.leases = leases;
    this.#appends = new Batcher((items) => this.#append(items), { weigh: (item) => roughSize(item.batch) });
    this.#parks = new Batcher(async (items) => (await worker.transport.call("park", { items })).parked);
  }

  // --- time ----------------------------------------------------------------------------------------------------

  /** The server said it is `now`. Half a round trip of error does not matter; going back in time would. */
  hear(now: Millis): void {
    const skew = now - this.worker.clock.now();
    if (Math.abs(skew - this.#skew) > 50) this.#skew = skew;
  }
  /** Server time. */
  now(): Millis {
    return this.worker.clock.now() + this.#skew;
  }
  /** A server time as a time of our clock. */
  local(at: Millis): Millis {
    return at - this.#skew;
  }

  // --- calls ---------------------------------------------------------------------------------------------------

  append(item: AppendItem): Promise<AppendResult> {
    return this.#appends.offer(item);
  }

  /** A call that the server cannot read (too long, malformed) has one item to blame: the others go without it. */
  async #append(items: AppendItem[]): Promise<AppendResult[]> {
    try {
      const answer = await this.worker.transport.call("append", { items });
      this.hear(answer.now);
      return answer.results;
    } catch (error) {
      const refused = refusedFor(error);
      if (!refused) throw error;
      if (items.length === 1) return [refused];
      const results: AppendResult[] = [];
      for (const item of items) results.push(...(await this.#append([item])));
      return results;
    }
  }
  park(item: ParkItem): Promise<boolean> {
    return this.#parks.offer(item);
  }
  async discard(body: WorkerBody<"discard">): Promise<void> {
    await this.worker.transport.call("discard", body);
  }

  // --- other sessions ------------------------------------------------------------------------------------------

  async askSessions(ids: string[]): Promise<void> {
    const { deployment, transport } = this.worker;
    const answer = await transport.call("sessions", { deployment, ids });
    for (const id of answer.dead) this.#diesAt.set(id, 0);
    for (const [id, at] of Object.entries(answer.dies_at)) this.#diesAt.set(id, at);
    if (this.#diesAt.size > 10_000) this.#diesAt.clear();
  }
  isDead(session: string): boolean {
    return this.#diesAt.get(session) === 0;
  }
  diesAt(session: string): Millis | null {
    const at = this.#diesAt.get(session);
    return at === undefined || at === 0 ? null : at;
  }

  // --- activity slots ------------------------------------------------------------------------------------------

  /** Slots that nobody has been promised. */
  get freeSlots(): number {
    return Math.max(0, this.worker.limits.maxConcurrentActivities - this.#promised);
  }

  /**
   * Promises a slot to an attempt that is about to be recorded as local. None free: where attempts are short of late, a
   * few may wait for one here, which is far quicker than a way through the queue; else false.
   */
  promise(): boolean {
    const { maxConcurrentActivities: most } = this.worker.limits;
    if (this.#promised >= (this.#short ? most * 4 : most)) return false;
    this.promiseAnyway();
    return true;
  }
  /** Later attempts stay where they are, and queued ones were asked for: even over the limit. */
  promiseAnyway(): void {
    this.#promised += 1;
    if (this.freeSlots === 0 && !this.#short) this.#onFull();
  }
  get #short(): boolean {
    return this.#typicalMs < SHORT_MS;
  }
  /** The promise is not needed after all. */
  unpromise(): void {
    this.#promised -= 1;
    this.#onSlot();
  }
  /** Turns a promise into a running attempt; undefined: at once, else when a slot comes free. */
  enter(): Promise<void> | undefined {
    if (this.#active < this.worker.limits.maxConcurrentActivities) {
      this.#active += 1;
      return undefined;
    }
    return new Promise((ok) => this.#waitingForSlot.push(ok));
  }
  /** Its attempt has ended, after `ms`. */
  leave(ms: Millis): void {
    this.#typicalMs += (ms - this.#typicalMs) / 16;
    const next = this.#waitingForSlot.shift();
    if (next) next();
    else this.#active -= 1;
    this.unpromise();
  }
  /** Called whenever a slot comes free. */
  onSlot(fn: () => void): void {
    this.#onSlot = fn;
  }
  /** Called when no slot is free and none will be soon. */
  onFull(fn: () => void): void {
    this.#onFull = fn;
  }
  /** From now on no attempt begins here: what executions ask for goes through the queue to others. */
  drain(): void {
    this.#draining = true;
  }
  /** Can an attempt of this activity begin here? */
  canRun(name: string): boolean {
    return !this.#draining && this.worker.activities.has(name);
  }

  // --- executions ----------------------------------------------------------------------------------------------

  execution(id: string): Execution {
    let execution = this.#executions.get(id);
    if (execution)
      this.#executions.delete(id); // to the end: most recently used
    else execution = new Execution(id, this);
    this.#executions.set(id, execution);
    return execution;
  }

  onIdle(_execution: Execution): void {
    if (this.#executions.size <= this.worker.limits.cachedExecutions) return;
    for (const [id, execution] of this.#executions) {
      if (this.#executions.size <= this.worker.limits.cachedExecutions) return;
      if (execution.idle) this.#executions.delete(id);
    }
  }

  /** A call failed for good, or there is a bug in here: the task comes again by itself. */
  trouble(execution: Execution, error: unknown): void {
    execution.reset();
    this.worker.log.error(`execution ${execution.id} could not be advanced; it will be tried again`, { error });
  }

  get running(): number {
    let n = 0;
    for (const execution of this.#executions.values()) n += execution.running;
    return n;
  }
  /** Executions of which something is under way here. */
  get working(): number {
    let n = 0;
    for (const execution of this.#executions.values()) if (execution.working) n += 1;
    return n;
  }
  get cached(): number {
    return this.#executions.size;
  }

  abandonAll(): void {
    for (const execution of this.#executions.values()) execution.abandon();
    this.#executions.clear();
  }
}
