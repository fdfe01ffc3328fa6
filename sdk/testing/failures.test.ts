/** Values and errors that pass from code to code: the kit's workers replay them as workers of production do. */
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import {
  ActivityError,
  activity,
  CancelledError,
  ChildError,
  child,
  sleep,
  start,
  WorkflowError,
  workflow,
} from "../index.ts";
import { testEnvironment } from "./index.ts";

class CardDeclined extends WorkflowError {}

/** Whether it went on in another worker in the same way. */
async function afterRestart(env: Awaited<ReturnType<typeof testEnvironment>>, run: { status(): Promise<string> }) {
  await env.killWorker();
  await env.addWorker();
  await env.advance("2h");
  return run.status();
}

describe("values", () => {
  test("a list with holes has the same follow-ups live and in another worker", async () => {
    const rows = activity({ name: "rows" }, async () => {
      const list = ["a", "b", "c"];
      delete list[1];
      return list;
    });
    const handle = activity({ name: "handle", input: z.any() }, async () => null);
    const each = workflow({ name: "each", timeout: null }, async () => {
      const all: Promise<unknown>[] = [];
      (await rows()).forEach((row) => void all.push(handle(row)));
      await Promise.all(all);
      await sleep("1h");
    });
    await using env = await testEnvironment({ workflows: [each], activities: [rows, handle] });
    const run = await env.start(each, {});
    expect(env.attempts(handle)).toBe(3);
    expect(await afterRestart(env, run)).toBe("COMPLETED");
  });

  test("an attempt that changes its input does not change the input of the next attempt", async () => {
    const seen: string[] = [];
    const eat = activity({ name: "eat", input: z.any() }, async (input: { list: string[] }, ctx) => {
      seen.push(input.list.join());
      input.list.pop();
      if (ctx.attempt === 1) throw new Error("again");
    });
    const lunch = workflow({ name: "lunch" }, async () => void (await eat({ list: ["a", "b"] })));
    await using env = await testEnvironment({ workflows: [lunch], activities: [eat] });
    await (await env.start(lunch, {})).result();
    expect(seen).toEqual(["a,b", "a,b"]);
  });

  test("an input that is too large is told to the code that sends it", async () => {
    const put = activity({ name: "put", input: z.string() }, async () => null);
    const big = workflow({ name: "big" }, async () => {
      try {
        await put("ä".repeat(1_100_000));
      } catch (error) {
        return String(error);
      }
      return "sent";
    });
    await using env = await testEnvironment({ workflows: [big], activities: [put] });
    expect(await (await env.start(big, {})).result()).toContain(
      'the input of activity "put" has 2200002 bytes as JSON, the limit is 2097152',
    );
  });
});

describe("errors", () => {
  test("a child's failure keeps class, details and cause for its parent, as an activity's does", async () => {
    const charge = activity({ name: "charge", retry: { maxAttempts: 1 } }, async () => {
      throw new CardDeclined("declined", { details: { code: 51 } });
    });
    const direct = workflow({ name: "direct" }, async () => {
      throw new CardDeclined("declined", { details: { code: 7 } });
    });
    const through = workflow({ name: "through" }, async () => void (await charge()));
    const parent = workflow({ name: "parent" }, async () => {
      const caught = async (promise: Promise<unknown>) =>
        promise.catch((error: ChildError) => error) as Promise<ChildError>;
      const one = await caught(child(direct));
      const two = await caught(child(through));
      const handle = start(workflow({ name: "waits" }, async () => sleep("1h")) as typeof direct, {});
      handle.cancel();
      const three = await caught(handle.result());
      const inner = two.cause as ActivityError;
      return {
        classes: [one instanceof ChildError, one.cause instanceof CardDeclined, inner instanceof ActivityError],
        inner: [inner.activity, inner.cause instanceof CardDeclined, (inner.cause as CardDeclined).details],
        details: (one.cause as CardDeclined).details,
        message: one.message,
        cancelled: three.cause instanceof CancelledError,
      };
    });
    const waits = workflow({ name: "waits" }, async () => sleep("1h"));
    await using env = await testEnvironment({ workflows: [direct, through, parent, waits], activities: [charge] });
    expect(await (await env.start(parent, {})).result()).toEqual({
      classes: [true, true, true],
      inner: ["charge", true, { code: 51 }],
      details: { code: 7 },
      message: expect.stringMatching(/^child "direct" \(.*\) ended as FAILED: declined$/),
      cancelled: true,
    });
  });

  test("an error of another realm reaches the workflow with its class and message", async () => {
    const rule = activity({ name: "rule", retry: { maxAttempts: 1 } }, async () => runInNewContext("null.x") as string);
    const asks = workflow({ name: "asks" }, async () => {
      const { cause } = (await rule().catch((error: ActivityError) => error as { cause: unknown })) as {
        cause: unknown;
      };
      return [cause instanceof TypeError, String(cause)];
    });
    await using env = await testEnvironment({ workflows: [asks], activities: [rule] });
    expect(await (await env.start(asks, {})).result()).toEqual([
      true,
      "TypeError: Cannot read properties of null (reading 'x')",
    ]);
  });

  test("when every activity of Promise.any has failed, the execution fails and names them", async () => {
    const no = activity({ name: "no", retry: { maxAttempts: 1 } }, async () => {
      throw new CardDeclined("declined");
    });
    const any = workflow({ name: "any" }, async () => Promise.any([no(), no()]));
    await using env = await testEnvironment({ workflows: [any], activities: [no] });
    const run = await env.start(any, {});
    await expect(run.result()).rejects.toThrow("ended FAILED");
    const last = (await run.history()).at(-1);
    expect(last).toMatchObject({ failure: { type: "AggregateError", errors: [{ type: "ActivityError" }, {}] } });
  });

  test("an option of an error that is out of range does not replace the error", async () => {
    const call = activity({ name: "call", retry: { maxAttempts: 2 } }, async () => {
      throw new WorkflowError("429 slow down", { retryAfter: -1000, details: { at: 1 } });
    });
    const asks = workflow({ name: "asks" }, async () => {
      const error = await call().catch((error: ActivityError) => error);
      return String((error as ActivityError).cause);
    });
    await using env = await testEnvironment({ workflows: [asks], activities: [call] });
    expect(await (await env.start(asks, {})).result()).toBe("WorkflowError: 429 slow down");
    expect(env.attempts(call)).toBe(2);
    expect(new WorkflowError("x", { retryAfter: "soon" as never })).toMatchObject({
      message: "x",
      retryAfterMs: undefined,
    });
  });
});
