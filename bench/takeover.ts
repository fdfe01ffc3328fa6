/**
 * How long the work of a worker stands still that is killed or stopped:
 *
 *   node bench/takeover.ts [--target aws] [--kills 24] [--at-once 4]
 *
 * A third of the workers is killed with SIGKILL in the middle of a local attempt: the time from the kill to the next attempt,
 * on another worker. A third is killed with SIGKILL while it waits for tasks, and a third is stopped with SIGTERM: the longest
 * time from one of several starts right after it to the first step. Each worker belongs to a deployment of its own, with a
 * second one that goes on. With `--target aws` the AWS adapter runs over the emulator, with tasks from SQS.
 */
import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { forEachConcurrent } from "../shared/lib/for-each-concurrent.ts";
import type { Began } from "./processes/takeover-worker.ts";

const { values } = parseArgs({
  options: {
    target: { type: "string", default: "embedded" },
    kills: { type: "string", default: "24" },
    "at-once": { type: "string", default: "4" },
  },
});
const KINDS = ["killed in an attempt", "killed while it waits", "stopped while it waits"] as const;
type Kind = (typeof KINDS)[number];
/** Of the workers that wait: starts after the end of one of them, and their distance. */
const STARTS = 6;
const BETWEEN_STARTS_MS = 150;
const LIMIT_MS = 120_000;

interface Server {
  readonly url: string;
  readonly key: string;
  close(): Promise<void>;
}

async function onAws(): Promise<Server> {
  const { awsServer } = await import("./takeover-aws.ts");
  return awsServer();
}

async function embedded(): Promise<Server> {
  const { installation } = await import("./harness.ts");
  const { url, key, close } = await installation();
  return { url, key, close };
}

const began = new Map<string, (b: Began) => void>();
const workers = new Set<ChildProcess>();

function startWorker(server: Server, deployment: string, name: string): Promise<ChildProcess> {
  const args = ["--url", server.url, "--key", server.key, "--deployment", deployment, "--name", name];
  const child = fork(new URL("./processes/takeover-worker.ts", import.meta.url), args);
  workers.add(child);
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => {
      workers.delete(child);
      reject(new Error(`a worker ended with exit code ${code} before it was ready`));
    });
    child.on("message", (m: Began | { kind: "ready" }) => {
      if (m.kind === "ready") resolve(child);
      else began.get(`${m.id} ${m.attempt}`)?.(m);
    });
  });
}

/** When this attempt begins. */
function attempt(id: string, n: number): Promise<Began> {
  const wanted = new Promise<Began>((resolve) => began.set(`${id} ${n}`, resolve));
  const late = delay(LIMIT_MS, undefined, { ref: false }).then(() => {
    throw new Error(`attempt ${n} of ${id} did not begin within ${LIMIT_MS} ms`);
  });
  return Promise.race([wanted, late]);
}

async function start(server: Server, deployment: string, id: string, held: boolean): Promise<void> {
  const answer = await fetch(`${server.url}/v1/workflows/holding/execute`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.key}`, "content-type": "application/json" },
    body: JSON.stringify({ deployment_name: deployment, execution_id: id, input: { id, held } }),
  });
  if (!answer.ok) throw new Error(`start: ${answer.status} ${await answer.text()}`);
}

const end = (child: ChildProcess, signal: NodeJS.Signals) =>
  new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill(signal);
  });

/** Milliseconds for which work stood still. */
async function trial(server: Server, kind: Kind): Promise<number> {
  const deployment = `takeover-${randomUUID().slice(0, 8)}`;
  const byName = new Map<string, ChildProcess>();
  for (const name of ["one", "two"]) byName.set(name, await startWorker(server, deployment, name));
  try {
    if (kind === "killed in an attempt") {
      const id = randomUUID();
      const first = attempt(id, 1);
      await start(server, deployment, id, true);
      const { by } = await first;
      await delay(Math.random() * 12_000); // at any place between two heartbeats, and between two extensions
      const next = attempt(id, 2);
      const killed = Date.now();
      await end(byName.get(by)!, "SIGKILL");
      return (await next).at - killed;
    }
    await delay(Math.random() * 8_000); // at any place of a poll
    const killed = kind === "killed while it waits";
    const ended = end(byName.get("one")!, killed ? "SIGKILL" : "SIGTERM");
    if (killed) await ended; // before it, the dying process might receive a task
    const times: Promise<number>[] = [];
    for (let n = 0; n < STARTS; n++) {
      const id = randomUUID();
      const at = Date.now();
      times.push(attempt(id, 1).then((b) => b.at - at));
      await start(server, deployment, id, false);
      await delay(BETWEEN_STARTS_MS);
    }
    await ended;
    return Math.max(...(await Promise.all(times)));
  } finally {
    for (const child of byName.values()) await end(child, "SIGKILL");
  }
}

const server = await (values.target === "aws" ? onAws() : embedded());
const found = new Map<Kind, number[]>(KINDS.map((kind) => [kind, []]));
const kinds = Array.from({ length: Number(values.kills) }, (_, i) => KINDS[i % KINDS.length]!);
try {
  await forEachConcurrent(Number(values["at-once"]), kinds, async (kind) => {
    const ms = await trial(server, kind);
    found.get(kind)!.push(ms);
    console.log(`${kind}: ${(ms / 1000).toFixed(1)} s`);
  });
} finally {
  for (const child of workers) child.kill("SIGKILL");
  await server.close();
}
for (const [kind, times] of found) {
  times.sort((a, b) => a - b);
  const at = (q: number) =>
    `${((times[Math.min(times.length - 1, Math.floor(q * times.length))] ?? 0) / 1000).toFixed(1)} s`;
  console.log(`${kind}: n ${times.length}, min ${at(0)}, p50 ${at(0.5)}, p90 ${at(0.9)}, max ${at(1)}`);
}
process.exit(0);
