/** What happens in the demo, in its order. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Ledger } from "../ledger.ts";
import { type Approver, approve } from "./approver.ts";
import type { Case } from "./cases.ts";
import type { Closed } from "./client.ts";
import type { Crew } from "./crew.ts";
import type { Display, Progress } from "./display.ts";
import { Watcher } from "./watcher.ts";

const STARTS_EVERY_MS = 130;
/** In real life it would be days. */
/** On AWS a question to a worker that was just killed is asked again only after 10 s, which the reminders must outlast. */
const REMIND_AFTER = { here: "2s", onAws: "4s" };
const SERVER_DOWN_MS = 1_000;
/** Of so many executions with an activity under way, some are on each worker. */
const BUSY_ENOUGH = 6;
const WORST_MOMENT_LIMIT_MS = 3_000;

export interface ScenarioOptions {
  readonly crew: Crew;
  readonly cases: readonly Case[];
  readonly directory: string;
  readonly display: Display;
  /** False: the server belongs to somebody else. */
  readonly killServer: boolean;
  /** Longest wait for anything. */
  readonly patienceMs: number;
}

export class Scenario {
  readonly ledger: Ledger;
  readonly watcher: Watcher;
  /** Who was killed when, and for how long that was felt. */
  readonly killed: string[] = [];
  readonly #o: ScenarioOptions;
  #approver: Approver | undefined;

  constructor(options: ScenarioOptions) {
    this.#o = options;
    this.ledger = new Ledger(join(options.directory, "ledger.db"));
    const ids = options.cases.map((c) => c.execution);
    this.watcher = new Watcher(options.crew.client.mistral, ids);
  }

  /** Answers how each execution ended. */
  async run(): Promise<Map<string, Closed>> {
    const { crew, cases, display } = this.#o;
    await Promise.all([crew.startWorker("worker-1"), crew.startWorker("worker-2")]);
    display.note(`up at ${crew.url}: ${crew.pids}`);
    void this.watcher.run();
    const { promise: survived, resolve: allowLate } = Promise.withResolvers<void>();
    // Some large invoices are only decided after the server has died and come back: their wait has to survive it. Where no
    // server dies nobody has to wait, which on a slow machine would outlast the last reminder.
    const late = new Set(this.#o.killServer ? cases.filter((c) => c.approval).slice(-3) : []);
    this.#approver = approve(crew.client, cases, (c) => (late.has(c) ? survived : Promise.resolve()));

    const half = Math.ceil(cases.length / 2);
    await Promise.all([this.#send(cases.slice(0, half)), this.#killWorker("worker-1")]);
    await Promise.all([this.#send(cases.slice(half)), this.#o.killServer && this.#killServer()]);
    allowLate();
    await crew.startWorker("worker-1");
    display.note("worker-1 is started again");
    await this.#allClosed(this.#approver.done);
    display.end();

    const ended = new Map<string, Closed>();
    for (const { execution } of cases) ended.set(execution, await crew.client.closed(execution));
    return ended;
  }

  progress(): Progress {
    const { watcher } = this;
    const waiting = this.#approver?.waiting.size ?? 0;
    const parts = [`${watcher.count("running") - waiting} running`];
    if (waiting > 0) parts.push(`${waiting} wait for approval`);
    for (const name of this.#o.crew.dead) parts.push(`${name} is dead`);
    return { done: watcher.closed, total: this.#o.cases.length, note: parts.join(", ") };
  }

  end(): void {
    this.watcher.stop();
    this.ledger.close();
  }

  async #send(cases: readonly Case[]): Promise<void> {
    for (const { execution, file } of cases) {
      await this.#o.crew.client.start(execution, {
        file,
        remindAfter: this.#o.killServer ? REMIND_AFTER.here : REMIND_AFTER.onAws,
      });
      await delay(STARTS_EVERY_MS);
    }
  }

  /** At the worst moment: it has just written to the ledger, and has not yet said so. */
  async #killWorker(name: string): Promise<void> {
    const { crew, display } = this.#o;
    await this.#busyEnough();
    const booked = () => this.ledger.entries().filter((entry) => entry.bookedBy === name).length;
    const before = booked();
    for (const until = Date.now() + WORST_MOMENT_LIMIT_MS; booked() === before && Date.now() < until; ) await delay(1);
    const victims = this.watcher.busy();
    const when = display.seconds.toFixed(1);
    await crew.killWorker(name);
    const at = Date.now();
    display.note(`SIGKILL for ${name}, with ${victims.length} executions in the middle of something`, "warn");
    await this.#allMoved(`the executions go on without ${name}`, victims, at);
    display.note(`all ${victims.length} have gone on without it; the slowest after ${since(at)} s`, "good");
    this.killed.push(
      `${when} s  ${name}, amid ${victims.length} executions; all of them had gone on after ${since(at)} s`,
    );
  }

  async #killServer(): Promise<void> {
    const { crew, display } = this.#o;
    await this.#busyEnough();
    const victims = this.watcher.busy();
    const repeatedBefore = crew.client.repeated;
    const when = display.seconds.toFixed(1);
    await crew.killServer();
    const at = Date.now();
    display.note(`SIGKILL for the server, with ${victims.length} executions in the middle of something`, "warn");
    await delay(SERVER_DOWN_MS);
    const restarted = Date.now();
    await crew.restartServer();
    const repeated = crew.client.repeated - repeatedBefore;
    display.note(`the server is back on the same data after ${since(restarted)} s; clients repeated ${repeated} calls`);
    await this.#allMoved("the executions go on with the new server", victims, at);
    const felt = since(restarted);
    display.note(`all ${victims.length} have gone on; the slowest ${felt} s after the restart`, "good");
    this.killed.push(
      `${when} s  the server, amid ${victims.length} executions; all of them had gone on ${felt} s after its restart`,
    );
  }

  #busyEnough(): Promise<void> {
    const { watcher } = this;
    return watcher.until(
      "there is enough to interrupt",
      this.#o.patienceMs,
      () => watcher.busy().length >= BUSY_ENOUGH,
    );
  }

  /** Each has had an event since, or had closed before. */
  #allMoved(what: string, executions: readonly string[], since: number): Promise<void> {
    const moved = (id: string) => {
      const one = this.watcher.executions.get(id);
      return one?.phase !== "running" || one.lastAt > since;
    };
    return this.watcher.until(what, this.#o.patienceMs, () => executions.every(moved));
  }

  async #allClosed(approvals: Promise<void>): Promise<void> {
    const { watcher } = this;
    const failed = approvals.then(() => new Promise<never>(() => {})); // only its rejection is of interest
    const all = () => watcher.closed === this.#o.cases.length;
    await Promise.race([failed, watcher.until("all invoices are through", this.#o.patienceMs, all)]);
  }
}

const since = (at: number) => ((Date.now() - at) / 1000).toFixed(1);
