/** The console of a real server with a real worker, for one test file. */
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { type RunningServer, startServer } from "../../../cli/server/index.ts";
import { type RunningWorker, startWorker, type WorkerOptions } from "../../../sdk/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../../shared/api/index.ts";
import { realClock } from "../../../shared/lib/clock.ts";
import type { Right } from "../../../shared/protocol/rights.ts";
import type { WorkerLoad } from "../../../shared/protocol/worker-load.ts";
import { type Embedded, embedded } from "../../../shared/server/embedded.ts";
import { ScriptedWorker } from "../../api/support/scripted-worker.ts";
import { QUIET } from "../../support/test-server.ts";
import { launch, leave, type Opened, open } from "./browser.ts";

export const FOLDER = fileURLToPath(new URL("../../../console/dist", import.meta.url));

/** As often as real workers do. */
const HEARTBEAT_MS = 10_000;

export interface ServingWorker {
  stop(): Promise<void>;
}

export class ConsoleWorld {
  readonly ports: Embedded;
  readonly browser: Browser;
  readonly key: string;
  server: RunningServer;
  /** What the server has logged, line by line. */
  readonly logged: readonly string[];
  readonly #workers: RunningWorker[] = [];
  readonly #serving = new Set<ServingWorker>();
  readonly #stop: () => void;

  private constructor(
    browser: Browser,
    made: { key: string; server: RunningServer; ports: Embedded; logged: readonly string[]; stop: () => void },
  ) {
    this.browser = browser;
    this.key = made.key;
    this.server = made.server;
    this.ports = made.ports;
    this.logged = made.logged;
    this.#stop = made.stop;
  }

  /** `consoleFolder`: another build of the console. */
  static async start({ consoleFolder = FOLDER } = {}): Promise<ConsoleWorld> {
    const logged: string[] = [];
    const keep =
      (level: string) =>
      (...line: unknown[]) =>
        void logged.push(`${level} ${JSON.stringify(line)}`);
    const log = { debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") };
    const ports = embedded({ log });
    const server = await startServer({ ports, version: "0.0.0", port: 0, consoleFolder });
    const stop = ports.maintain();
    const { key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "tester" });
    return new ConsoleWorld(await launch(), { key, server, ports, logged, stop });
  }

  get url(): string {
    return this.server.url;
  }

  async newKey(rights: readonly Right[]): Promise<string> {
    return (await createKey(this.ports, { workspace: DEFAULT_WORKSPACE, name: rights.join(), rights })).key;
  }

  async worker(
    options: Pick<WorkerOptions, "workflows" | "activities" | "encoding" | "buildId"> & { deployment?: string },
  ): Promise<RunningWorker> {
    const { deployment = "dev", ...rest } = options;
    const worker = await startWorker({ url: this.url, apiKey: this.key, deployment, log: QUIET, ...rest });
    this.#workers.push(worker);
    return worker;
  }

  /** A worker that registers workflows and takes no tasks. It stays live until it is stopped, however slow the machine is. */
  async serve(
    deployment: string,
    definitions: Parameters<ScriptedWorker["register"]>[0],
    o: { name?: string; load?: WorkerLoad } = {},
  ): Promise<ServingWorker> {
    const { name = deployment, load } = o;
    const worker = new ScriptedWorker({ url: this.url, key: this.key, clock: realClock, deployment, name });
    await worker.register(definitions);
    const beat = () => worker.call("heartbeat", { ...worker.who, ...(load && { load }) });
    if (load) await beat();
    const timer = setInterval(() => void beat().catch(() => {}), HEARTBEAT_MS); // a server that closes refuses it
    const stop = async () => {
      clearInterval(timer);
      if (!this.#serving.delete(serving)) return;
      await worker.stop();
    };
    const serving = { stop };
    this.#serving.add(serving);
    return serving;
  }

  /** A raw call of the API. */
  async ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.key}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
  }

  /** Starts an execution and answers its id. */
  async start(workflow: string, o: { id?: string; input?: unknown } = {}): Promise<string> {
    const { status, body } = await this.ask("POST", `/v1/workflows/${workflow}/execute`, {
      input: o.input ?? {},
      ...(o.id && { execution_id: o.id }),
    });
    if (status !== 200) throw new Error(JSON.stringify(body));
    return body.execution_id as string;
  }

  /** Opens a page of the console; the overview with the key handed over as `sirocco dev` does. */
  async open(path = "/", o: Parameters<typeof open>[2] & { key?: string } = {}): Promise<Opened> {
    const { key = this.key, ...options } = o;
    const opened = await open(this.browser, this.url, options);
    const { page } = opened;
    const stored = `sessionStorage.setItem("sirocco.key", ${JSON.stringify(key)})`;
    if (path === "/") await page.goto(`${this.url}/console/#key=${encodeURIComponent(key)}`);
    else {
      // The tab has the key already, as after a reload: the overview, which the test does not look at, is not loaded first.
      if (opened.isUsed) await page.evaluate(stored);
      else
        await page.addInitScript(`if (location.protocol.startsWith("http") && window.name === "") {
          window.name = "has the key";
          ${stored};
        }`);
      await page.goto(`${this.url}/console/#${path}`);
    }
    // While the key is checked, the page has a heading that cannot be seen, and takes no keys yet.
    await page.locator("h1:not(.sr-only), [role=alert]").first().waitFor();
    return opened;
  }

  async close(): Promise<void> {
    await leave(this.browser);
    await Promise.all([...this.#workers, ...this.#serving].map((worker) => worker.stop()));
    this.#stop();
    await this.server.close(500);
    this.ports.close();
  }
}
