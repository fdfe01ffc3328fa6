/** The worker core with a host in this process: a program of no language, against the real engine. */
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type RunningServer, startServer } from "../../cli/server/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { realClock } from "../../shared/lib/clock.ts";
import type { Stimulus } from "../../shared/protocol/history.ts";
import { type Embedded, embedded } from "../../shared/server/embedded.ts";
import { httpTransport } from "../worker/http-transport.ts";
import { runCore } from "./core.ts";
import { frameStream } from "./frames.ts";
import type { CoreMessage, FromCore } from "./protocol.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };
const definition = (name: string) => ({
  name,
  input_schema: { type: "object" },
  signals: [{ name: "add", input_schema: { type: "object", properties: { n: { type: "number" } }, required: ["n"] } }],
  queries: [{ name: "total", input_schema: { type: "object" } }],
});

type Decide = (stimulus: Stimulus, seen: Stimulus[]) => object[];

/** A host whose workflow is a function from a stimulus, and those before it, to decisions. */
class StandIn {
  readonly seen = new Map<string, Stimulus[]>();
  readonly messages: FromCore[] = [];
  readonly exit: Promise<number>;
  decide: Decide = () => [];
  perform: (attempt: CoreMessage<"attempt">) => object = () => ({ result: null });
  readonly #input = new PassThrough();
  readonly #output = new PassThrough();
  readonly #waiting = new Set<() => void>();
  readonly #stream;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.exit = promise;
    this.#stream = frameStream(
      this.#output,
      this.#input,
      (value) => this.#take(value as FromCore),
      () => {},
    );
    runCore({
      input: this.#input,
      output: this.#output,
      clock: realClock,
      log,
      transport: httpTransport,
      exit: resolve,
    });
  }

  send(message: object): void {
    this.#stream.send(message);
  }

  /** As a host that is killed: its end of the pipe closes. */
  die(): void {
    this.#input.end();
  }

  async got<T extends FromCore["type"]>(type: T): Promise<CoreMessage<T>> {
    for (;;) {
      const found = this.messages.find((message) => message.type === type);
      if (found) return found as CoreMessage<T>;
      await new Promise<void>((ok) => this.#waiting.add(ok));
    }
  }

  #take(message: FromCore): void {
    this.messages.push(message);
    for (const look of this.#waiting) look();
    this.#waiting.clear();
    if (message.type === "ping") this.send({ type: "pong", n: message.n, loop: true });
    if (message.type === "attempt") this.send({ type: "outcome", attempt: message.attempt, ...this.perform(message) });
    if (message.type === "give") this.#give(message);
    if (message.type === "query") {
      const total = (this.seen.get(message.instance) ?? []).filter(({ kind }) => kind === "signal_received").length;
      this.send({ type: "answered", call: message.call, result: { total } });
    }
  }

  #give({ call, instance, groups }: CoreMessage<"give">): void {
    const seen = this.seen.get(instance) ?? [];
    this.seen.set(instance, seen);
    const decisions = groups.map((group) =>
      group.flatMap((stimulus) => {
        seen.push(stimulus);
        return this.decide(stimulus, seen);
      }),
    );
    const closed = decisions.flat().some((one) => (one as { kind: string }).kind.startsWith("execution_"));
    this.send({ type: "given", call, decisions, given: groups.at(-1)!.length, closed });
  }
}

/** One activity; completes with its result and the number of signals. */
const work: Decide = (stimulus, seen) => {
  const options = { retry: { max_attempts: 1, first_ms: 1, factor: 1, max_ms: 1 } };
  if (stimulus.kind === "execution_started") {
    return [{ kind: "activity_scheduled", activity: 1, name: "work", input: [1, "two"], args: true, options }];
  }
  const done = seen.find((one) => one.kind === "activity_completed");
  const signals = seen.filter((one) => one.kind === "signal_received").length;
  return done && signals > 0 ? [{ kind: "execution_completed", result: { work: done.result, signals } }] : [];
};

describe("the worker core", () => {
  let engine: Embedded;
  let server: RunningServer;
  let key: string;
  const hosts: StandIn[] = [];
  beforeEach(async () => {
    engine = embedded({});
    server = await startServer({ ports: engine, version: "0.0.0", port: 0 });
    ({ key } = await createKey(engine, { workspace: DEFAULT_WORKSPACE, name: "test" }));
  });
  afterEach(async () => {
    for (const host of hosts.splice(0)) host.die();
    await server.close(500);
    engine.close();
  });

  const hello = (o: object = {}) => ({
    type: "hello",
    v: 1,
    call: 1,
    host: "stand-in/1",
    deployment: "host",
    worker: "host-1",
    url: server.url,
    key,
    definitions: [definition("echo")],
    hashes: { echo: "abc" },
    activities: ["work"],
    limits: { activities: 5, workflows: 5, cached: 5 },
    ...o,
  });
  const opened = (decide: Decide = work) => {
    const host = new StandIn();
    hosts.push(host);
    host.decide = decide;
    host.perform = ({ args }) => ({ result: args });
    return host;
  };
  const ask = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${server.url}/v1/workflows${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    return (await answer.json()) as Record<string, never>;
  };

  test("runs an execution of the host's code, its activities included", async () => {
    const host = opened();
    host.send(hello());
    expect(await host.got("running")).toMatchObject({ call: 1, warnings: [] });
    await ask("POST", "/echo/execute", { execution_id: "e-1" });
    expect(await host.got("attempt")).toMatchObject({
      name: "work",
      args: [1, "two"],
      number: 1,
      last_heartbeat: null,
    });
    await ask("POST", "/executions/e-1/signals", { name: "add", input: { n: "no number" } });
    await ask("POST", "/executions/e-1/signals", { name: "add", input: { n: 3 } });
    await expect
      .poll(() => ask("GET", "/executions/e-1"))
      .toMatchObject({ status: "COMPLETED", result: { work: [1, "two"], signals: 1 } });
    await host.got("drop");
  });

  test("records a failure as the host reports it, and repeats no attempt that it calls final", async () => {
    const retry = { max_attempts: 5, first_ms: 1, factor: 1, max_ms: 1 };
    const stack = 'Traceback (most recent call last):\n  File "worker.py", line 7, in work';
    const cause = { type: "KeyError", message: "'x'", non_retryable: true };
    const failure = { type: "ApplicationError", message: "no", stack, details: [1], non_retryable: true, cause };
    const host = opened((stimulus) =>
      stimulus.kind === "execution_started"
        ? [{ kind: "activity_scheduled", activity: 1, name: "work", input: [], args: true, options: { retry } }]
        : [{ kind: "execution_completed", result: null }],
    );
    host.perform = () => ({ failure });
    host.send(hello());
    await host.got("running");
    await ask("POST", "/echo/execute", { execution_id: "e-4" });
    await expect.poll(() => ask("GET", "/executions/e-4")).toMatchObject({ status: "COMPLETED" });
    const { events } = await ask("GET", "/executions/e-4/history?decode_payloads=true");
    const failed = (events as unknown as { kind: string }[]).find(({ kind }) => kind === "activity_failed");
    expect(failed).toMatchObject({ attempt: 1, failure });
    expect(host.messages.filter(({ type }) => type === "attempt")).toHaveLength(1);
  });

  test("checks queries against the registered schema, and passes on what fits", async () => {
    const host = opened(() => []);
    host.send(hello());
    await host.got("running");
    await ask("POST", "/echo/execute", { execution_id: "e-2" });
    expect(await ask("POST", "/executions/e-2/queries", { name: "total", input: {} })).toMatchObject({
      result: { total: 0 },
    });
  });

  test("reports a decision that cannot be read as a bug of the execution, and goes on", async () => {
    const host = opened(() => [{ kind: "timer_started", timer: "one" }]);
    host.send(hello());
    await host.got("running");
    await ask("POST", "/echo/execute", { execution_id: "e-3" });
    const failed = async () => {
      const { events } = await ask("GET", "/executions/e-3/history?decode_payloads=true");
      return (events as unknown as { kind: string; failure?: { message: string } }[]).find(
        (e) => e.kind === "workflow_task_failed",
      );
    };
    await expect
      .poll(failed)
      .toMatchObject({ failure: { message: expect.stringMatching(/decision 1 \(timer_started\)/) } });
  });

  test("refuses another version of the protocol, naming both, and ends", async () => {
    const host = opened();
    host.send(hello({ v: 2 }));
    expect((await host.got("fatal")).message).toMatch(/version 2 of the host protocol, this worker core version 1/);
    expect(await host.exit).toBe(1);
  });

  test("says that the server refuses the key, and ends", async () => {
    const host = opened();
    host.send(hello({ key: "sk_wrong" }));
    expect(await host.got("refused")).toMatchObject({ call: 1, status: 401 });
    expect(await host.exit).toBe(1);
  });

  test("refuses a name that no activity may have, and ends", async () => {
    const host = opened();
    host.send(hello({ activities: ["eval task: translate", "two\nlines"] }));
    expect(await host.got("refused")).toMatchObject({
      call: 1,
      status: 400,
      message: expect.stringContaining('"two\\nlines" cannot be an activity name: it is blank or holds control'),
    });
    expect(await host.exit).toBe(1);
  });

  test("stops when it is told, and says how many attempts were abandoned", async () => {
    const host = opened();
    host.send(hello());
    await host.got("running");
    host.send({ type: "stop", grace_ms: 0 });
    expect(await host.got("stopped")).toMatchObject({ abandoned: 0 });
    expect(await host.exit).toBe(0);
  });

  test("leaves when the host dies, so that the deployment has no worker left", async () => {
    const host = opened();
    host.send(hello());
    await host.got("running");
    const active = async () => (await ask("GET", "/deployments?active_only=true")).deployments as unknown as object[];
    expect((await active()).length).toBe(1);
    host.die();
    expect(await host.exit).toBe(1);
    expect((await active()).length).toBe(0);
  });
});
