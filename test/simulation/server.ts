/**
 * The server: each call is a process of its own that may die at every step, between any two reads or writes. Handlers and
 * engine are the real ones. The ports are the simulation's, with a step of the world before each of their calls.
 */
import { ServerRefusal } from "../../sdk/worker/transport.ts";
import { DEFAULT_OPTIONS, type RequestContext } from "../../shared/api/request-context.ts";
import { WORKER_HANDLERS } from "../../shared/api/worker/operations.ts";
import { register } from "../../shared/api/worker/register.ts";
import { ServiceClock } from "../../shared/aws/service-clock.ts";
import { withClaims } from "../../shared/engine/claim-with-task.ts";
import { releaseRounds } from "../../shared/engine/release.ts";
import { sweep } from "../../shared/engine/sweep.ts";
import type { Clock, Executions, Log, Ports, Settings } from "../../shared/ports.ts";
import { isRefusal } from "../../shared/protocol/errors.ts";
import { type InboxMessage, inOrder } from "../../shared/protocol/messages.ts";
import type { WorkerAnswer, WorkerBody, WorkerOperation } from "../../shared/protocol/worker.ts";
import { DEFAULTS } from "../../shared/server/settings.ts";
import { Drivers } from "./drivers.ts";
import { memoryActivities, memoryRateLimits, silentFeed } from "./fixtures.ts";
import { LostClaims } from "./lost-claims.ts";
import { Machine } from "./machine.ts";
import { Queues } from "./queues.ts";
import { memoryRegistry } from "./registry.ts";
import { Store, Violation } from "./store.ts";
import { Process, type World } from "./world.ts";

export const WORKSPACE = "00000000-0000-4000-8000-00000000000a";
export const DEPLOYMENT = "shop";
export const SWEEP_MS = 60_000;
const FUNCTIONS = 3;
/** By how much the time of a function may differ from the true one. */
export const TOLERANCE_MS = 5_000;
/** For as long may a server take from the read of a heartbeat to its answer, or a heartbeat on its way. */
const SLOW_MS = 600_000;
/** The machines' clocks of the functions, for a weaker server that goes by them. */
export const MACHINES = new WeakMap<Clock, Clock>();
/** The item of a session expires this long after its last heartbeat. DynamoDB deletes an expired item soon, or days later. */
const SESSION_EXPIRES_MS = 60_000;
const quiet: Log = { info: () => {}, warn: () => {}, error: () => {} };
/** `register` is imported at once: loading it during a call would take a number of event-loop iterations that differs. */
const HANDLERS = { ...WORKER_HANDLERS, register };

export class Server {
  readonly world: World;
  readonly store: Store;
  readonly queues: Queues;
  readonly settings: Settings;
  /** `chain/message` of the messages that were in inboxes, with the time of their server. */
  readonly put = new Map<string, number>();
  /** `chain/message` of those whose sender has requested a wake-up or found one pending. */
  readonly announced = new Set<string>();
  /** Weakens the ports of a call, to test whether the simulation notices. */
  weaken: (ports: Ports, call: string) => Ports = (ports) => ports;
  readonly #calls = new Set<Process>();
  /** When a worker was first given each run. */
  readonly begun = new Map<string, number>();
  readonly drivers = new Drivers((run) => this.store.runsById.get(run)?.deployment);
  readonly lostClaims = new LostClaims(this);
  readonly #shared: Ports;
  readonly #functions: { readonly machine: Machine; readonly clock: ServiceClock }[];
  /** The last heartbeats, of sessions that the store may have deleted. */
  readonly #beats = new Map<string, number>();
  /** Sessions that their workers have ended themselves. */
  readonly #stopped = new Set<string>();
  readonly #firstSent = new Map<string, number>();
  /** How many holds are stored. */
  heldScopes = 0;
  #moment = 0;
  #number = 0;

  constructor(world: World, settings: Partial<Settings> = {}) {
    this.world = world;
    this.settings = { ...DEFAULTS, ...settings };
    this.store = new Store(world);
    this.queues = new Queues(world, this.settings.leaseMs);
    this.#functions = Array.from({ length: FUNCTIONS }, () => {
      const machine = new Machine(world, 0);
      const clock = new ServiceClock(machine);
      MACHINES.set(clock, machine);
      return { machine, clock };
    });
    const { clock } = this.#functions[0]!;
    const uuid = () => world.chance.uuid();
    this.#shared = {
      clock,
      uuid,
      executions: this.store,
      tasks: this.queues,
      registry: memoryRegistry(
        uuid,
        (at) => world.now > at + SESSION_EXPIRES_MS && world.chance.happens(world.faults.expiryDone),
        (session, at) => this.#checkBeat(session, at),
        WORKSPACE,
        (scopes) => {
          this.heldScopes = scopes;
        },
      ),
      feed: silentFeed,
      activities: memoryActivities(),
      rateLimits: memoryRateLimits(clock),
      startKeys: { get: async () => null, keep: async (_workspace, _key, start) => start },
      answers: { open: async () => {}, put: async () => {}, wait: async () => null },
      changes: { waitForHead: async () => {}, waitForExecution: async () => {}, waitForFeed: async () => {} },
      log: quiet,
      settings: this.settings,
      rollups: { read: async () => [] },
      jobs: {} as Ports["jobs"], // nor is there a job
      logRecords: {} as Ports["logRecords"], // nor does a worker ship logs
      schedules: {} as Ports["schedules"], // no schedule starts anything here
      durable: async () => {},
    };
  }

  /** Runs `fn` as one call. If the call dies, `answer` stays open for ever, and `onDeath` of the process runs at once. */
  call<T>(name: string, fn: (ports: Ports) => Promise<T>): { process: Process; answer: Promise<T> } {
    const process = new Process(`${name} #${++this.#number}`);
    this.#calls.add(process);
    const one = this.world.chance.oneOf(this.#functions);
    one.machine.mayBeSet();
    const answer = this.#askTime(process, one.clock).then(async () => {
      const value = await fn(this.#portsOf(process, one.clock));
      await this.#takeStep(process, "answer");
      this.#calls.delete(process);
      return value;
    });
    return { process, answer };
  }

  get registry(): Ports["registry"] {
    return this.#shared.registry;
  }

  /** One call of the API. */
  ask<T>(name: string, fn: (context: RequestContext) => Promise<T>) {
    return this.call(name, (ports) =>
      fn({
        ports,
        options: { ...DEFAULT_OPTIONS, version: "0", url: "http://simulated" },
        workspace: WORKSPACE,
        user: "sim",
        rights: ["admin"],
        key: "k",
        forgetKey: () => {},
        requestId: "r",
        room: { take: async () => {} },
        signal: new AbortController().signal,
        log: quiet,
      }),
    );
  }

  /** One operation of the worker data path. */
  serve(operation: WorkerOperation, body: unknown) {
    const begin = () => this.#serve(operation, body);
    return operation === "poll" ? this.lostClaims.poll(body as WorkerBody<"poll">, begin) : begin();
  }
  #serve(operation: WorkerOperation, body: unknown) {
    return this.ask(operation, async (context) => {
      // Also if the call dies later: the end of the session may be stored by then.
      if (operation === "stop") this.#stopped.add((body as { session: string }).session);
      const handler = HANDLERS[operation] as (c: RequestContext, b: unknown, characters: number) => Promise<unknown>;
      if (operation === "register") this.#noteSession(body as WorkerBody<"register">);
      const value = await handler(context, body, 100);
      if (isRefusal(value)) throw new ServerRefusal(operation, value.status, value.code, JSON.stringify(value.detail));
      if (operation === "sessions") this.#checkSessions(value as WorkerAnswer<"sessions">);
      if (operation === "claim") this.#noteBegun(value as WorkerAnswer<"claim">);
      if (operation === "poll") {
        const { deliveries } = value as WorkerAnswer<"poll">;
        this.drivers.isGiven((body as WorkerBody<"poll">).session, deliveries);
        for (const { claimed } of deliveries) if (claimed) this.#noteBegun(claimed);
      }
      if (operation === "append") {
        const { items, closes = [] } = body as WorkerBody<"append">;
        const { results, closed = [] } = value as WorkerAnswer<"append">;
        for (const [i, { kind }] of results.entries()) if (kind === "appended") this.drivers.wrote(items[i]!);
        for (const [i, { kind }] of closed.entries()) if (kind === "closed") this.drivers.wrote(closes[i]!);
      }
      if (operation === "close" && (value as WorkerAnswer<"close">).kind === "closed")
        this.drivers.wrote(body as WorkerBody<"close">);
      return value;
    });
  }

  #noteSession({ session, deployment }: WorkerBody<"register">): void {
    this.drivers.registers(session, deployment);
  }

  #noteBegun(answer: WorkerAnswer<"claim">): void {
    if (answer.kind !== "claimed" || this.begun.has(answer.head.run)) return;
    this.begun.set(answer.head.run, this.world.now);
  }

  /** Rises at each call: orders the sendings and acknowledgements of all clients. */
  moment(): number {
    return ++this.#moment;
  }
  /** The moment at which a client sent this message first. */
  firstSent(message: string): number {
    const first = this.#firstSent.get(message) ?? this.moment();
    this.#firstSent.set(message, first);
    return first;
  }

  crash(): void {
    this.world.note(() => `SERVER CRASH, ${this.#calls.size} calls die`);
    const all = [...this.#calls];
    this.#calls.clear();
    for (const process of all) process.kill();
  }

  /** Starts the sweeper. Instead of a round the whole server may die. */
  startSweeper(): void {
    const { world } = this;
    const round = () => {
      if (world.chance.happens(world.faults.serverCrash)) this.crash();
      else {
        void this.call("sweep", (ports) => sweep(ports, SWEEP_MS)).answer;
        if (this.heldScopes > 0) void this.call("releases", (ports) => releaseRounds(ports, SWEEP_MS)).answer;
      }
      for (const key of this.store.stored.keys()) {
        const ref = { workspace: WORKSPACE, execution: key.slice(WORKSPACE.length + 1) };
        void this.call("erase", (ports) => ports.executions.erase(ref, Number.POSITIVE_INFINITY)).answer;
      }
      world.at(world.now + SWEEP_MS, round);
    };
    world.at(world.now + world.chance.between(1_000, SWEEP_MS), round);
  }

  async #takeStep(process: Process, name: string): Promise<void> {
    await this.world.takeStep(process, this.world.faults.callCrash);
    this.world.note(() => `${process.name}: ${name}`);
  }

  /** One request of the store, whose answer carries the time. */
  async #request(process: Process, clock: ServiceClock, name: string): Promise<void> {
    const sent = clock.steady();
    await this.#takeStep(process, name);
    clock.observe(Math.floor(this.world.now / 1_000) * 1_000, sent);
  }
  /** As the functions do before each invocation (AWSCLOCK-2). */
  async #askTime(process: Process, clock: ServiceClock): Promise<void> {
    for (let tries = 0; clock.isInDoubt && tries < 5; tries++) await this.#request(process, clock, "time");
  }

  /** INV-10. */
  #checkBeat(session: string, at: number): void {
    const ahead = at - this.world.now;
    if (ahead > TOLERANCE_MS || ahead < -SLOW_MS)
      throw new Violation("INV-10", `a heartbeat of ${session} is stored ${ahead} ms after its time`);
    this.#beats.set(session, at);
  }
  #checkSessions(answer: WorkerAnswer<"sessions">): void {
    const limit = this.settings.sessionTimeoutMs;
    const silence = (session: string) => this.world.now - (this.#beats.get(session) ?? Number.NEGATIVE_INFINITY);
    for (const id of Object.keys(answer.dies_at))
      if (silence(id) > limit + SLOW_MS)
        throw new Violation("INV-10", `session ${id} counts as alive after ${silence(id)} ms of silence`);
    for (const id of answer.dead)
      if (!this.#stopped.has(id) && silence(id) < limit - TOLERANCE_MS)
        throw new Violation("INV-10", `session ${id} counts as dead after ${silence(id)} ms of silence`);
  }
  #checkDue(dueAt: number): void {
    const { claimTimeoutMs, wakeTimeoutMs } = this.settings;
    const longest = Math.max(claimTimeoutMs, wakeTimeoutMs) + TOLERANCE_MS;
    if (dueAt - this.world.now > longest)
      throw new Violation("INV-10", `an execution with a worker is due in ${dueAt - this.world.now} ms`);
  }

  #portsOf(process: Process, clock: ServiceClock): Ports {
    const stepped = <T extends object>(of: T): T =>
      new Proxy(of, {
        get: (target, name: string) => {
          const method = (target as Record<string, unknown>)[name];
          if (typeof method !== "function") return method;
          return async (...args: unknown[]) => {
            await this.#request(process, clock, name);
            return (method as (...a: unknown[]) => unknown).apply(target, args);
          };
        },
      });
    const executions = stepped<Executions>(this.store);
    let last: string | null = null;
    const special: Partial<Executions> = {
      inbox: (ref, chain) => this.#pagedInbox(process, ref, chain),
      claim: async (ref, p) => {
        if (p.dueAt !== null) this.#checkDue(p.dueAt);
        const head = await executions.claim(ref, p);
        if (head) this.drivers.claims(p.session, head);
        return head;
      },
      claimWoken: async (ref, p) => {
        this.#checkDue(p.dueAt);
        const claimed = await executions.claimWoken!(ref, p);
        if (claimed) this.drivers.claims(p.session, claimed.head);
        return claimed;
      },
      putMessage: async (ref, chain, message) => {
        // As on AWS: two writes, between which the process may die or others may write.
        await this.#takeStep(process, "number of a message");
        const seq = this.store.nextNumber(ref, chain);
        await this.#takeStep(process, "putMessage");
        this.store.putNumbered(ref, chain, message, seq);
        last = `${chain}/${message.id}`;
        if (!this.put.has(last)) this.put.set(last, message.sent_at);
      },
      requestWake: async (ref, chain, dueAt) => {
        this.#checkDue(dueAt);
        const requested = await executions.requestWake(ref, chain, dueAt);
        const head = requested.kind === "refused" ? requested.head : null;
        const wakes =
          requested.kind === "requested" || (head?.status === "RUNNING" && head.chain === chain && head.wake_pending);
        if (wakes && last) this.announced.add(last);
        return requested;
      },
    };
    const ports: Ports = {
      ...this.#shared,
      clock,
      executions: new Proxy(executions, {
        get: (target, name: keyof Executions) => special[name] ?? target[name],
      }),
      withClaims: (...of) => withClaims(ports, ...of),
      tasks: stepped(this.queues),
      registry: stepped(this.#shared.registry),
      activities: stepped(this.#shared.activities),
    };
    return this.weaken(ports, process.name);
  }

  async #pagedInbox(process: Process, ref: Parameters<Executions["inbox"]>[0], chain: string): Promise<InboxMessage[]> {
    await this.#takeStep(process, "inbox");
    const { chance, faults } = this.world;
    if (!chance.happens(faults.pagedRead)) return this.store.inbox(ref, chain);
    const all = await this.store.inbox(ref, chain);
    const middle = all.length > 0 ? chance.oneOf(all).id : "m";
    const first = this.store.inboxPage(ref, chain, "first", middle);
    await this.#takeStep(process, "inbox, next page");
    const second = this.store.inboxPage(ref, chain, "second", middle);
    return [...first, ...second].sort(inOrder);
  }
}
