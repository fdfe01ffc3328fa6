/** The environment of the demo: a server (unless the demo has a target), workers, and the simulated external services. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Services, startServices } from "../services.ts";
import { type Address, installationOnAws } from "./aws.ts";
import { Client } from "./client.ts";
import { Processes, type Running } from "./processes.ts";
import { type DemoServer, startServer } from "./server.ts";

const file = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const WORKER = file("worker.ts");
/** With activities in Python: these, and a worker of the workflow alone. */
const PYTHON_WORKER = file("python/worker.py");
const WORKFLOWS = file("workflows.ts");
const BOOT_LIMIT_MS = 30_000;
const GRACE_MS = 3_000;

export class DemoEnvironment {
  readonly services: Services;
  readonly client: Client;
  readonly url: string;
  readonly key: string;
  readonly #workerUrl: string;
  /** Names of processes that were killed and not yet restarted. */
  readonly killed = new Set<string>();
  readonly #directory: string;
  readonly #deployment: string;
  readonly #processes: Processes;
  /** The interpreter of the workers; undefined for workers in TypeScript. */
  readonly #python: string | undefined;
  readonly #workers = new Map<string, Running>();
  #server: DemoServer | undefined;

  private constructor(p: {
    directory: string;
    deployment: string;
    processes: Processes;
    python: string | undefined;
    services: Services;
    server: DemoServer | undefined;
    address: Address;
  }) {
    this.#directory = p.directory;
    this.#deployment = p.deployment;
    this.#processes = p.processes;
    this.#python = p.python;
    this.#server = p.server;
    this.services = p.services;
    this.url = p.address.url;
    this.key = p.address.key;
    this.#workerUrl = p.address.workerUrl;
    this.client = new Client({ ...p.address, deployment: p.deployment });
  }

  /** `target`: `aws`, or the URL of a running server, with its key in SIROCCO_API_KEY. */
  static async start(p: {
    directory: string;
    deployment: string;
    target: string | undefined;
    /** An interpreter with the official SDK and `sirocco-worker`: the activities run there. */
    python: string | undefined;
    print: (text: string) => void;
  }): Promise<DemoEnvironment> {
    const key = process.env.SIROCCO_API_KEY ?? "";
    if (p.target !== undefined && p.target !== "aws" && key === "")
      throw new Error("--target needs the key of that server in SIROCCO_API_KEY");
    const processes = new Processes(p.directory);
    const services = await startServices();
    const server = p.target === undefined ? await startServer(processes, join(p.directory, "data"), 0) : undefined;
    const address =
      p.target === "aws"
        ? await installationOnAws(p.print)
        : server
          ? { ...server, workerUrl: server.url }
          : { url: p.target ?? "", workerUrl: p.target ?? "", key };
    return new DemoEnvironment({ ...p, processes, services, server, address });
  }

  get pids(): string {
    const workers = [...this.#workers].map(([name, { pid }]) => `${name} ${pid}`);
    return [...(this.#server ? [`server ${this.#server.process.pid}`] : []), ...workers].join(", ");
  }

  /** Resolves when the server lists the worker as live. */
  async startWorker(name: string): Promise<void> {
    await this.#start(name, this.#python ? PYTHON_WORKER : WORKER, this.#python);
  }

  /** The worker that runs the workflow, if the others only run activities. */
  async startWorkflows(): Promise<void> {
    if (this.#python) await this.#start("workflows", WORKFLOWS);
  }

  async #start(name: string, program: string, python?: string): Promise<void> {
    const env = {
      SIROCCO_URL: this.#workerUrl,
      SIROCCO_API_KEY: this.key,
      DEPLOYMENT_NAME: this.#deployment,
      WORKER_NAME: name,
      INVOICES_OUTPUT: this.#directory,
      INVOICES_SERVICES_URL: this.services.url,
      // The official SDK reads these.
      SERVER_URL: this.url,
      MISTRAL_API_KEY: this.key,
      SIROCCO_NODE: process.execPath,
    };
    const worker = this.#processes.start(name, [program], env, python);
    this.#workers.set(name, worker);
    const early = worker.ended.then((how) =>
      Promise.reject(new Error(`${name} ended before it was registered (${how})`)),
    );
    await Promise.race([early, this.#registered(name)]);
    early.catch(() => {}); // from now on the worker may end
    this.killed.delete(name);
  }

  async killWorker(name: string): Promise<void> {
    this.killed.add(name);
    await this.#workers.get(name)!.end("SIGKILL");
  }

  async killServer(): Promise<void> {
    this.killed.add("the server");
    await this.#server!.process.end("SIGKILL");
  }

  /** Starts the server again, with the same data and port. */
  async restartServer(): Promise<void> {
    this.#server = await startServer(this.#processes, join(this.#directory, "data"), Number(new URL(this.url).port));
    this.killed.delete("the server");
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#workers.values()].map(terminate));
    if (this.#server) await terminate(this.#server.process);
    this.#processes.killAll();
    await this.services.close();
  }

  async #registered(name: string): Promise<void> {
    for (const deadline = Date.now() + BOOT_LIMIT_MS; Date.now() < deadline; await delay(100)) {
      if ((await this.client.liveWorkers()).includes(name)) return;
    }
    throw new Error(`${name} did not register within ${BOOT_LIMIT_MS / 1000} s`);
  }
}

/** Sends SIGTERM, and SIGKILL after a grace period. */
async function terminate(running: Running): Promise<void> {
  const timer = setTimeout(() => void running.end("SIGKILL"), GRACE_MS);
  await running.end("SIGTERM");
  clearTimeout(timer);
}
