/** A payload over the limit fails the call that it belongs to, never the execution. */
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { on, query, signal, update, WorkflowError, waitUntil, workflow } from "../index.ts";
import { environment } from "../testing/environment.ts";

const MB = 1024 * 1024;
const size = z.object({ bytes: z.number() });
const text = (bytes: number) => "x".repeat(bytes);

const grow = update("grow", size, z.string());
const fail = update("fail", size, z.string());
const refuse = update("refuse", size, z.string());
const look = query("look", z.string(), { input: size });
const end = signal("end", z.object({}));
const target = workflow({ name: "target", timeout: null, handlers: [grow, fail, refuse, look, end] }, async () => {
  let done = false;
  on(grow, ({ bytes }) => text(bytes));
  on(fail, ({ bytes }) => {
    throw new WorkflowError("it broke", { details: text(bytes) });
  });
  on(refuse, ({ bytes }) => String(bytes), {
    validate: ({ bytes }) => {
      throw new WorkflowError("not now", { details: text(bytes) });
    },
  });
  on(look, ({ bytes }) => text(bytes));
  on(end, () => {
    done = true;
  });
  await waitUntil(() => done);
  return "ended";
});

describe("answers of handlers", () => {
  const ask = async (kind: "updates" | "queries", name: string, bytes: number) => {
    await using env = await environment({ workflows: [target] });
    const run = await env.start(target, {});
    const call = (n: number) =>
      env.api("POST", `/v1/workflows/executions/${run.id}/${kind}`, { name, input: { bytes: n } });
    const large = await call(bytes);
    const small = await call(3);
    await run.signal(end, {});
    expect(await run.result()).toBe("ended");
    return { large, small };
  };

  test.each([
    [3, /the answer of update .*grow.* has 3145730 bytes, the limit is 2097152/],
    [20, /the answer of update .*grow.* has more than 8388608 bytes as JSON/],
  ])("an update's answer of %d MB fails that update alone, and its caller gets the reason", async (mb, why) => {
    const { large, small } = await ask("updates", "grow", mb * MB);
    expect(large).toMatchObject({ status: 413, body: { code: "PAYLOAD_TOO_LARGE" } });
    expect(JSON.stringify(large.body)).toMatch(why);
    expect(small).toMatchObject({ status: 200, body: { result: "xxx" } });
  });

  test("an update's answer within the limit in characters, and over it in bytes, fails that update", async () => {
    const wide = update("wide", size, z.string());
    const speaks = workflow({ name: "speaks", timeout: null, handlers: [wide, end] }, async () => {
      let done = false;
      on(wide, ({ bytes }) => "ü".repeat(bytes));
      on(end, () => {
        done = true;
      });
      await waitUntil(() => done);
    });
    await using env = await environment({ workflows: [speaks] });
    const run = await env.start(speaks, {});
    await expect(run.update(wide, { bytes: 1.5 * MB })).rejects.toThrow(/413/);
    await run.signal(end, {});
    expect(await run.status()).toBe("COMPLETED");
  });

  test.each([
    [3, /the answer of query .*look.* has \d+ bytes, the limit is 2097152/],
    [20, /the answer of query .*look.* has more than 8388608 bytes as JSON/],
  ])("a query's answer of %d MB fails that query alone", async (mb, why) => {
    const { large, small } = await ask("queries", "look", mb * MB);
    expect(large).toMatchObject({ status: 413, body: { code: "PAYLOAD_TOO_LARGE" } });
    expect(JSON.stringify(large.body)).toMatch(why);
    expect(small).toMatchObject({ status: 200, body: { result: "xxx" } });
  });

  test("an update that fails or is refused with details too large to record is recorded without them", async () => {
    const broken = await ask("updates", "fail", 3 * MB);
    expect(broken.large).toMatchObject({ status: 424 });
    expect(JSON.stringify(broken.large.body)).toMatch(/it broke/);
    const refused = await ask("updates", "refuse", 3 * MB);
    expect(refused.large).toMatchObject({ status: 422 });
    expect(JSON.stringify(refused.large.body)).toMatch(/not now/);
  });

  test("an execution whose code has a bug with details too large to record waits for repaired code like any other", async () => {
    let fixed = false;
    const buggy = workflow({ name: "buggy", timeout: null, deterministic: false }, async () => {
      if (!fixed) throw Object.assign(new TypeError("no"), { details: text(3 * MB) });
      return "repaired";
    });
    await using env = await environment({ workflows: [buggy] });
    const run = await env.start(buggy, {});
    expect(await run.history()).toContainEqual(expect.objectContaining({ kind: "workflow_task_failed" }));
    fixed = true;
    await env.advance("2m"); // the repaired code is tried
    expect(await run.result()).toBe("repaired");
  });
});

describe("large messages that waited together", () => {
  const load = signal("load", z.object({ n: z.number(), text: z.string() }));
  const gather = workflow(
    { name: "gather", input: z.object({ wanted: z.number() }), timeout: null, handlers: [load] },
    async ({ wanted }) => {
      const got: number[] = [];
      on(load, ({ n }) => {
        got.push(n);
      });
      await waitUntil(() => got.length >= wanted);
      return got;
    },
  );
  /** Sends the messages while no worker is alive. */
  const gathered = async (wanted: number, count: number) => {
    const env = await environment({ workflows: [gather], workers: 1 });
    const run = await env.start(gather, { wanted });
    await env.killWorker();
    for (let n = 1; n <= count; n++) await run.signal(load, { n, text: text(1.9 * MB) });
    await env.addWorker();
    const result = await run.result();
    const history = await run.history();
    await env.close();
    return { result, history };
  };

  test("are all recorded, however many they are", async () => {
    const { result } = await gathered(10, 10);
    expect(result.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test.each([5, 12])("are all recorded before the run ends, though it ends at the first of %d", async (count) => {
    const { result, history } = await gathered(1, count);
    expect(result).toHaveLength(1);
    const taken = history.flatMap((e) => (e.kind === "signal_received" ? [e.message] : []));
    expect(taken).toHaveLength(count);
    expect(new Set(taken).size).toBe(count);
    expect(history.at(-1)!.kind).toBe("execution_completed");
  });
});
