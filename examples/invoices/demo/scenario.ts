/** The steps of the demo, in order. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Ledger } from "../ledger.ts";
import { type Approver, approve } from "./approver.ts";
import type { Case } from "./cases.ts";
import type { Closed } from "./client.ts";
import type { Display, Progress } from "./display.ts";
import type { DemoEnvironment } from "./environment.ts";
import { Watcher } from "./watcher.ts";

const START_INTERVAL_MS = 130;
/**
 * A real pipeline would remind after days. On AWS a query to a killed worker is repeated only after 10 s, and the reminders must
 * last longer than that.
 */
const REMIND_AFTER = { embedded: "2s", aws: "4s" };
const SERVER_DOWN_MS = 1_000;
/** With this many executions in an activity, each worker has some of them. */
const BUSY_ENOUGH = 6;
/** Longest wait for the worker's next booking before it is killed anyway. */
const BOOKING_WAIT_MS = 3_000;

export interface ScenarioOptions {
  readonly environment: DemoEnvironment;
  readonly cases: readonly Case[];
  readonly directory: string;
  readonly display: Display;
  /** False if the demo did not start the server. */
  readonly killServer: boolean;
  /** Longest wait for any condition. */
  readonly waitLimitMs: number;
}

export class Scenario {
  readonly ledger: Ledger;
  readonly watcher: Watcher;
  /** One line for each killed process: when, and how long its executions took to go on. */
  readonly killed: string[] = [];
  readonly #o: ScenarioOptions;
  #approver: Approver | undefined;

  constructor(options: ScenarioOptions) {
    this.#o = options;
    this.ledger = new Ledger(join(options.directory, "ledger.db"));
    const ids = options.cases.map((c) => c.execution);
    this.watcher = new Watcher(options.environment.client.mistral, ids);
  }

  /** Answers the closed executions by id. */
  async run(): Promise<Map<string, Closed>> {
    const { environment, cases, display } = this.#o;
    await Promise.all([
      environment.startWorkflows(),
      environment.startWorker("worker-1"),
      environment.startWorker("worker-2"),
    ]);
    display.note(`running at ${environment.url}: ${environment.pids}`);
    void this.watcher.run();
    const { promise: survived, resolve: allowLate } = Promise.withResolvers<void>();
    // Some large invoices are decided only after the restart of the server, so that their wait has to survive it. If the server
    // is not killed, all are decided at once: on a slow machine a delay could outlast the last reminder.
    const late = new Set(this.#o.killServer ? cases.filter((c) => c.approval).slice(-3) : []);
    this.#approver = approve(environment.client, cases, (c) => (late.has(c) ? survived : Promise.resolve()));

    const half = Math.ceil(cases.length / 2);
    await Promise.all([this.#send(cases.slice(0, half)), this.#killWorker("worker-1")]);
    await Promise.all([this.#send(cases.slice(half)), this.#o.killServer && this.#killServer()]);
    allowLate();
    await environment.startWorker("worker-1");
    display.note("worker-1 is running again");
    await this.#allClosed(this.#approver.done);
    display.end();

    const closed = new Map<string, Closed>();
    for (const { execution } of cases) closed.set(execution, await environment.client.closed(execution));
    return closed;
  }

  progress(): Progress {
    const { watcher } = this;
    const waiting = this.#approver?.waiting.size ?? 0;
    const parts = [`${watcher.count("running") - waiting} running`];
    if (waiting > 0) parts.push(`${waiting} wait for approval`);
    for (const name of this.#o.environment.killed) parts.push(`${name} is down`);
    return { done: watcher.closed, total: this.#o.cases.length, note: parts.join(", ") };
  }

  end(): void {
    this.watcher.stop();
    this.ledger.close();
  }

  async #send(cases: readonly Case[]): Promise<void> {
    for (const { execution, file } of cases) {
      await this.#o.environment.client.start(execution, {
        file,
        remindAfter: this.#o.killServer ? REMIND_AFTER.embedded : REMIND_AFTER.aws,
      });
      await delay(START_INTERVAL_MS);
    }
  }

  /** Kills the worker when it has just written to the ledger and has not yet reported the result. */
  async #killWorker(name: string): Promise<void> {
    const { environment, display } = this.#o;
    await this.#busyEnough();
    const booked = () => this.ledger.entries().filter((entry) => entry.bookedBy === name).length;
    const before = booked();
    for (const until = Date.now() + BOOKING_WAIT_MS; booked() === before && Date.now() < until; ) await delay(1);
    const interrupted = this.watcher.busy();
    const when = display.seconds.toFixed(1);
    await environment.killWorker(name);
    const at = Date.now();
    display.note(`SIGKILL for ${name} while ${interrupted.length} executions are in an activity`, "warn");
    await this.#allMoved(`the executions go on without ${name}`, interrupted, at);
    display.note(`all ${interrupted.length} have gone on without it, the slowest after ${since(at)} s`, "good");
    this.killed.push(
      `${when} s  ${name}, during ${interrupted.length} executions; all of them had gone on after ${since(at)} s`,
    );
  }

  async #killServer(): Promise<void> {
    const { environment, display } = this.#o;
    await this.#busyEnough();
    const interrupted = this.watcher.busy();
    const repeatedBefore = environment.client.repeated;
    const when = display.seconds.toFixed(1);
    await environment.killServer();
    const at = Date.now();
    display.note(`SIGKILL for the server while ${interrupted.length} executions are in an activity`, "warn");
    await delay(SERVER_DOWN_MS);
    const restarted = Date.now();
    await environment.restartServer();
    const repeated = environment.client.repeated - repeatedBefore;
    display.note(
      `the server runs again with the same data after ${since(restarted)} s; clients repeated ${repeated} calls`,
    );
    await this.#allMoved("the executions go on with the new server", interrupted, at);
    const resumed = since(restarted);
    display.note(`all ${interrupted.length} have gone on, the slowest ${resumed} s after the restart`, "good");
    this.killed.push(
      `${when} s  the server, during ${interrupted.length} executions; all of them had gone on ${resumed} s after its restart`,
    );
  }

  #busyEnough(): Promise<void> {
    const { watcher } = this;
    return watcher.until(
      `${BUSY_ENOUGH} executions are in an activity`,
      this.#o.waitLimitMs,
      () => watcher.busy().length >= BUSY_ENOUGH,
    );
  }

  /** Resolves when each execution has had an event since then, or has closed. */
  #allMoved(what: string, executions: readonly string[], since: number): Promise<void> {
    const moved = (id: string) => {
      const one = this.watcher.executions.get(id);
      return one?.phase !== "running" || one.lastAt > since;
    };
    return this.watcher.until(what, this.#o.waitLimitMs, () => executions.every(moved));
  }

  async #allClosed(approvals: Promise<void>): Promise<void> {
    const { watcher } = this;
    const failed = approvals.then(() => new Promise<never>(() => {})); // only a rejection may end the race
    const all = () => watcher.closed === this.#o.cases.length;
    await Promise.race([failed, watcher.until("all executions are closed", this.#o.waitLimitMs, all)]);
  }
}

const since = (at: number) => ((Date.now() - at) / 1000).toFixed(1);
