/**
 * How virtual time moves in a test.
 *
 * TESTENV-1. Time stands still while the engine or a worker is busy: it moves only when no call is under way, no workflow code runs, no write waits
 *     for its commit, the server loads no code and no timer is due. A running activity (a real promise) holds time too, for `activityPatienceMs` of
 *     real time; after that the environment takes it to hang for good: it no longer holds time, and its limits may pass.
 * TESTENV-2. Time moves from one due moment to the next and never skips one.
 */
import { sweep } from "../../shared/engine/sweep.ts";
import { loadsUnderWay } from "../../shared/lib/lazy.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import { wakeSchedule } from "../../shared/schedule/service/index.ts";
import { realTime, yieldToEventLoop } from "../determinism/real.ts";
import { WorkerEncoding } from "../worker/encoding.ts";
import { WorkflowInstance } from "../workflow/instance.ts";
import { NEVER, type World } from "./world.ts";

/** The engine is idle after this many turns of the event loop without a timer or a call: chains of promises end in fewer. */
const IDLE_TURNS = 4;

export class VirtualTime {
  readonly #world: World;
  readonly #runningActivities: () => readonly object[];
  readonly #patienceMs: Millis;
  /** Activity calls that have used up the patience. */
  readonly #hanging = new WeakSet<object>();

  constructor(world: World, runningActivities: () => readonly object[], patienceMs: Millis) {
    this.#world = world;
    this.#runningActivities = runningActivities;
    this.#patienceMs = patienceMs;
  }

  /** Runs everything that can run at the present moment (TESTENV-1). */
  async untilIdle(): Promise<void> {
    const { clock, transport, engine, runsAtOnce } = this.#world;
    let idleTurns = 0;
    let heldSince: number | null = null;
    while (idleTurns < IDLE_TURNS) {
      const ran = clock.moveTo(clock.now());
      await yieldToEventLoop();
      runsAtOnce.check();
      const calls = transport.underWay + loadsUnderWay() + WorkflowInstance.busy + WorkerEncoding.busy;
      if (ran > 0 || calls > 0) {
        idleTurns = 0;
        heldSince = null;
      } else idleTurns += 1;
      if (idleTurns < IDLE_TURNS) continue;
      const holding = this.#runningActivities().filter((call) => !this.#hanging.has(call));
      if (holding.length === 0) continue;
      heldSince ??= realTime();
      if (realTime() - heldSince < this.#patienceMs) {
        idleTurns = 0;
        await new Promise<void>((ok) => setTimeout(ok, 1));
      } else for (const call of holding) this.#hanging.add(call);
    }
    await engine.durable();
  }

  /** Moves time to `target`, through every due moment in between. */
  async advanceTo(target: Millis): Promise<void> {
    await this.untilIdle();
    for (let at = await this.#dueBy(target); at !== null; at = await this.#dueBy(target)) await this.#step(at);
    await this.#step(target);
  }

  /**
   * Moves time to the next due moment. False: no timer and no execution is due ever, so that only a message can make a
   * difference. Schedules do not count: they would go on for ever.
   */
  async next(): Promise<boolean> {
    await this.untilIdle();
    if (this.#workDue(Number.MAX_SAFE_INTEGER) >= NEVER) return false;
    await this.#step((await this.#dueBy(Number.MAX_SAFE_INTEGER))!);
    return true;
  }

  /** Moves time until the promise is settled. */
  async during<T>(promise: Promise<T>): Promise<T> {
    let done = false;
    const finish = () => {
      done = true;
    };
    promise.then(finish, finish);
    await this.untilIdle();
    while (!done) {
      const at = await this.#dueBy(Number.MAX_SAFE_INTEGER);
      if (at === null) await yieldToEventLoop();
      else await this.#step(at);
    }
    return promise;
  }

  /** The next moment at which a timer or an execution is due, at most `until`; infinity = none. */
  #workDue(until: Millis): Millis {
    const { clock, engine } = this.#world;
    const sql = "SELECT MIN(due_at) AS at FROM heads WHERE due_at > ? AND due_at <= ?";
    return earliest(clock.next(), engine.database.one(sql, clock.now(), until)?.at as Millis | null);
  }

  /** TESTENV-2: the next moment at which anything is due, schedules included, at most `until`; null = none. */
  async #dueBy(until: Millis): Promise<Millis | null> {
    const { clock, engine } = this.#world;
    const [schedule] = await engine.schedules.due(until, 1);
    const at = earliest(this.#workDue(until), schedule?.wakeAt);
    return at > until ? null : Math.max(clock.now(), at);
  }

  /** Moves time to `at` and does what is due then. */
  async #step(at: Millis): Promise<void> {
    const { clock, engine } = this.#world;
    clock.moveTo(at);
    await this.untilIdle();
    if ((await engine.executions.due(clock.now(), 1)).length > 0) {
      await sweep(engine, 2); // executions that are due and have no task in the queue
      await this.untilIdle();
    }
    for (const key of await engine.schedules.due(clock.now(), 10_000)) {
      await wakeSchedule(engine, key);
      await this.untilIdle();
    }
  }
}

const earliest = (...times: (Millis | null | undefined)[]): Millis =>
  Math.min(...times.map((at) => at ?? Number.POSITIVE_INFINITY));
