/**
 * A worker: it registers, sends heartbeats, receives tasks and hands them to executions and activities, until it is
 * stopped.
 *
 * WORKER-1. A worker only calls out; it accepts no connections.
 * WORKER-2. After a failed heartbeat the worker registers again.
 * WORKER-3. Stopping: the worker receives no new tasks. Attempts that run may finish within the grace; the activities that
 *     follow them go to other workers through the queue. Then it abandons the attempts that still run, hands its tasks
 *     back at once, and removes its heartbeat, so that other workers take over without waiting for a lease.
 * WORKER-4. When the server does not accept the worker's key any more, or no protocol of the worker (VERSION-3), the worker calls
 *     `onFatal`, once.
 */

import { PayloadCodec } from "../../shared/encoding/codec.ts";
import { steadyOf } from "../../shared/lib/clock.ts";
import { VERSION } from "../../shared/protocol/version.ts";
import type { WorkerAnswer, WorkerBody } from "../../shared/protocol/worker.ts";
import type { WorkerLoad } from "../../shared/protocol/worker-load.ts";
import { noCommonProtocol, PROTOCOLS } from "../../shared/protocol/worker-protocol.ts";
import { ownNames } from "../runtime/message.ts";
import { WorkerEncoding } from "./encoding.ts";
import { Leases } from "./leases.ts";
import { LoadMeter, ownUsage } from "./load.ts";
import { withMessages } from "./message-activities.ts";
import type { Slots } from "./metrics.ts";
import { answerQuery } from "./queries.ts";
import { QueuedActivities } from "./queued.ts";
import { WorkerRuntime } from "./runtime.ts";
import { withSessions } from "./session-activity.ts";
import type { TaskSource } from "./source.ts";
import { KILLED, pollSource } from "./source.ts";
import { sqsSource } from "./sqs.ts";
import { ServerRefusal } from "./transport.ts";
import type { WorkerContext } from "./types.ts";

/** Timeout of the call that removes the heartbeat, ms: without it the heartbeat only lapses later. */
const STOP_TIMEOUT_MS = 5_000;
/** The last log records may take so long. */
const LAST_LOGS_MS = 3_000;

type Delivery = WorkerAnswer<"poll">["deliveries"][number];

export class Worker {
  readonly #context: WorkerContext;
  readonly #name: string;
  readonly #stopping = new AbortController();
  #runtime!: WorkerRuntime;
  #queued!: QueuedActivities;
  #source!: TaskSource;
  #registered!: WorkerAnswer<"register">;
  #loops: Promise<void>[] = [];
  #beat: (() => void) | null = null;
  #beating: Promise<void> = Promise.resolve();
  /** Aborts the poll for activities that is under way. */
  #activityPoll = new AbortController();
  readonly #meter: LoadMeter;
  #advancing = 0;
  #answering = 0;
  readonly #leaving = new AbortController();
  readonly #onFatal: (error: ServerRefusal) => void;
  readonly #waitingForRoom = new Set<() => void>();

  /** Without an `encoding` the worker encodes nothing. */
  constructor(
    context: Omit<WorkerContext, "encoding"> & { readonly encoding?: WorkerEncoding },
    name: string,
    onFatal: (error: ServerRefusal) => void = () => {},
  ) {
    const { encoding = new WorkerEncoding(new PayloadCodec(), context.log), transport } = context;
    this.#context = withMessages(withSessions({ ...context, encoding, transport: encoding.transport(transport) }));
    this.#name = name;
    this.#meter = new LoadMeter(context.clock, context.usage ?? ownUsage);
    let called = false;
    this.#onFatal = (error) => {
      if (!called) onFatal(error);
      called = true;
    };
  }

  get session(): string {
    return this.#context.session;
  }

  /** Registers and begins to work. Rejects when the server refuses the registration. */
  async start(): Promise<WorkerAnswer<"register">> {
    const { clock } = this.#context;
    const sent = steadyOf(clock);
    this.#registered = await this.#register();
    this.#source = await this.#sourceOf(this.#registered);
    const leases = new Leases(this.#source, clock, this.#registered.lease_ms, this.#context.watch);
    this.#runtime = new WorkerRuntime(this.#context, leases, this.#name);
    this.#runtime.serverClock.synchronise(this.#registered.now, sent);
    this.#runtime.writes.joinCloses(this.#registered.joins_closes === true);
    this.#queued = new QueuedActivities(this.#runtime);
    this.#runtime.room.onFree(() => this.#announceRoom());
    this.#runtime.slots.onFull(() => this.#activityPoll.abort());
    this.#armBeat();
    this.#loops = [];
    // A worker of activities alone cannot advance executions: their tasks are for the others.
    if (this.#context.workflows.size > 0) this.#loops.push(this.#receive("workflow"));
    if (ownNames(this.#context.activities).length > 0) this.#loops.push(this.#receive("activity"));
    return this.#registered;
  }

  async #sourceOf({ tasks, lease_ms: leaseMs }: WorkerAnswer<"register">): Promise<TaskSource> {
    if (tasks.via === "poll") return pollSource(this.#context, this.#name);
    return sqsSource({
      worker: this.#context,
      tasks,
      leaseMs,
      renew: async () => {
        const { tasks: fresh } = await this.#register();
        if (fresh.via !== "sqs")
          throw new Error("this server hands out tasks in another way now: start the worker again");
        return fresh;
      },
      local: (at) => this.#runtime.serverClock.toLocal(at),
    });
  }

  async #register(): Promise<WorkerAnswer<"register">> {
    const {
      deployment,
      version,
      session,
      workflows,
      activities,
      transport,
      log,
      protocols = PROTOCOLS,
    } = this.#context;
    const body: WorkerBody<"register"> = {
      deployment,
      worker: this.#name,
      session,
      definitions: [...workflows.values()].map((workflow) => workflow.definition),
      activities: [...activities.keys()],
      sdk: this.#context.sdk ?? `typescript/${VERSION}`,
      protocols,
      pid: process.pid,
      ...(version && { version }),
    };
    const answer = await transport.call("register", body, { signal: this.#leaving.signal });
    const { protocol = 1 } = answer;
    if (protocol < protocols.oldest || protocol > protocols.newest) {
      const server = { oldest: protocol, newest: protocol, version: "of another version" };
      const why = noCommonProtocol({ ...protocols, sdk: body.sdk }, server);
      throw new ServerRefusal("register", 409, "UNSUPPORTED_VERSION", why);
    }
    for (const warning of answer.warnings) log.warn(warning, { deployment });
    this.#runtime?.writes.joinCloses(answer.joins_closes === true);
    return answer;
  }

  // --- heartbeat -----------------------------------------------------------------------------------------------

  #armBeat(): void {
    if (this.#leaving.signal.aborted) return;
    const { clock } = this.#context;
    this.#beat = clock.at(clock.now() + this.#registered.heartbeat_ms, () => {
      this.#beating = this.#sendBeat().finally(() => this.#armBeat());
    });
  }

  async #sendBeat(): Promise<void> {
    const { deployment, session, transport, log, protocols = PROTOCOLS } = this.#context;
    const { signal } = this.#leaving;
    if (this.#context.watch?.alive?.() === false) return;
    try {
      const body = { deployment, worker: this.#name, session, load: this.#load(), protocols };
      const sent = steadyOf(this.#context.clock);
      const answer = await transport.call("heartbeat", body, {
        retry: false,
        timeoutMs: this.#registered.heartbeat_ms,
        signal,
      });
      this.#runtime.serverClock.synchronise(answer.now, sent);
      this.#runtime.hold(answer.held);
      if (answer.all_active) return;
    } catch (error) {
      if (!signal.aborted) log.warn("a heartbeat failed, registering again", { error });
    }
    if (signal.aborted) return;
    await this.#register().catch((error) => {
      if (signal.aborted) return;
      log.error("registering again failed", { error }); // WORKER-2
      if (isFinal(error)) this.#onFatal(error);
    });
  }

  #load(): WorkerLoad {
    return { ...this.#used(), ...this.#meter.read() };
  }

  #used(): Slots {
    const { slots, limits, advancing, cached } = this.#runtime.room;
    return {
      activities: slots.running,
      activity_slots: limits.maxConcurrentActivities,
      workflow_tasks: advancing,
      workflow_slots: limits.maxConcurrentWorkflows,
      cached,
    };
  }

  // --- tasks ---------------------------------------------------------------------------------------------------

  async #receive(queue: "workflow" | "activity"): Promise<void> {
    const { signal } = this.#stopping;
    const { log } = this.#context;
    while (!signal.aborted) {
      // Tasks for code that does not run would wait here until their leases lapse.
      if (this.#context.watch?.alive?.() === false) {
        await this.#later(1_000);
        continue;
      }
      const room = queue === "activity" ? this.#runtime.slots.free : this.#runtime.room.toAdvance;
      if (room <= 0) {
        await this.#waitForRoom();
        continue;
      }
      // A poll for activities is aborted when the slots are taken: it would keep the tasks from other workers.
      if (queue === "activity") this.#activityPoll = new AbortController();
      const until = queue === "activity" ? AbortSignal.any([signal, this.#activityPoll.signal]) : signal;
      try {
        const taking: Promise<void>[] = [];
        const take = (deliveries: readonly Delivery[]) => {
          this.#context.metrics?.polled(queue);
          const taken = this.#take(deliveries);
          taken.catch(() => {}); // it is told below, once the poll has ended
          taking.push(taken);
        };
        take(await this.#source.receive(queue, Math.min(room, 10), until, take));
        await Promise.all(taking);
      } catch (error) {
        if (signal.aborted) return;
        if (until.aborted) continue;
        this.#context.metrics?.error("poll");
        log.error(`no tasks could be received from the ${queue} queue`, { error });
        if (isFinal(error)) return this.#onFatal(error);
        await this.#later(1_000);
      }
    }
  }

  async #take(received: readonly Delivery[]): Promise<void> {
    const deliveries = await this.#context.encoding.tasks(received);
    const { signal } = this.#stopping;
    if (!signal.aborted) for (const delivery of deliveries) this.#handle(delivery);
    else if (deliveries.length > 0 && signal.reason !== KILLED)
      await this.#source.extend(receiptsOf(deliveries), 0).catch(() => []); // they come again when their leases lapse
  }

  #later(ms: number): Promise<void> {
    return new Promise((ok) => this.#context.clock.at(this.#context.clock.now() + ms, ok));
  }

  #waitForRoom(): Promise<void> {
    return new Promise((ok) => this.#waitingForRoom.add(ok));
  }

  /** There may be room for more tasks. */
  #announceRoom(): void {
    for (const ok of this.#waitingForRoom) ok();
    this.#waitingForRoom.clear();
  }

  #handle(delivery: Delivery): void {
    const { task, receipt, attempt, claimed, claimed_after: after } = delivery;
    const { leases } = this.#runtime;
    switch (task.kind) {
      case "workflow": {
        const execution = this.#runtime.execution(task.execution);
        this.#advancing += 1;
        this.#runtime.room.advance();
        execution
          .deliver(receipt, attempt, claimed && { claimed, after })
          .catch((error) => this.#runtime.onFailure(execution, error))
          .finally(() => {
            this.#advancing -= 1;
            this.#runtime.room.advanced();
          });
        return;
      }
      case "query":
        leases.hold(receipt);
        this.#answering += 1;
        void answerQuery(this.#runtime, task).finally(() => {
          this.#answering -= 1;
          leases.finish(receipt);
        });
        return;
      case "activity":
        void this.#queued.run(delivery, task);
        return;
    }
  }

  // --- stopping ------------------------------------------------------------------------------------------------

  /** WORKER-3. `graceMs`: how long running attempts may go on. Answers how many were abandoned. */
  async stop(graceMs: number): Promise<number> {
    if (this.#stopping.signal.aborted) return 0;
    this.#stopping.abort();
    if (!this.#runtime) {
      this.#leaving.abort(); // it is still registering, and then `start` rejects
      return 0;
    }
    const { clock, transport, deployment, session, log } = this.#context;
    const until = steadyOf(clock) + graceMs;
    this.#runtime.drain();
    if (this.#context.abortAtShutdown === "at_once") {
      this.#runtime.askToStop();
      this.#queued.askToStop();
    }
    this.#announceRoom();
    const polls = Promise.all(this.#loops);
    const busy = () => this.#runtime.busy + this.#queued.busy + this.#advancing + this.#answering;
    while (busy() > 0 && steadyOf(clock) < until) {
      await new Promise<void>((ok) => clock.at(clock.now() + 25, ok));
    }
    this.#beat?.();
    this.#leaving.abort();
    await this.#beating; // it may be registering again
    const abandoned = this.#runtime.running + this.#queued.running;
    this.#runtime.abandonAll();
    this.#queued.abandonAll();
    const body = { deployment, worker: this.#name, session };
    await transport
      .call("stop", body, { retry: false, timeoutMs: STOP_TIMEOUT_MS })
      .catch((error) => log.warn("the heartbeat could not be removed; it lapses by itself", { error }));
    // A poll of SQS may last 5 s more (SQS-2). It may bring the worker what it hands back, which is then handed back once more:
    // harmless for workflows, but each delivery of an activity's task counts as an attempt.
    await this.#runtime.leases.releaseAll({ attempts: false });
    await Promise.all([polls, this.#runtime.logs?.close(LAST_LOGS_MS)]);
    await this.#runtime.leases.releaseAll();
    this.#source.close();
    return abandoned;
  }

  /** Ends as a killed process does: it hands nothing back and calls nobody. For tests. */
  kill(): void {
    this.#stopping.abort(KILLED);
    this.#leaving.abort();
    this.#beat?.();
    this.#announceRoom();
    this.#runtime.leases.drop();
    this.#runtime.abandonAll();
    this.#queued.abandonAll();
    this.#runtime.logs?.abandon();
  }

  /** Receipts of the tasks that it holds, if the server itself can give them to others. */
  get receipts(): string[] {
    return this.#registered.tasks.via === "poll" ? this.#runtime.leases.receipts : [];
  }

  /** Those of the process (`Room`). Null: it has not registered yet. */
  get slots(): Slots | null {
    return this.#runtime ? this.#used() : null;
  }

  /** For tests and diagnostics. */
  get stats() {
    return {
      running: this.#runtime.running,
      queued: this.#queued.running,
      cached: this.#runtime.cached,
      held: this.#runtime.leases.size,
    };
  }
}

/** WORKER-4. */
const isFinal = (error: unknown): error is ServerRefusal =>
  error instanceof ServerRefusal && (error.status === 401 || error.code === "UNSUPPORTED_VERSION");

const receiptsOf = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ receipt }) => receipt);
