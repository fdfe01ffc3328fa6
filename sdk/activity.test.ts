import { describe, expect, test } from "vitest";
import * as z from "zod";
import { hostFor } from "./activity.test-host.ts";
import { runActivity } from "./activity.ts";
import { toFailure } from "./failure.ts";
import {
  type ActivityContext,
  activity,
  executionInfo,
  log,
  now,
  sleep,
  UsageError,
  uuid,
  WorkflowError,
} from "./index.ts";

describe("one attempt", () => {
  test("gets input checked with defaults and conversions, and its result is checked and turned into plain JSON", async () => {
    const plan = activity(
      {
        name: "plan",
        input: z.object({ at: z.coerce.date(), size: z.int().default(3) }),
        output: z.object({ label: z.string().trim(), day: z.iso.date() }),
      },
      async ({ at, size }) => ({ label: `  ${at.getUTCFullYear()} ${size} `, day: "2026-03-01", secret: "dropped" }),
    );
    expect(await runActivity(plan, { at: "2026-03-01T00:00:00Z" }, hostFor().host)).toEqual({
      label: "2026 3",
      day: "2026-03-01",
    });
  });

  test("input or output that does not fit its schema fails the activity without retries, and the error names the place", async () => {
    const strict = activity(
      { name: "strict", input: z.object({ n: z.number() }), output: z.object({ n: z.number() }) },
      (async () => ({
        n: "5",
      })) as never,
    );
    const wrongInput = await runActivity(strict, { n: "5" }, hostFor().host).catch(toFailure);
    expect(wrongInput).toMatchObject({
      type: "InvalidValueError",
      non_retryable: true,
      message: expect.stringContaining('the input of activity "strict"'),
    });
    const wrongOutput = await runActivity(strict, { n: 5 }, hostFor().host).catch(toFailure);
    expect(wrongOutput).toMatchObject({
      type: "InvalidValueError",
      non_retryable: true,
      message: expect.stringContaining('the result of activity "strict"'),
    });
  });

  test("a result that JSON cannot represent fails the activity without retries", async () => {
    const odd = activity({ name: "odd" }, async () => ({ rows: new Set([1]) }));
    const failure = await runActivity(odd, null, hostFor().host).catch(toFailure);
    expect(failure).toMatchObject({
      non_retryable: true,
      message: expect.stringContaining('the result of activity "odd".rows is a Set'),
    });
  });

  test("gets the ids of its execution, and an idempotency key that is the same for all attempts", async () => {
    const seen: ActivityContext[] = [];
    const look = activity({ name: "look" }, (_, ctx) => {
      ctx.heartbeat({ done: 5 });
      seen.push(ctx);
    });
    const { host, beats } = hostFor({ lastHeartbeat: { done: 3 }, resources: { db: "open" } });
    await runActivity(look, null, host);
    await runActivity(look, null, { ...host, attempt: 3 });
    expect(seen[0]).toMatchObject({
      execution: "order-1",
      run: "run-1",
      workflow: "order",
      activity: 4,
      attempt: 2,
      idempotencyKey: "run-1/4",
      lastHeartbeat: { done: 3 },
      info: { name: "look", scheduledAt: 1000, deployment: "demo" },
      resources: { db: "open" },
    });
    expect(seen[1]!.idempotencyKey).toBe(seen[0]!.idempotencyKey);
    expect(beats).toEqual([{ done: 5 }, { done: 5 }]);
  });

  test("an activity that another activity calls runs at once, without retries, in the same attempt", async () => {
    let tries = 0;
    const inner = activity(
      { name: "inner", input: z.object({ n: z.number() }), output: z.number() },
      async ({ n }, ctx) => {
        tries += 1;
        if (n < 0) throw new WorkflowError("negative");
        return n * ctx.activity;
      },
    );
    const outer = activity({ name: "outer", input: z.object({ n: z.number() }) }, async ({ n }) => inner({ n }));
    expect(await runActivity(outer, { n: 2 }, hostFor().host)).toBe(8);
    await expect(runActivity(outer, { n: -1 }, hostFor().host)).rejects.toThrow("negative");
    expect(tries).toBe(2);
  });

  test("time, ids and the log are the real ones, and functions for workflow code are refused", async () => {
    const lines: string[] = [];
    const act = activity({ name: "act" }, async () => {
      log.info("hello");
      expect(Math.abs(now() - Date.now())).toBeLessThan(1000);
      expect(uuid()).not.toBe(uuid());
      await expect(sleep(1)).rejects.toThrow(
        "sleep() was called from an activity, but it exists only inside a workflow",
      );
      expect(() => executionInfo()).toThrow(UsageError);
    });
    const { host } = hostFor();
    await runActivity(act, null, { ...host, log: { ...host.log, info: (line) => void lines.push(line) } });
    expect(lines).toEqual(["hello"]);
  });
});

describe("definition", () => {
  test("a call outside workflows and activities is refused, and the error says what to do", async () => {
    const lonely = activity({ name: "lonely" }, async () => {});
    await expect(lonely()).rejects.toThrow('activity "lonely" was called outside a workflow and outside an activity');
  });

  test("options become milliseconds", () => {
    const act = activity(
      {
        name: "act",
        timeout: "30s",
        scheduleToClose: "1h",
        scheduleToStart: 5000,
        heartbeatTimeout: "PT10S",
        retry: { maxAttempts: 0, first: "200ms", factor: 1.5, max: "1m", nonRetryable: ["CardDeclined"] },
      },
      async () => {},
    );
    expect(act.options).toEqual({
      start_to_close_ms: 30_000,
      schedule_to_close_ms: 3_600_000,
      schedule_to_start_ms: 5000,
      heartbeat_ms: 10_000,
      retry: { max_attempts: 0, first_ms: 200, factor: 1.5, max_ms: 60_000, non_retryable: ["CardDeclined"] },
    });
    expect(act.name).toBe("act");
  });

  test("`with` makes an activity with other limits and does not change the original", () => {
    const act = activity({ name: "act", timeout: "30s", retry: { maxAttempts: 7, first: "2s" } }, async () => {});
    const patient = act.with({ timeout: "1h", retry: { maxAttempts: 1 } });
    expect(patient.options).toMatchObject({ start_to_close_ms: 3_600_000, retry: { max_attempts: 1, first_ms: 2000 } });
    expect(act.options).toMatchObject({ start_to_close_ms: 30_000, retry: { max_attempts: 7 } });
    expect(patient.name).toBe("act");
  });

  test.each([
    [{ name: "a\tb" }, '"a\\tb" cannot be an activity name: it is blank or holds control characters'],
    [{ name: "a", timeout: "5 jiffies" }, 'activity "a", timeout: "5 jiffies" is not a duration'],
    [{ name: "a", timeout: 0 }, "must be longer than 0"],
    [{ name: "a", heartbeatTimeout: -1 }, 'activity "a", heartbeatTimeout: -1 is not a duration'],
    [{ name: "a", retry: { maxAttempts: 1.5 } }, "retry.maxAttempts: 1.5"],
    [{ name: "a", retry: { factor: 0.5 } }, "retry.factor: 0.5"],
    [
      { name: "a", output: z.object({ at: z.date() }) },
      'activity "a", output: JSON cannot hold what this schema describes: at is a date (write z.iso.datetime()',
    ],
    [{ name: "a", input: z.object({ at: z.date() }) }, "at is a date (write z.coerce.date())"],
    [{ name: "a", output: z.array(z.map(z.string(), z.bigint())) }, "is a map (write z.record())"],
  ])("%j is refused", (config, message) => {
    expect(() => activity(config as never, async () => {})).toThrow(message);
  });
});
