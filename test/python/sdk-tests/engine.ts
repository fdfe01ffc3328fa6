/**
 * Engines for the SDK's own tests: each with the embedded store in memory, the API over HTTP, and worker cores that hosts reach
 * by a socket in place of a pipe. Commands and answers are lines of JSON on standard input and output.
 *
 * OFFICIAL-1. Time passes as on the wall. While somebody waits for a result (`skip`), it also jumps to the next due moment as soon
 *     as no call, no workflow code and no activity is under way: what Temporal's test server does.
 */
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { startServer } from "../../../cli/server/index.ts";
import { runCore } from "../../../sdk/host/core.ts";
import { FrameReader } from "../../../sdk/host/frames.ts";
import { inProcess } from "../../../sdk/testing/transport.ts";
import { createApi, createKey, DEFAULT_WORKSPACE } from "../../../shared/api/index.ts";
import { sweep } from "../../../shared/engine/sweep.ts";
import { realClock } from "../../../shared/lib/clock.ts";
import { loadsUnderWay } from "../../../shared/lib/lazy.ts";
import type { Millis } from "../../../shared/protocol/history.ts";
import { embedded } from "../../../shared/server/embedded.ts";
import { QUIET } from "../../support/test-server.ts";

const NEVER: Millis = 1e13;
const LONGEST_TIMEOUT = 2 ** 31 - 1;
/** The tests' executions have a limit of ten years because one must be given: no clock jumps there. */
const FAR: Millis = 5 * 365 * 86_400_000;
/** Turns of the event loop without work after which nothing goes on by itself. */
const IDLE_TURNS = 6;

/** The wall's time, ahead by what was jumped over. */
class JumpingClock {
  #ahead = 0;
  readonly #timers = new Set<{ at: Millis; fn: () => void }>();
  #armed: NodeJS.Timeout | undefined;

  now(): Millis {
    return Date.now() + this.#ahead;
  }

  at(at: Millis, fn: () => void): () => void {
    const timer = { at, fn };
    this.#timers.add(timer);
    this.#arm();
    return () => {
      this.#timers.delete(timer);
    };
  }

  next(): Millis {
    return Math.min(NEVER, ...[...this.#timers].map(({ at }) => at));
  }

  jumpTo(at: Millis): void {
    this.#ahead += Math.max(0, at - this.now());
    this.#run();
  }

  close(): void {
    clearTimeout(this.#armed);
    this.#timers.clear();
  }

  #run(): void {
    for (const timer of [...this.#timers].filter(({ at }) => at <= this.now()).toSorted((a, b) => a.at - b.at)) {
      if (this.#timers.delete(timer)) timer.fn();
    }
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#armed);
    const wait = Math.min(Math.max(0, this.next() - this.now()), LONGEST_TIMEOUT);
    if (this.#timers.size > 0) this.#armed = setTimeout(() => this.#run(), wait);
  }
}

/** What hosts have been asked and have not answered. */
class Asked {
  count = 0;

  /** A pipe to the host and one from it. */
  pipes(socket: Socket): { input: Socket; output: Writable } {
    const reader = new FrameReader();
    let mine = 0;
    const add = (n: number) => {
      mine += n;
      this.count += n;
    };
    socket.on("data", (part: Buffer) => {
      for (const { type } of reader.push(part) as { type: string }[]) {
        if (type === "given" || type === "answered" || type === "outcome") add(-1);
      }
    });
    socket.on("close", () => add(-mine));
    const output = new Writable({
      write(frame: Buffer, _encoding, done) {
        const { type } = JSON.parse(frame.toString("utf8", 4)) as { type: string };
        if (type === "give" || type === "query" || type === "attempt") add(1);
        if (!socket.destroyed) socket.write(frame);
        done();
      },
    });
    return { input: socket, output };
  }
}

const turn = () => new Promise<void>((ok) => setImmediate(ok));

async function makeEngine() {
  const clock = new JumpingClock();
  const settings = {
    ...{ heartbeatMs: NEVER, sessionTimeoutMs: NEVER, livenessMs: NEVER },
    ...{ leaseMs: NEVER, graceMs: 0, retentionMs: NEVER },
  };
  const ports = embedded({ clock, settings });
  const { key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "test" });
  const server = await startServer({ ports, version: "test", port: 0 });
  const transport = inProcess(createApi(ports, { version: "test", url: server.url }), key, ports, DEFAULT_WORKSPACE);
  const asked = new Asked();
  const cores = createServer((socket) => {
    socket.on("error", () => {});
    const exit = () => void socket.end();
    runCore({ ...asked.pipes(socket), clock, hostClock: realClock, log: QUIET, transport: () => transport, exit });
  });
  await new Promise<void>((ok) => cores.listen(0, "127.0.0.1", ok));

  let waiting = 0;
  let closed = false;
  const due = () => {
    const row = ports.database.one("SELECT MIN(due_at) AS at FROM heads WHERE due_at > ?", clock.now());
    return Math.min(clock.next(), (row?.at as Millis | null) ?? NEVER);
  };
  /** OFFICIAL-1. */
  async function skip(): Promise<void> {
    let idle = 0;
    while (waiting > 0 && !closed) {
      await turn();
      const busy = transport.underWay > 0 || asked.count > 0 || loadsUnderWay() > 0;
      idle = busy ? 0 : idle + 1;
      if (busy) await new Promise<void>((ok) => setTimeout(ok, 1));
      if (idle < IDLE_TURNS) continue;
      idle = 0;
      const at = due();
      if (at - clock.now() > FAR) {
        await new Promise<void>((ok) => setTimeout(ok, 5));
        continue;
      }
      clock.jumpTo(at);
      await sweep(ports, 10);
    }
  }
  return {
    addresses: { api: server.url, key, cores: (cores.address() as { port: number }).port },
    skip(on: boolean) {
      waiting += on ? 1 : -1;
      if (on && waiting === 1) void skip();
    },
    async close() {
      closed = true;
      cores.close();
      await server.close(0);
      ports.close();
      clock.close();
    },
  };
}

const engines = new Map<number, Awaited<ReturnType<typeof makeEngine>>>();
for await (const line of createInterface({ input: process.stdin })) {
  const { engine, command } = JSON.parse(line) as { engine: number; command: "new" | "skip" | "wait" | "close" };
  if (command === "new") {
    const made = await makeEngine();
    engines.set(engine, made);
    console.log(JSON.stringify(made.addresses));
  } else if (command === "close") {
    await engines.get(engine)?.close();
    engines.delete(engine);
  } else engines.get(engine)?.skip(command === "skip");
}
process.exit(0);
