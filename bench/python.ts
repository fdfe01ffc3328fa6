/** Workers of the official Python SDK: CPU of Python and its worker core for a step, their start, and the hop between the two. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";
import { buildCore } from "../packaging/python.ts";
import { pythonEnvironment } from "../packaging/python-env.ts";
import { type Installation, installation, now, round, spread } from "./harness.ts";

const run = promisify(execFile);
const file = (name: string) => join(import.meta.dirname, "processes", name);
const STEPS = 400;
const ROUNDS = 3;
const PARKED = 300;
/** Linux counts the CPU time of processes in hundredths of a second. */
const TICK_MS = 10;

/** CPU milliseconds that a process has used. */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Memory of a process, MiB. */
function memoryMiB(pid: number): number {
  const [, kB] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))!;
  return Number(kB) / 1024;
}

interface Worker {
  readonly python: number;
  readonly core: number;
  /** From the start of the process to its first activity. */
  readonly toFirstStepMs: number;
  end(): Promise<void>;
}

async function worker(on: Installation, python: string): Promise<Worker> {
  const began = now();
  const child = spawn(python, [file("python_worker.py")], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      SERVER_URL: on.url,
      MISTRAL_API_KEY: on.key,
      DEPLOYMENT_NAME: "bench",
      SIROCCO_NODE: process.execPath,
      PYTHONUNBUFFERED: "1",
      LOG_LEVEL: "INFO",
    },
  });
  let said = "";
  const ready = Promise.withResolvers<void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      said += part;
      if (said.includes("Starting Temporal worker")) ready.resolve();
    });
  }
  child.once("exit", (code) => ready.reject(new Error(`the Python worker ended with ${code}:\n${said}`)));
  await ready.promise;
  const at = Number(await execute(on, "first", {}));
  const pid = /worker core runs.*pid=(\d+)/.exec(stripVTControlCharacters(said))?.[1];
  return {
    python: child.pid!,
    core: Number(pid),
    toFirstStepMs: at - began,
    async end() {
      child.kill("SIGTERM");
      await once(child, "close");
    },
  };
}

async function execute(on: Installation, workflow: string, input: Record<string, unknown>): Promise<unknown> {
  const answer = await on.client.workflows.executeWorkflow({
    workflowIdentifier: workflow,
    workflowExecutionRequest: { input, waitForResult: true, timeoutSeconds: 280 },
  });
  return (answer.result as { result: unknown }).result;
}

/** What executions that wait take in memory: as many as a worker keeps. */
async function parked(on: Installation, { python, core }: Worker) {
  const { workflows } = on.client;
  const start = async (n: number): Promise<string> => {
    const executionId = `parked-${n}`;
    await workflows.executeWorkflow({ workflowIdentifier: "parked", workflowExecutionRequest: { executionId } });
    return executionId;
  };
  const wait = async (executionId: string): Promise<void> => {
    for (let tries = 0; tries < 1_200; tries++) {
      const history = await workflows.executions.getWorkflowExecutionHistory({ executionId });
      if (JSON.stringify(history).includes("timer_started")) return;
      await new Promise((ok) => setTimeout(ok, 50));
    }
    throw new Error(`${executionId} has not come to rest`);
  };
  await wait(await start(0)); // what the first one of a workflow loads is not counted
  const before = [memoryMiB(python), memoryMiB(core)] as const;
  const ids: string[] = [];
  for (let n = 1; n <= PARKED; n++) ids.push(await start(n));
  for (const id of ids) await wait(id);
  const [ofPython, ofCore] = [memoryMiB(python) - before[0], memoryMiB(core) - before[1]];
  return `${round(ofPython + ofCore, 0)}, of which the core ${round(ofCore, 0)}`;
}

export async function pythonSteps() {
  if (process.platform !== "linux") throw new Error("this benchmark reads CPU times from /proc, which only Linux has");
  await buildCore();
  const python = await pythonEnvironment();
  const on = await installation();
  const starts: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const started = await worker(on, python);
    starts.push(started.toFirstStepMs);
    await started.end();
  }
  const one = await worker(on, python);
  const rows = [];
  for (const [what, workflow] of [
    ["with the sandbox", "sandboxed"],
    ["enforce_determinism=False", "unchecked"],
  ] as const) {
    await execute(on, workflow, { steps: 100 }); // warm-up
    const rounds = [];
    for (let i = 0; i < ROUNDS; i++) {
      const [before, began] = [[cpuMs(one.python), cpuMs(one.core)] as const, now()];
      await execute(on, workflow, { steps: STEPS });
      rounds.push({
        python: (cpuMs(one.python) - before[0]) / STEPS,
        core: (cpuMs(one.core) - before[1]) / STEPS,
        wall: (now() - began) / STEPS,
      });
    }
    const least = rounds.toSorted((a, b) => a.python + a.core - b.python - b.core)[0]!;
    rows.push({
      what,
      "CPU ms a step": round(least.python + least.core, 2),
      "of which the core": round(least.core, 2),
      "wall ms a step": round(least.wall, 2),
    });
  }
  const memory = await parked(on, one);
  await one.end();
  await on.close();
  const hop = await run(python, [file("python_hop.py"), process.execPath, file("echo.ts")], { maxBuffer: 1 << 26 });
  const { p50, p95 } = spread(JSON.parse(hop.stdout) as number[]);
  return {
    rows,
    "seconds from the start of the process to its first step": starts.map((ms) => round(ms / 1000, 2)).join(", "),
    [`MiB of ${PARKED} parked executions`]: memory,
    "hop between Python and Node, µs": `p50 ${round(p50, 0)}, p95 ${round(p95, 0)}`,
    note: `the best of ${ROUNDS} rounds of ${STEPS} steps; SQLite with full sync`,
  };
}
