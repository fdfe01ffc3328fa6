/**
 * The host of a worker core, as a process of the simulated world: the program of another language. Its workflows are the programs of the
 * model, so that core and host share nothing but the protocol (`sdk/host/protocol.ts`).
 *
 * Its faults follow those of the world: it dies, it stops for a while, it answers late, it says a message twice, and it loses an
 * answer. A pipe loses nothing, so a host that has lost an answer is broken: its operator kills it some time later.
 */
import type { CoreMessage, FromCore } from "../../sdk/host/protocol.ts";
import { ServerUnreachable, type Transport } from "../../sdk/worker/transport.ts";
import type { Stimulus } from "../../shared/protocol/history.ts";
import { Bug, ProgramInstance } from "./instance.ts";
import type { Pipe } from "./pipe.ts";
import { PROGRAMS, perform } from "./programs.ts";
import type { Process, World } from "./world.ts";

/** As `python/src/sirocco_worker/core.py` waits (CORE-1). */
const SILENT_MS = 6_000;
const SILENT_WAITS = 2;
/** An answer goes wrong more often than a call of the network. */
const OFTEN = 2;

export interface HostOptions {
  readonly world: World;
  readonly process: Process;
  /** To the core. */
  readonly out: Pipe;
  readonly killCore: () => void;
  /** Of the host itself: for handing back (HOST-6). */
  readonly transport: Transport;
  /** Weaker: it drops the stimuli after the one at which the run ends (HOST-8). */
  readonly stopsEarly?: boolean;
}

export class ForeignHost {
  readonly #o: HostOptions;
  readonly #instances = new Map<string, ProgramInstance>();
  /** Attempts that run; the core may cancel them. */
  readonly #attempts = new Set<string>();
  readonly #leased = new Set<string>();
  #hello: { deployment: string; worker: string } = { deployment: "", worker: "" };
  #session: string | null = null;
  #ordered = false;
  #pinged = false;
  #heard = true;
  #silent = 0;

  constructor(options: HostOptions) {
    this.#o = options;
  }

  greet(hello: { deployment: string; worker: string }): void {
    this.#hello = hello;
    this.#send({ type: "hello", ...hello });
    this.#watch();
  }

  take(message: FromCore): void {
    this.#heard = true;
    switch (message.type) {
      case "running":
        this.#session = message.session;
        return;
      case "give":
        return void this.#later(() => this.#give(message));
      case "query":
        this.#send({ type: "answered", call: message.call, result: null });
        return;
      case "drop":
        this.#instances.delete(message.instance);
        return;
      case "attempt":
        return void this.#perform(message);
      case "cancel":
        if (this.#attempts.delete(message.attempt)) {
          const failure = { type: "CancelledError", message: message.message };
          this.#send({ type: "outcome", attempt: message.attempt, failure });
        }
        return;
      case "lease":
        if (message.held) this.#leased.add(message.receipt);
        else this.#leased.delete(message.receipt);
        return;
      case "ping":
        this.#pinged = true;
        this.#send({ type: "pong", n: message.n, loop: true });
        return;
      case "refused":
      case "stopped":
      case "fatal":
        this.#ordered = true;
    }
  }

  /** HOST-6. */
  async coreDied(): Promise<void> {
    const { process, transport } = this.#o;
    const { deployment, worker } = this.#hello;
    try {
      if (this.#ordered || this.#session === null) return;
      await transport.call("stop", { deployment, worker, session: this.#session } as never);
      const receipts = [...this.#leased].toSorted();
      if (receipts.length > 0) await transport.call("extend", { receipts, lease_ms: 0 } as never);
    } catch (error) {
      if (!(error instanceof ServerUnreachable)) throw error; // the leases lapse
    } finally {
      process.kill();
    }
  }

  /** CORE-1. */
  #watch(): void {
    const { world, process, killCore } = this.#o;
    world.within(process, world.now + SILENT_MS, () => {
      this.#silent = this.#heard || !this.#pinged ? 0 : this.#silent + 1;
      this.#heard = false;
      if (this.#silent === SILENT_WAITS) killCore();
      else this.#watch();
    });
  }

  async #perform({ attempt, name, args, number }: CoreMessage<"attempt">): Promise<void> {
    const { world, process } = this.#o;
    const { chance } = world;
    this.#attempts.add(attempt);
    await world.pause(process, chance.happens(0.1) ? chance.between(10_000, 90_000) : chance.between(1, 2_000));
    if (!this.#attempts.delete(attempt)) return;
    const done = perform(name, args[0], number);
    const outcome =
      "value" in done
        ? { result: done.value }
        : { failure: { type: done.final ? "Hopeless" : "Error", message: done.error, non_retryable: done.final } };
    this.#answer({ type: "outcome", attempt, ...outcome });
  }

  #give({ call, instance, workflow, groups, recorded }: CoreMessage<"give">): void {
    let given = 0;
    const decisions: object[][] = [];
    const run = this.#instances.get(instance) ?? new ProgramInstance(PROGRAMS[workflow]!, !this.#o.stopsEarly);
    this.#instances.set(instance, run);
    try {
      for (const [i, group] of groups.entries()) {
        const stimuli = group as Stimulus[];
        const held = i < groups.length - 1 ? stimuli.length : recorded;
        const { decided, decisions: made } = run.activate(stimuli, stimuli[held - 1]?.id ?? 0);
        given = stimuli.filter(({ id }) => id <= decided).length;
        decisions.push(made);
      }
      this.#answer({ type: "given", call, decisions, given, closed: run.closed });
    } catch (error) {
      if (!(error instanceof Bug)) throw error;
      const bug = { type: "Bug", message: error.message };
      this.#answer({ type: "given", call, decisions: [], given: 0, closed: false, bug });
    }
  }

  /** Sends it, or does it wrong as the world's faults say. */
  #answer(message: object): void {
    const { world, process } = this.#o;
    const { chance, faults } = world;
    if (chance.happens(faults.workerCrash * OFTEN)) {
      world.note(() => `KILLED ${process.name}`);
      process.kill();
      return;
    }
    if (chance.happens(faults.workerHang * OFTEN)) {
      process.hangsUntil = world.now + chance.between(1_000, 100_000);
      world.note(() => `STOPPED ${process.name} for ${process.hangsUntil - world.now} ms`);
    }
    if (chance.happens(faults.requestLost)) {
      world.note(() => `LOST by ${process.name}: ${JSON.stringify(message).slice(0, 60)}`);
      world.at(world.now + chance.between(1_000, 200_000), () => process.kill());
      return;
    }
    void this.#later(() => this.#send(message));
    if (chance.happens(faults.requestTwice)) void this.#later(() => this.#send(message));
  }

  /** Code takes its time. */
  async #later(fn: () => void): Promise<void> {
    const { world, process } = this.#o;
    await world.pause(process, world.stepMs());
    fn();
  }

  #send(message: object): void {
    this.#o.out.write(message);
  }
}
