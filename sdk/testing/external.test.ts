/** Signals, queries and cancel requests of one execution to another (EXTERNAL-1, EXTERNAL-2). */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import * as z from "zod";
import { MAX_PAYLOAD_BYTES } from "../../shared/protocol/limits.ts";
import {
  activity,
  type ChildHandle,
  continueAsNew,
  executionInfo,
  externalExecution,
  MessageError,
  on,
  query,
  signal,
  sleep,
  start,
  TimeoutError,
  UsageError,
  waitUntil,
  workflow,
} from "../index.ts";
import { environment } from "./environment.ts";
import { replay, testEnvironment } from "./index.ts";
import type { Internals } from "./internals.ts";

const add = signal("add", z.object({ n: z.int() }));
const end = signal("end");
const total = query("total", z.int());
const counter = workflow({ name: "counter", handlers: [add, end, total], timeout: null }, async () => {
  let sum = 0;
  let ended = false;
  on(add, ({ n }) => {
    sum += n;
  });
  on(end, () => {
    ended = true;
  });
  on(total, () => {
    if (sum < 0) throw new Error("below zero");
    return sum;
  });
  await waitUntil(() => ended);
  return { sum };
});

/** What a message was answered with. */
const told = async (message: Promise<unknown>) => {
  try {
    return { answer: (await message) ?? null };
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    return { reason: error.reason, execution: error.execution };
  }
};

test("an execution signals, asks and cancels another, and a replay sends nothing again", async () => {
  const caller = workflow({ name: "caller", timeout: null }, async () => {
    const other = externalExecution("c");
    await other.signal(add, { n: 2 });
    await other.signal("add", { n: 3 });
    const before = await other.query(total);
    await other.cancel("enough");
    await sleep("1h");
    return { before, byName: await told(other.query("total")) };
  });
  await using env = await testEnvironment({ workflows: [counter, caller], workers: 2 });
  const counted = await env.start(counter, {}, { id: "c" });
  const run = await env.start(caller, {});
  await env.killWorker(); // its last step is replayed by the other one
  expect(await run.result()).toEqual({ before: 5, byName: { reason: "NOT_RUNNING", execution: "c" } });
  await expect(counted.result()).rejects.toMatchObject({ status: "CANCELED" });
  const events = await counted.history();
  expect(events.filter(({ kind }) => kind === "signal_received")).toHaveLength(2);
  expect(events.filter(({ kind }) => kind === "cancel_requested")).toMatchObject([{ reason: "enough" }]);
  const recorded = await run.history();
  await replay(caller, { events: recorded } as never);
});

test("a parent signals and asks its child, and the child its parent", async () => {
  const tell = signal("tell", z.object({ text: z.string() }));
  const inner = workflow({ name: "inner", handlers: [add, total], timeout: null }, async () => {
    let sum = 0;
    on(add, ({ n }) => {
      sum += n;
    });
    on(total, () => sum);
    await waitUntil(() => sum > 0);
    await externalExecution(executionInfo().parent!.execution).signal(tell, { text: `it is ${sum}` });
    await sleep("1h");
    return { sum };
  });
  const outer = workflow({ name: "outer", handlers: [tell], timeout: null }, async () => {
    let said = "";
    on(tell, ({ text }) => {
      said = text;
    });
    const handle: ChildHandle = start(inner, {}, { id: "kid" });
    await handle.signal(add, { n: 4 }); // in the step that starts it
    await waitUntil(() => said !== "");
    return { said, asked: await handle.query(total), result: await handle.result() };
  });
  await using env = await testEnvironment({ workflows: [inner, outer] });
  const run = await env.start(outer, {});
  expect(await run.result()).toEqual({ said: "it is 4", asked: 4, result: { sum: 4 } });
});

test("a message to a child reaches no other execution that has its id", async () => {
  const inner = workflow({ name: "inner", handlers: [add, total], timeout: null }, async () => ({ ran: true }));
  const outer = workflow({ name: "outer", timeout: null }, async () => {
    const refused = start(inner, {}, { id: "c" });
    const toRefused = [await told(refused.signal(add, { n: 7 })), await told(refused.query(total))];
    const closed = start(inner, {}, { id: "kid" });
    await closed.result();
    return { toRefused, toClosed: await told(closed.signal(add, { n: 7 })) };
  });
  await using env = await testEnvironment({ workflows: [counter, inner, outer] });
  const counted = await env.start(counter, {}, { id: "c" });
  const run = await env.start(outer, {});
  const none = { reason: "NOT_FOUND", execution: "c" };
  expect(await run.result()).toEqual({
    toRefused: [none, none],
    toClosed: { reason: "NOT_RUNNING", execution: "kid" },
  });
  expect(await counted.query(total)).toBe(0);
});

test("a child's child number survives that the child continues as new", async () => {
  const inner = workflow({ name: "inner", handlers: [add], timeout: null }, async ({ sum = 0 }: { sum?: number }) => {
    let n = 0;
    on(add, (more) => {
      n += more.n;
    });
    await waitUntil(() => n > 0);
    if (sum === 0) return continueAsNew({ sum: n });
    return { sum: sum + n };
  });
  const outer = workflow({ name: "outer", timeout: null }, async () => {
    const handle = start(inner, {});
    await handle.signal(add, { n: 1 });
    await sleep("1h");
    await handle.signal(add, { n: 2 });
    return await handle.result();
  });
  await using env = await testEnvironment({ workflows: [inner, outer] });
  expect(await (await env.start(outer, {})).result()).toEqual({ sum: 3 });
});

test("the reason of a cancel request is a text, of the size of other values", async () => {
  const caller = workflow({ name: "caller", timeout: null }, async () => {
    const tries: unknown[] = [{ by: "me" }, "x".repeat(MAX_PAYLOAD_BYTES)];
    const asked = tries.map((reason) => externalExecution("c").cancel(reason as string));
    return (await Promise.allSettled(asked)).map((one) => one.status === "rejected" && String(one.reason.message));
  });
  await using env = await testEnvironment({ workflows: [caller] });
  expect(await (await env.start(caller, {})).result()).toEqual([
    "cancel() to execution 'c': the reason must be a text, it is of type object",
    expect.stringMatching(/^the reason of cancel\(\) to execution 'c' has \d+ bytes as JSON, the limit is/),
  ]);
});

test("each refusal is a MessageError with its reason, which a workflow may throw on", async () => {
  const caller = workflow({ name: "caller", timeout: null }, async () => {
    const c = externalExecution("c");
    const asked = [
      await told(externalExecution("nobody").signal(add, { n: 1 })),
      await told(c.signal("adds", { n: 1 })),
      await told(c.query("totals")),
      await told(c.signal("add", { n: "one" })),
      await told(c.signal(add, { n: -1 })),
      await told(c.query(total)),
      await told(c.signal(end)),
    ];
    await sleep("1m");
    asked.push(await told(c.signal(end)), await told(c.cancel()));
    return { asked: asked.map((each) => ("reason" in each ? each.reason : each.answer)) };
  });
  const failing = workflow({ name: "failing", timeout: null }, async () => externalExecution("nobody").cancel());
  await using env = await testEnvironment({ workflows: [counter, caller, failing] });
  await env.start(counter, {}, { id: "c" });
  const run = await env.start(caller, {});
  expect(await run.result()).toEqual({
    asked: [
      "NOT_FOUND",
      "NO_HANDLER",
      "NO_HANDLER",
      "INVALID_INPUT",
      null,
      "HANDLER_FAILED",
      null,
      "NOT_RUNNING",
      "NOT_RUNNING",
    ],
  });
  const failed = await env.start(failing, {});
  await expect(failed.result()).rejects.toMatchObject({ status: "FAILED" });
  expect((await failed.history()).at(-1)).toMatchObject({
    failure: { type: "MessageError", details: { execution: "nobody", reason: "NOT_FOUND" } },
  });
});

test("a parent reads the MessageError of its child with its class", async () => {
  const inner = workflow({ name: "inner", timeout: null }, async () => externalExecution("nobody").cancel());
  const outer = workflow({ name: "outer", timeout: null }, async () => {
    const error = await start(inner)
      .result()
      .catch((e: Error) => e.cause);
    return { known: error instanceof MessageError && error.reason };
  });
  await using env = await testEnvironment({ workflows: [inner, outer] });
  expect(await (await env.start(outer, {})).result()).toEqual({ known: "NOT_FOUND" });
});

test("a worker that dies after it has sent a signal leaves it to another, and the receiver takes it in once", async () => {
  const caller = workflow({ name: "caller", timeout: null }, async () => {
    await externalExecution("c").signal(add, { n: 1 });
    return {};
  });
  let calls = 0;
  let first = () => {};
  const sent = new Promise<void>((ok) => {
    first = ok;
  });
  const wire: Internals["wire"] = (inner) => ({
    close: () => inner.close(),
    async call(operation, body, options) {
      const answer = await inner.call(operation, body, options);
      if (operation !== "message" || ++calls > 1) return answer;
      first();
      return new Promise<never>(() => {}); // its answer never comes
    },
  });
  await using env = await environment({ workflows: [counter, caller], activityPatienceMs: 50 }, { wire });
  const counted = await env.start(counter, {}, { id: "c" });
  const run = await env.start(caller, {});
  await Promise.race([sent, env.advance("1s")]);
  await env.killWorker();
  await env.addWorker();
  await run.result();
  expect(calls).toBe(2);
  const [started] = await run.history();
  expect((await counted.history()).filter(({ kind }) => kind === "signal_received")).toMatchObject([
    { message: `signal#${(started as { run: string }).run}:1` },
  ]);
  expect(await counted.query(total)).toBe(1);
});

test("a query that is not answered in time ends with a TimeoutError, or with NO_ANSWER after three waits", async () => {
  const caller = workflow({ name: "caller", timeout: null }, async () => {
    const other = externalExecution("c");
    const impatient = await other.query(total, undefined, { timeout: "5s" }).catch((e: unknown) => e);
    return { impatient: impatient instanceof TimeoutError, patient: await told(other.query(total)) };
  });
  const wire: Internals["wire"] = (inner) => ({
    close: () => inner.close(),
    call: async (operation, body, options) =>
      operation === "answer" ? ({} as never) : inner.call(operation, body, options), // a worker that answers no query
  });
  await using env = await environment({ workflows: [counter, caller], activityPatienceMs: 50 }, { wire });
  await env.start(counter, {}, { id: "c" });
  const run = await env.start(caller, {});
  expect(await run.result()).toEqual({ impatient: true, patient: { reason: "NO_ANSWER", execution: "c" } });
});

test("cancelling the sender ends its wait for an answer", async () => {
  const caller = workflow({ name: "caller", timeout: null }, async () => externalExecution("c").query(total));
  const wire: Internals["wire"] = (inner) => ({
    close: () => inner.close(),
    call: async (operation, body, options) =>
      operation === "answer" ? ({} as never) : inner.call(operation, body, options),
  });
  await using env = await environment({ workflows: [counter, caller], activityPatienceMs: 50 }, { wire });
  await env.start(counter, {}, { id: "c" });
  const run = await env.start(caller, {});
  await run.cancel();
  await expect(run.result()).rejects.toMatchObject({ status: "CANCELED" });
});

test("a message needs no slot and no queue, so that a worker without activities carries it too", async () => {
  let finish = () => {};
  const slow = activity({ name: "slow" }, () => new Promise<void>((ok) => (finish = ok)));
  const caller = workflow({ name: "caller", timeout: null }, async () => {
    const working = slow();
    await externalExecution("c").signal(add, { n: 1 });
    await working;
    return {};
  });
  const options = { workflows: [counter, caller], activities: [slow], maxConcurrentActivities: 1 };
  await using env = await environment({ ...options, activityPatienceMs: 20 }, {});
  const counted = await env.start(counter, {}, { id: "c" });
  const run = await env.start(caller, {});
  await env.advance("1s");
  const places = (await run.history()).flatMap((e) => (e.kind === "activity_scheduled" ? [e.where.slice(0, 5)] : []));
  expect(places).toEqual(["local", "local"]);
  expect(await counted.query(total)).toBe(1); // while `slow` has the only slot
  finish();
  await run.result();
});

test("payloads are encoded for the receiver, and the answer is decoded", async () => {
  const caller = workflow({ name: "caller", timeout: null }, async () => {
    const other = externalExecution("c");
    await other.signal(add, { n: 7 });
    return { total: await other.query(total) };
  });
  const encoding = { encryption: { mode: "full", key: randomBytes(32).toString("hex") } } as const;
  await using env = await testEnvironment({ workflows: [counter, caller], encoding });
  await env.start(counter, {}, { id: "c" });
  expect(await (await env.start(caller, {})).result()).toEqual({ total: 7 });
});

test("a run that continues as new takes in a signal of its own earlier self", async () => {
  const looping = workflow({ name: "looping", handlers: [add], timeout: null }, async ({ n = 0 }: { n?: number }) => {
    let sum = n;
    on(add, (x) => {
      sum += x.n;
    });
    if (n === 0) {
      await externalExecution(executionInfo().execution).signal(add, { n: 5 });
      await waitUntil(() => sum > 0);
      return continueAsNew({ n: sum });
    }
    return { sum };
  });
  await using env = await testEnvironment({ workflows: [looping] });
  expect(await (await env.start(looping, {})).result()).toEqual({ sum: 5 });
});

test("wrong ids and names are refused where they are written, and so is a call outside a workflow", async () => {
  expect(() => externalExecution("no spaces")).toThrow(UsageError);
  await expect(externalExecution("x").signal("__submit", {})).rejects.toThrow("reserved");
  await expect(externalExecution("x").signal("go", {})).rejects.toThrow("only inside a workflow");
});
