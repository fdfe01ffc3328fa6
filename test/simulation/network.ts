/**
 * The network between a process and the server. It loses, doubles and delays requests and answers. The caller cannot
 * distinguish a lost request from a lost answer, and repeats the call.
 */
import type { Transport } from "../../sdk/worker/transport.ts";
import { ServerUnreachable } from "../../sdk/worker/transport.ts";
import type { WorkerOperation } from "../../shared/protocol/worker.ts";
import type { Server } from "./server.ts";
import type { Process, World } from "./world.ts";

type Begin<T> = () => { process: Process; answer: Promise<T> };
const LOST = Symbol("no answer");
const POLL_MS = 20_000;

export class Network {
  readonly #world: World;
  #cutUntil = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** One try. Rejects with `ServerUnreachable` if there is no answer. */
  async once<T>(caller: Process, crash: number, what: string, timeoutMs: number, begin: Begin<T>): Promise<T> {
    const world = this.#world;
    const { chance, faults } = world;
    await world.takeStep(caller, crash);
    if (chance.happens(faults.partition)) this.#cutUntil = world.now + chance.between(5_000, 100_000);
    const cut = () => this.#cutUntil > world.now;
    if (cut() || chance.happens(faults.requestLost)) {
      await world.pause(caller, chance.happens(0.5) ? 50 : timeoutMs);
      throw new ServerUnreachable(what, "the request was lost");
    }
    if (chance.happens(faults.requestTwice)) {
      // A copy arrives as well, sooner or later; no caller receives its answer.
      world.at(world.now + chance.between(1, chance.happens(0.2) ? 100_000 : 1_000), () => {
        begin().answer.catch(() => {});
      });
    }
    const { process, answer } = begin();
    const outcome = await new Promise<T | typeof LOST>((resolve, reject) => {
      const resolveLater = (value: T | typeof LOST) =>
        world.within(caller, world.now + world.stepMs(), () => resolve(value));
      const timer = world.within(caller, world.now + timeoutMs, () => resolve(LOST));
      process.onDeath(() => {
        if (crash > 0 && chance.happens(faults.crashTogether)) caller.kill();
        else resolveLater(LOST);
      });
      answer.then(
        (value) => {
          timer();
          resolveLater(cut() || chance.happens(faults.answerLost) ? LOST : value);
        },
        (error) => {
          timer();
          world.within(caller, world.now, () => reject(error));
        },
      );
    });
    if (outcome === LOST) throw new ServerUnreachable(what, "there was no answer");
    return outcome;
  }

  /** Repeats the call with growing pauses while the server cannot be reached, for `limitMs` at most. */
  async withRetry<T>(caller: Process, crash: number, what: string, begin: Begin<T>, limitMs = 300_000): Promise<T> {
    const until = this.#world.now + limitMs;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once(caller, crash, what, 30_000, begin);
      } catch (error) {
        if (!(error instanceof ServerUnreachable) || this.#world.now > until) throw error;
        await this.#world.pause(caller, Math.min(5_000, 50 * 2 ** Math.min(attempt, 7)));
      }
    }
  }

  /** The transport of a worker process. */
  transportOf(caller: Process, server: Server): Transport {
    const world = this.#world;
    return {
      call: async (operation: WorkerOperation, body: unknown, o: { retry?: boolean; timeoutMs?: number } = {}) => {
        const begin = () => server.serve(operation, body);
        const crash = world.faults.workerCrash;
        const hang = world.chance.happens(world.faults.workerHang);
        if (hang) {
          caller.hangsUntil = world.now + world.chance.between(5_000, 200_000);
          world.note(() => `HANGS ${caller.name} for ${caller.hangsUntil - world.now} ms`);
        }
        const once = operation === "poll" || o.retry === false;
        const timeout = operation === "poll" ? POLL_MS + 10_000 : (o.timeoutMs ?? 30_000);
        if (once) return (await this.once(caller, crash, operation, timeout, begin)) as never;
        return (await this.withRetry(caller, crash, operation, begin)) as never;
      },
      close: () => {},
    };
  }
}
