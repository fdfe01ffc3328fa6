/** A worker whose calls fail, whose leases lapse, and that is stopped; over the real engine, with virtual time. */
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { DEFAULT_WORKSPACE } from "../../shared/api/auth.ts";
import type { Ports } from "../../shared/ports.ts";
import type { Batch } from "../../shared/protocol/history.ts";
import type { AppendItem, WorkerBody } from "../../shared/protocol/worker.ts";
import {
  activity,
  continueAsNew,
  on,
  parallel,
  query,
  signal,
  sleep,
  start,
  task,
  waitUntil,
  workflow,
} from "../index.ts";
import { environment } from "../testing/environment.ts";
import type { Transport } from "./transport.ts";
import { ServerRefusal, ServerUnreachable } from "./transport.ts";
import type { Worker } from "./worker.ts";

type Call = Parameters<Transport["call"]>;
/** Runs `before` ahead of every call; the worker sees the errors that it throws. */
const intercepting =
  (
    before: (
      operation: Call[0],
      body: { items?: unknown[]; events?: unknown[]; answer?: { kind: string } },
      n: number,
    ) => unknown,
  ) =>
  (inner: Transport, n: number): Transport => ({
    close: () => inner.close(),
    async call(operation, body, options) {
      await before(operation, body as never, n);
      return inner.call(operation, body, options);
    },
  });
const unreachable = (operation: string) => new ServerUnreachable(operation, "cannot reach the server");

const work = activity(
  { name: "work", input: z.object({ n: z.number() }), output: z.number(), retry: { maxAttempts: 3, first: "1s" } },
  async ({ n }) => n,
);
const pair = workflow({ name: "pair", timeout: null }, async () => (await work({ n: 1 })) + (await work({ n: 2 })));

test("a run without steps is two calls of its worker: the poll brings its claim, the close finishes its task", async () => {
  const calls: string[] = [];
  const nothing = workflow({ name: "nothing" }, async () => "done");
  await using env = await environment(
    { workflows: [nothing] },
    { wire: intercepting((operation) => calls.push(operation)) },
  );
  calls.length = 0;
  const run = await env.start(nothing, {});
  expect(await run.result()).toBe("done");
  expect(calls).toEqual(["poll", "close"]);
  await env.advance("2m"); // longer than a lease
  expect(calls.filter((call) => call !== "heartbeat")).toEqual(["poll", "close"]);
});

test("VERSION-3: a worker whose server speaks only another protocol does not start, and one that names none speaks 1", async () => {
  const answering = (protocol: number | undefined) => (inner: Transport) => ({
    close: () => inner.close(),
    call: async (...[operation, body, options]: Call) => {
      const answer = await inner.call(operation, body, options);
      return (operation === "register" ? { ...answer, protocol } : answer) as never;
    },
  });
  await expect(environment({ workflows: [pair] }, { wire: answering(7) })).rejects.toThrow(
    /UNSUPPORTED_VERSION: this worker \(typescript\/\S+\) speaks worker protocol 1, and the server \(of another version\) 7/,
  );
  await using env = await environment({ workflows: [pair], activities: [work] }, { wire: answering(undefined) });
  expect(await (await env.start(pair, {})).result()).toBe(3);
});

test("each heartbeat tells slots, what takes them, cached executions, CPU and memory", async () => {
  const beats: WorkerBody<"heartbeat">[] = [];
  let go = () => {};
  const open = new Promise<void>((resolve) => {
    go = resolve;
  });
  const waits = activity({ name: "waits" }, () => open);
  const two = workflow({ name: "two" }, async () => void (await Promise.all([waits(), waits()])));
  await using env = await environment(
    { workflows: [two], activities: [waits], maxConcurrentActivities: 7, activityPatienceMs: 10 },
    {
      settings: { heartbeatMs: 10_000 },
      wire: intercepting((operation, body) => operation === "heartbeat" && beats.push(body as never)),
    },
  );
  const run = await env.start(two, {});
  await env.advance("30s");
  const { load } = beats.at(-1)!;
  expect(load).toMatchObject({ activities: 2, activity_slots: 7, workflow_tasks: 0, workflow_slots: 200, cached: 1 });
  expect(load!.memory_bytes).toBeGreaterThan(10 * 2 ** 20);
  expect(load!.cpu).toBeGreaterThanOrEqual(0);
  go();
  await run.result();
});

describe("while the server is unreachable for longer than a call is repeated", () => {
  test("a worker keeps an outcome that it could not record, and records it when the server is back", async () => {
    let down = false;
    await using env = await environment(
      { workflows: [pair], activities: [work], workers: 2 },
      {
        wire: intercepting((operation) => {
          if (down && operation === "append") throw unreachable(operation);
        }),
      },
    );
    env.stub(work, async ({ n }) => {
      if (n === 1) down = true;
      return n;
    });
    const run = await env.start(pair, {});
    await env.advance("4s"); // the other worker has taken the task over, and knows that the first worker is alive
    down = false;
    await env.advance("3s");
    expect(await run.status()).toBe("COMPLETED");
    expect(env.attempts(work)).toBe(2);
  });

  test("the slots reserved for activities that could not be recorded are free again", async () => {
    let down = true;
    const one = workflow({ name: "one", timeout: null }, () => work({ n: 1 }));
    await using env = await environment(
      { workflows: [one], activities: [work], maxConcurrentActivities: 1 },
      {
        wire: intercepting((operation) => {
          if (down && operation === "append") throw unreachable(operation);
        }),
      },
    );
    const run = await env.start(one, {});
    await env.advance("2m");
    down = false;
    expect(await run.result()).toBe(1);
    expect(await run.history()).toMatchObject([{}, { where: expect.stringMatching(/^local:/) }, {}, {}]);
  });
});

test("activities that a workflow schedules in its last step reserve no slots for ever", async () => {
  const forgets = workflow({ name: "forgets" }, async () => {
    work({ n: 1 }).catch(() => {});
    return "done";
  });
  const one = workflow({ name: "one" }, () => work({ n: 1 }));
  await using env = await environment({ workflows: [forgets, one], activities: [work], maxConcurrentActivities: 1 });
  for (let i = 0; i < 10; i++) expect(await (await env.start(forgets, {})).result()).toBe("done");
  const run = await env.start(one, {});
  expect(await run.result()).toBe(1);
  expect((await run.history())[1]).toMatchObject({ where: expect.stringMatching(/^local:/) });
});

test("when a call fails during a claim, the worker replays the whole log, not only the batches that the claim answers", async () => {
  const poke = signal("poke", z.object({ n: z.number() }));
  const waits = workflow({ name: "waits", timeout: null, handlers: [poke] }, async () => {
    const pokes: number[] = [];
    on(poke, ({ n }) => {
      pokes.push(n);
    });
    await work({ n: 1 });
    await waitUntil(() => pokes.length === 2);
    return pokes;
  });
  let ports!: Ports;
  const begin = Promise.withResolvers<void>();
  let held: "not yet" | "begin" | "no more" = "not yet";
  const byAnother = async ({ execution, have }: WorkerBody<"claim">) => {
    const id = have!.tail + 1;
    const poked = { kind: "signal_received", id, at: env.now.getTime(), message: "m", name: "poke", input: { n: 1 } };
    const batch = { first: id, events: [{ ...poked, decided: id }], append_id: "another worker" } as Batch;
    await ports.executions.putBatch({ workspace: DEFAULT_WORKSPACE, execution }, have!.run, batch, 1e6);
  };
  const wire = intercepting(async (operation, body) => {
    if (operation === "poll") delete (body as Partial<WorkerBody<"poll">>).claim_again; // the worker claims by calls
    if (operation === "begin" && held === "not yet") {
      held = "begin";
      await begin.promise;
    }
    if (operation !== "claim" || held !== "begin") return;
    held = "no more";
    await byAnother(body as WorkerBody<"claim">);
    begin.reject(unreachable("begin"));
    await new Promise((ok) => setImmediate(ok));
  });
  const engine = (e: Ports) => {
    ports = e;
  };
  await using env = await environment({ workflows: [waits], activities: [work] }, { wire, engine });
  env.failNext(work, new Error("no"));
  const run = await env.start(waits, {});
  await env.advance("2s");
  await run.signal(poke, { n: 2 });
  expect(await run.result()).toEqual([1, 2]);
  expect((await run.history()).map((e) => e.kind)).not.toContain("workflow_task_failed");
});

describe("a batch that the server refuses to read", () => {
  const tooLong = (operation: string) => new ServerRefusal(operation, 413, "PAYLOAD_TOO_LARGE", "the body is too long");

  test("fails its own execution, and none of those whose batches travelled with it", async () => {
    const poison = workflow({ name: "poison", timeout: null }, () => work({ n: 666 }));
    const one = workflow({ name: "one", timeout: null }, () => work({ n: 1 }));
    const companies: number[] = [];
    await using env = await environment(
      { workflows: [poison, one], activities: [work] },
      {
        wire: intercepting((operation, { items }) => {
          if (operation !== "append" || !JSON.stringify(items).includes('"n":666')) return; // ids hold any digits
          companies.push(items!.length);
          throw tooLong(operation);
        }),
      },
    );
    const start = (name: string, id: string) =>
      env.api("POST", `/v1/workflows/${name}/execute`, { execution_id: id, input: {} });
    await Promise.all([start("one", "a"), start("poison", "p"), start("one", "b")]);
    expect(await env.execution("p").status()).toBe("FAILED");
    expect(await env.execution("a").result()).toBe(1);
    expect(await env.execution("b").result()).toBe(1);
    expect(companies.at(-1)).toBe(1);
    expect((await env.execution("p").history()).at(-1)).toMatchObject({
      kind: "execution_failed",
      failure: { type: "PAYLOAD_TOO_LARGE" },
    });
  });

  test("fails the execution with the reason, if it is the result", async () => {
    const large = workflow({ name: "large" }, async () => ({ text: "x".repeat(3 * 1024 * 1024) }));
    await using env = await environment({ workflows: [large] });
    const run = await env.start(large, {});
    await expect(run.result()).rejects.toThrow(/FAILED.*limit is 2097152/);
  });
});

describe("stopping", () => {
  test("the activities after a running attempt go to other workers, and the worker stops when the attempt has ended", async () => {
    const workers: Worker[] = [];
    await using env = await environment(
      { workflows: [pair], activities: [work], activityPatienceMs: 10 },
      { worker: (worker) => workers.push(worker) },
    );
    let finish = () => {};
    env.stub(work, ({ n }) => (n === 1 ? new Promise((ok) => (finish = () => ok(n))) : n));
    const run = await env.start(pair, {});
    const stopping = workers[0]!.stop(30_000);
    await env.advance("5s");
    finish();
    await env.advance("1s");
    expect(await stopping).toBe(0);
    expect(env.attempts(work)).toBe(1);
    expect((await run.history()).at(-1)).toMatchObject({ kind: "activity_scheduled", activity: 2, where: "queue" });
    const before = env.now.getTime();
    await env.addWorker();
    expect(await run.result()).toBe(3);
    expect(env.now.getTime()).toBe(before); // no worker waited for a lease
  });

  test("after the grace the worker abandons its attempt, which another worker repeats at once, and begins nothing more", async () => {
    const workers: Worker[] = [];
    await using env = await environment(
      { workflows: [pair], activities: [work], activityPatienceMs: 10 },
      { worker: (worker) => workers.push(worker) },
    );
    const aborted: boolean[] = [];
    env.stub(work, ({ n }, ctx) => {
      if (n !== 1 || ctx.attempt > 1) return n;
      return new Promise<number>(() => ctx.signal.addEventListener("abort", () => aborted.push(true)));
    });
    const run = await env.start(pair, {});
    const stopping = workers[0]!.stop(10_000);
    await env.advance("11s");
    expect(await stopping).toBe(1);
    expect(aborted).toEqual([true]);
    await env.addWorker();
    expect(await run.result()).toBe(3);
    expect(await run.history()).toContainEqual(
      expect.objectContaining({ kind: "activity_attempt_failed", reason: "lost" }),
    );
  });

  test("what a worker abandons goes to another one before its polls have ended", async () => {
    const workers: Worker[] = [];
    const ended = Promise.withResolvers<void>();
    let first: Transport | undefined;
    const wire = (inner: Transport): Transport => {
      const transport: Transport = {
        close: () => inner.close(),
        async call(operation, body, options) {
          const answer = await inner.call(operation, body, options);
          // The first worker's polls last on, as those of SQS do.
          if (operation === "poll" && transport === first && stopping) await ended.promise;
          return answer;
        },
      };
      first ??= transport;
      return transport;
    };
    let stopping: Promise<number> | null = null;
    await using env = await environment(
      { workflows: [pair], activities: [work] },
      { wire, worker: (worker) => workers.push(worker) },
    );
    env.stub(work, ({ n }, ctx) => (n === 1 && ctx.attempt === 1 ? new Promise<number>(() => {}) : n));
    const run = await env.start(pair, {});
    let stopped = false;
    stopping = workers[0]!.stop(0).finally(() => {
      stopped = true;
    });
    const before = env.now.getTime();
    await env.addWorker();
    expect(await run.result()).toBe(3);
    expect(env.now.getTime()).toBe(before); // nobody waited for a lease
    expect(stopped).toBe(false);
    ended.resolve();
    expect(await stopping).toBe(1);
    expect(workers[0]!.stats).toEqual({ running: 0, queued: 0, cached: 0, held: 0 });
  });

  test("told at once, an attempt that ends without a result goes to another worker, and the stop does not wait for the grace", async () => {
    const workers: Worker[] = [];
    await using env = await environment(
      { workflows: [pair], activities: [work], activityPatienceMs: 10 },
      { worker: (worker) => workers.push(worker), abortAtShutdown: "at_once" },
    );
    const heard: unknown[] = [];
    env.stub(work, ({ n }, ctx) => {
      if (n !== 1 || ctx.attempt > 1) return n;
      return new Promise<number>((_, no) =>
        ctx.signal.addEventListener("abort", () => {
          heard.push(ctx.signal.reason.message);
          no(new Error("interrupted"));
        }),
      );
    });
    const run = await env.start(pair, {});
    const before = env.now.getTime();
    const stopping = workers[0]!.stop(30_000);
    await env.advance("1s");
    expect(await stopping).toBe(1);
    expect(env.now.getTime() - before).toBe(1_000);
    expect(heard).toEqual([expect.stringContaining("the worker is stopping")]);
    await env.addWorker();
    expect(await run.result()).toBe(3);
    const kinds = await run.history();
    expect(kinds).toContainEqual(expect.objectContaining({ kind: "activity_attempt_failed", reason: "lost" }));
    expect(JSON.stringify(kinds)).not.toContain("interrupted");
  });

  test("told at once, an attempt may still return its result", async () => {
    const workers: Worker[] = [];
    await using env = await environment(
      { workflows: [pair], activities: [work], activityPatienceMs: 10 },
      { worker: (worker) => workers.push(worker), abortAtShutdown: "at_once" },
    );
    env.stub(work, ({ n }, ctx) =>
      n === 1 ? new Promise<number>((ok) => ctx.signal.addEventListener("abort", () => ok(n))) : n,
    );
    const run = await env.start(pair, {});
    const stopping = workers[0]!.stop(30_000);
    await env.advance("1s");
    expect(await stopping).toBe(0);
    await env.addWorker();
    expect(await run.result()).toBe(3);
    expect(env.attempts(work)).toBe(2);
  });

  test("a worker without work stops at once, and a second stop changes nothing", async () => {
    const workers: Worker[] = [];
    await using env = await environment({ workflows: [pair] }, { worker: (worker) => workers.push(worker) });
    expect(await workers[0]!.stop(30_000)).toBe(0);
    expect(await workers[0]!.stop(30_000)).toBe(0);
    expect(workers[0]!.stats).toEqual({ running: 0, queued: 0, cached: 0, held: 0 });
    await env.untilIdle();
  });
});

describe("attempts that wait for a slot", () => {
  const many = workflow({ name: "many", timeout: null }, async () => parallel([1, 2, 3], (n) => work({ n })));

  test("long attempts go through the queue to workers with free slots, and do not wait for each other", async () => {
    await using env = await environment({
      workflows: [many],
      activities: [work],
      workers: 3,
      maxConcurrentActivities: 1,
      activityPatienceMs: 10,
    });
    const finish: (() => void)[] = [];
    env.stub(work, ({ n }) => new Promise((ok) => finish.push(() => ok(n))));
    const run = await env.start(many, {});
    expect(finish).toHaveLength(3);
    for (const end of finish) end();
    expect(await run.result()).toEqual([1, 2, 3]);
  });

  test("an attempt that is cancelled while it waits never begins", async () => {
    const warm = workflow({ name: "warm" }, () => work({ n: 0 }));
    await using env = await environment({
      workflows: [many, warm],
      activities: [work],
      maxConcurrentActivities: 1,
      activityPatienceMs: 10,
    });
    await env.start(warm, {}); // now attempts are known to be short, so a few may wait here
    const begun: number[] = [];
    env.stub(work, ({ n }, ctx) => {
      begun.push(n);
      return new Promise((_, no) => ctx.signal.addEventListener("abort", () => no(ctx.signal.reason)));
    });
    const run = await env.start(many, {});
    expect(begun).toEqual([1]);
    await run.cancel();
    expect(await run.status()).toBe("CANCELED");
    await env.advance("1m");
    expect(begun).toEqual([1]);
  });
});

test("the limits of local attempts hold when the worker's clock is an hour ahead", async () => {
  const brief = activity({ name: "brief", scheduleToClose: "1m" }, async (_, ctx) => ctx.info.scheduledAt);
  const calls = workflow({ name: "calls", timeout: null }, async () => await brief());
  await using env = await environment({ workflows: [calls], activities: [brief] }, { skewMs: 3_600_000 });
  const run = await env.start(calls, {});
  expect(await run.result()).toBe(env.now.getTime() + 3_600_000);
});

test("while one activity runs for hours, the worker keeps the lease of one task, however many messages come", async () => {
  const poke = signal("poke", z.object({}));
  const long = activity({ name: "long", timeout: "5h" }, () => new Promise(() => {}));
  const busy = workflow({ name: "busy", timeout: null, handlers: [poke] }, async () => {
    on(poke, () => {});
    await long();
  });
  const workers: Worker[] = [];
  await using env = await environment(
    { workflows: [busy], activities: [long], activityPatienceMs: 10 },
    { worker: (worker) => workers.push(worker) },
  );
  const run = await env.start(busy, {});
  for (let i = 0; i < 20; i++) await run.signal(poke, {});
  expect(workers[0]!.stats).toMatchObject({ running: 1, held: 1 });
  await env.advance("4h");
  expect(workers[0]!.stats).toMatchObject({ running: 1, held: 1 });
  expect(env.attempts(long)).toBe(1);
});

describe("queries", () => {
  const status = query("status", z.string());

  test("of an execution whose first act is to wait are answered after the worker was replaced", async () => {
    const waits = workflow({ name: "waits", timeout: null, handlers: [status] }, async () => {
      on(status, () => "waiting");
      await waitUntil(() => false);
    });
    await using env = await environment({ workflows: [waits], workers: 2 });
    const run = await env.start(waits, {});
    expect(await run.query(status)).toBe("waiting");
    for (let i = 0; i < 3; i++) {
      await env.killWorker();
      await env.addWorker();
      expect(await run.query(status)).toBe("waiting");
    }
    expect(await run.history()).toHaveLength(1);
  });

  test("see what a step that is not recorded yet decides, and record nothing themselves", async () => {
    let holds = true;
    const held = Promise.withResolvers<void>();
    const slow = workflow({ name: "slow", timeout: null, handlers: [status] }, async () => {
      let step = "begun";
      on(status, () => step);
      step = "working";
      await work({ n: 1 });
      step = "worked";
      await waitUntil(() => false);
    });
    await using env = await environment(
      { workflows: [slow], activities: [work], workers: 2 },
      {
        wire: intercepting(async (operation) => {
          if (operation === "append" && holds) await held.promise;
        }),
      },
    );
    const run = await env.start(slow, {});
    await env.killWorker();
    await env.killWorker();
    await env.addWorker();
    const asked = run.query(status);
    holds = false;
    held.resolve();
    expect(["working", "worked"]).toContain(await asked);
    await env.advance("2m");
    expect(await run.query(status)).toBe("worked");
    const decisions = (await run.history()).filter(({ kind }) => kind === "activity_scheduled");
    expect(decisions).toHaveLength(1);
  });

  test("fail with the reason when the code does not replay, and are answered again when it does", async () => {
    let broken = false;
    const fragile = workflow({ name: "fragile", timeout: null, handlers: [status] }, async () => {
      on(status, () => "fine");
      if (broken) await sleep(1);
      await work({ n: 1 });
      await waitUntil(() => false);
    });
    await using env = await environment(
      { workflows: [fragile], activities: [work] },
      { limits: { cachedExecutions: 0 } },
    );
    const run = await env.start(fragile, {});
    expect(await run.query(status)).toBe("fine");
    broken = true;
    await expect(run.query(status)).rejects.toThrow(/does not replay: .*activity 1/s);
    broken = false;
    expect(await run.query(status)).toBe("fine");
  });
});

test("an answer to a query that is too long for a call fails the query at once", async () => {
  const all = query("all", z.string());
  const asks = workflow({ name: "asks", timeout: null, handlers: [all] }, async () => {
    on(all, () => "x");
    await waitUntil(() => false);
  });
  await using env = await environment(
    { workflows: [asks] },
    {
      wire: intercepting((operation, { answer }) => {
        if (operation === "answer" && answer!.kind === "result")
          throw new ServerRefusal(operation, 413, "X", "too long");
      }),
    },
  );
  const run = await env.start(asks, {});
  const at = env.now.getTime();
  await expect(run.query(all)).rejects.toThrow(/413/);
  expect(env.now.getTime()).toBe(at);
});

test("a worker that knows an older run records the messages that wait for the next run", async () => {
  const poke = signal("poke", z.object({}));
  const relay = workflow(
    { name: "relay", input: z.object({ left: z.number() }), timeout: null, handlers: [poke] },
    async ({ left }) => {
      let poked = false;
      on(poke, () => {
        poked = true;
      });
      await waitUntil(() => poked);
      return left > 0 ? continueAsNew({ left: left - 1 }) : "over";
    },
  );
  let allowed = 1;
  let waiting: (() => void)[] = [];
  const allow = (n: number) => {
    allowed = n;
    for (const go of waiting) go();
    waiting = [];
  };
  const wire = (inner: Transport, n: number): Transport => ({
    close: () => inner.close(),
    async call(operation, body, o) {
      while (operation === "poll" && n !== allowed) await new Promise<void>((ok) => waiting.push(ok));
      const answer = await inner.call(operation, body, o);
      // A task for the wrong worker is lost on its way, and is delivered again when its lease lapses.
      return operation === "poll" && n !== allowed ? ({ deliveries: [] } as never) : answer;
    },
  });
  await using env = await environment({ workflows: [relay], workers: 2 }, { wire });
  const run = await env.start(relay, { left: 1 });
  allow(2); // the first worker knows the first run
  await run.signal(poke, {});
  await env.advance("2m");
  expect((await run.history())[0]).toMatchObject({ input: { left: 0 } }); // the second worker has begun the next run
  allow(1);
  await run.signal(poke, {});
  await env.advance("2m");
  expect(await run.status()).toBe("COMPLETED");
});

test("attempts that end after their execution are logged as no errors", async () => {
  const three = workflow({ name: "three", timeout: null }, async () => parallel([1, 2, 3], (n) => work({ n })));
  const errors: string[] = [];
  const quiet = { debug() {}, info() {}, warn() {}, error: (line: string) => void errors.push(line) };
  await using env = await environment({ workflows: [three], activities: [work], activityPatienceMs: 10, log: quiet });
  const finish: (() => void)[] = [];
  env.stub(work, ({ n }, ctx) => {
    ctx.heartbeat();
    return new Promise((ok) => finish.push(() => ok(n)));
  });
  const run = await env.start(three, {});
  await run.terminate();
  await env.advance("3m"); // the worker has claimed, and knows that the execution is closed
  for (const end of finish) {
    end();
    await env.untilIdle();
  }
  expect(errors).toEqual([]);
});

test("effects that were lost with a server are performed, though the owner has only read the batch that they belong to", async () => {
  const leaf = workflow({ name: "leaf", timeout: null }, async () => "leaf");
  const root = workflow({ name: "root", timeout: null }, async () => {
    const { result } = start(leaf, {}, { id: "the-leaf" });
    return await result();
  });
  let ports!: Ports;
  let held: { items: AppendItem[] } | null = null;
  const never = new Promise<never>(() => {});
  const wire = (inner: Transport, n: number): Transport => ({
    close: () => inner.close(),
    async call(operation, body, o) {
      if (n === 1 && operation === "extend") return { lost: [] } as never; // so its lease lapses
      if (n === 1 && operation === "append") {
        held = body as { items: AppendItem[] };
        return never;
      }
      if (n === 2 && operation === "append" && held) {
        const [{ execution, run, batch }] = held.items as [AppendItem];
        held = null;
        await ports.executions.putBatch({ workspace: DEFAULT_WORKSPACE, execution }, run, batch, 1e6); // and the effects of the batch are never performed
      }
      const answer = await inner.call(operation, body, o);
      return n === 1 && operation === "poll" && held ? never : answer; // and it gets no more tasks
    },
  });
  const engine = (e: Ports) => {
    ports = e;
  };
  await using env = await environment({ workflows: [root, leaf] }, { wire, engine });
  const run = await env.start(root, {});
  expect(held).not.toBeNull();
  await env.addWorker();
  await env.advance("2m");
  expect(await run.history()).toMatchObject([{}, { kind: "child_scheduled" }]);
  await env.killWorker();
  await env.killWorker();
  await env.addWorker();
  await env.api("POST", `/v1/workflows/executions/${run.id}/cancel`);
  await env.advance("5m");
  expect((await env.api("GET", "/v1/workflows/executions/the-leaf")).status).toBe(200);
});

/** Collects four numbers, and continues as new whenever it was given some. Calls `onNumber` for each. */
function listOfFour(onNumber: () => void = () => {}, deterministic = true) {
  const give = signal("give", z.object({ n: z.number() }));
  const input = z.object({ had: z.array(z.number()) });
  return workflow({ name: "list", input, timeout: null, handlers: [give], deterministic }, async ({ had }) => {
    const got: number[] = [];
    on(give, ({ n }) => {
      onNumber();
      got.push(n);
    });
    await waitUntil(() => got.length > 0);
    const have = [...had, ...got];
    return have.length >= 4 ? { have } : continueAsNew({ had: have });
  });
}

test("messages that come together reach the runs that take them: a run leaves those that it does not see to the next", async () => {
  const list = listOfFour();
  await using env = await environment({ workflows: [list] });
  const run = await env.start(list, { had: [] });
  const target = `/v1/workflows/executions/${run.id}/signals`;
  await Promise.all([1, 2, 3, 4].map((n) => env.api("POST", target, { name: "give", input: { n } })));
  expect((await run.result()).have.toSorted()).toEqual([1, 2, 3, 4]);
});

test("messages on which broken code stopped are not lost when repaired code continues as new on one of them", async () => {
  let broken = true;
  const list = listOfFour(() => {
    if (broken) throw new TypeError("n is not a function");
  }, false);
  await using env = await environment({ workflows: [list] });
  const run = await env.start(list, { had: [] });
  const target = `/v1/workflows/executions/${run.id}/signals`;
  await Promise.all([1, 2, 3, 4].map((n) => env.api("POST", target, { name: "give", input: { n } })));
  await env.advance("10s");
  expect(await run.history()).toContainEqual(expect.objectContaining({ kind: "workflow_task_failed" }));
  broken = false;
  await env.advance("2m"); // the repaired code is tried
  expect((await run.result()).have.toSorted()).toEqual([1, 2, 3, 4]);
});

test("a chain that continues as new for ever carries a bounded number of message ids", async () => {
  const poke = signal("poke", z.object({}));
  const loop = workflow({ name: "loop", timeout: null, handlers: [poke] }, async () => {
    let pokes = 0;
    on(poke, () => {
      pokes += 1;
    });
    await waitUntil(() => pokes >= 100);
    return continueAsNew({});
  });
  await using env = await environment({ workflows: [loop] });
  const run = await env.start(loop, {});
  let carried: string[] = [];
  for (let i = 0; i < 1_100; i++) await run.signal(poke, {});
  const [started] = await run.history();
  if (started?.kind === "execution_started") carried = started.carried;
  expect(carried.length).toBeGreaterThanOrEqual(1_000);
  expect(carried.length).toBeLessThanOrEqual(1_010); // and the ids of messages whose deletion is not confirmed
});

test("progress of an activity carries the server's time", async () => {
  const times: number[] = [];
  const talks = activity({ name: "talks" }, () => task("said", {}, async (t) => t.set({ word: "hello" })));
  const calls = workflow({ name: "calls" }, async () => void (await talks()));
  await using env = await environment(
    { workflows: [calls], activities: [talks] },
    {
      skewMs: 3_600_000,
      wire: intercepting((operation, { events }) => {
        if (operation === "publish") times.push(...events!.map((e) => (e as { at: number }).at));
      }),
    },
  );
  const now = env.now.getTime();
  await (await env.start(calls, {})).result();
  expect(times).toEqual([now, now, now]);
});

test("a query that has waited too long for a worker is dropped without an answer", async () => {
  const look = query("look", z.string());
  const idle = workflow({ name: "idle", timeout: null, handlers: [look] }, async () => {
    on(look, () => "here");
    await sleep("1d");
  });
  const answers: unknown[] = [];
  let ports!: Ports;
  await using env = await environment(
    { workflows: [idle] },
    {
      engine: (e) => {
        ports = e;
      },
      wire: intercepting((operation, { answer }) => {
        if (operation === "answer") answers.push(answer);
      }),
    },
  );
  const run = await env.start(idle, {});
  await env.killWorker();
  await env.advance("31s"); // its long poll has ended
  await expect(run.query(look)).rejects.toThrow(/504.*no live worker/);
  await env.addWorker();
  await env.advance("1m");
  expect(answers).toEqual([]);
  expect(await run.query(look)).toBe("here");
  expect(answers).toHaveLength(1);
  const left = { workspace: DEFAULT_WORKSPACE, deployment: "test", queue: "workflow" } as const;
  expect(await ports.tasks.receive(left, { session: "anybody", max: 9, waitMs: 0 })).toEqual([]);
});

test("a worker whose clock is a little ahead asks at short intervals whether another is dead, not in a busy loop", async () => {
  const hangs = activity({ name: "hangs", timeout: "1h" }, () => new Promise(() => {}));
  const both = workflow({ name: "both", timeout: null }, async () => {
    await Promise.all([hangs(), sleep("25s").then(() => hangs())]);
  });
  const asked: number[] = [];
  const wire = intercepting((operation, _, n) => {
    if (operation !== "sessions" || n !== 2) return;
    asked.push(env.now.getTime());
    if (asked.length > 500) throw unreachable(operation); // in a busy loop the virtual time would never move on
  });
  const settings = { heartbeatMs: 10_000, sessionTimeoutMs: 30_000, livenessMs: 50_000 };
  const options = { workflows: [both], activities: [hangs], activityPatienceMs: 10 };
  await using env = await environment(options, { skewMs: 40, settings, wire });
  const begun = env.now.getTime();
  await env.advance("9s");
  await env.start(both, {}); // its lease is extended at 19 and 29 s, the heartbeats are at 20 and 30 s
  await env.advance("22s");
  await env.killWorker();
  await env.addWorker();
  await env.advance("28500ms"); // the lease has lapsed, and the second worker has an attempt of its own
  expect(env.attempts(hangs)).toBe(2);
  const before = asked.length;
  await env.advance("1s"); // the first worker is dead 60 s after the beginning, 40 ms after the second expects it
  expect(env.attempts(hangs)).toBe(3);
  expect(asked.slice(before).map((at) => at - begun)).toEqual([59_961, 60_061]);
});
