import { expect, test } from "vitest";
import * as z from "zod";
import { activity, on, signal, sleep, waitUntil, workflow } from "../index.ts";
import { TestRefusal, testEnvironment } from "./index.ts";

const send = activity({ name: "send", input: z.object({ to: z.string() }) }, async ({ to }) => ({ sent: to }));
const report = workflow({ name: "report", input: z.object({ to: z.string() }) }, async ({ to }) => {
  await send({ to });
  return { to };
});
const options = { workflows: [report], activities: [send] };

test("a year of working days: each start at its time, none on the holidays, none missing in the log", async () => {
  await using env = await testEnvironment(options);
  const schedule = await env.schedules.create(report, {
    id: "daily",
    input: { to: "ada" },
    cron_expressions: ["0 9 * * 1-5"],
    time_zone_name: "Europe/Paris",
    skip: [{ month: [{ start: 12 }], day_of_month: [{ start: 25 }] }],
  });
  await env.advance("365 days");
  const starts = await schedule.starts();
  expect(starts).toHaveLength(260); // 261 working days of 2026, less Christmas
  expect(env.attempts(send)).toBe(260);
  expect(starts[0]!.at.toISOString()).toBe("2026-01-01T08:00:00.000Z");
  expect(starts.find(({ at }) => at.getUTCMonth() === 3)!.at.toISOString()).toBe("2026-04-01T07:00:00.000Z");
  expect(await starts[0]!.execution.result()).toEqual({ to: "ada" });
  expect((await schedule.log()).map(({ seq }) => seq)).toEqual(starts.map((_, i) => i + 1));
});

test("the log shows overlapping runs, and a waiting run starts when the one before it has closed", async () => {
  const slow = workflow({ name: "slow", timeout: null }, async () => sleep("90m"));
  await using env = await testEnvironment({ workflows: [slow] });
  const schedule = await env.schedules.create(slow, { intervals: [{ every: "PT1H" }], policy: { overlap: 2 } });
  await env.advance("4h");
  expect((await schedule.log()).map(({ outcome, scheduled_at }) => `${outcome} ${scheduled_at.slice(11, 16)}`)).toEqual(
    ["started 01:00", "buffered 02:00", "started 02:00", "buffered 03:00", "skipped_overlap 04:00", "started 03:00"],
  );
});

test("time stands still while the log of a schedule is read for the first time", async () => {
  await using env = await testEnvironment(options);
  const schedule = await env.schedules.create(report, { input: { to: "a" }, intervals: [{ every: "PT1H" }] });
  await env.advance("90m");
  const before = env.now.getTime();
  expect(await schedule.log()).toHaveLength(1);
  expect(env.now.getTime()).toBe(before);
});

test("pause, resume, trigger, update, backfill and delete take effect on the virtual clock", async () => {
  await using env = await testEnvironment(options);
  const definition = { input: { to: "a" }, intervals: [{ every: "PT1H" }], policy: { overlap: 6 as const } };
  const schedule = await env.schedules.create(report, definition);
  await schedule.pause("holidays");
  await env.advance("2h");
  await schedule.trigger();
  expect(await schedule.starts()).toHaveLength(1);
  expect(await schedule.describe()).toMatchObject({ paused: true, note: "holidays" });
  await schedule.resume();
  await schedule.update({ input: { to: "b" } });
  await env.advance("1h");
  expect(await (await schedule.starts())[1]!.execution.result()).toEqual({ to: "b" });
  await schedule.backfill({ from: new Date("2025-12-31T22:00:00Z"), to: new Date("2026-01-01T00:00:00Z") });
  expect((await schedule.log()).map(({ outcome }) => outcome)).toEqual([
    "paused",
    "paused",
    "started",
    "started",
    "started",
    "started",
    "started",
  ]);
  await schedule.delete();
  await env.advance("1 day");
  expect(env.attempts(send)).toBe(5);
  await expect(schedule.describe()).rejects.toThrow(TestRefusal);
});

test("an invalid definition or input is refused with the API's words", async () => {
  await using env = await testEnvironment(options);
  const create = (cron: string, to: unknown) =>
    env.schedules.create(report, { input: { to } as { to: string }, cron_expressions: [cron] });
  await expect(create("0 25 * * *", "a")).rejects.toThrow(/0 25 \* \* \*/);
  await expect(create("0 5 * * *", 1)).rejects.toThrow(TestRefusal);
});

test("result() says that an execution waits for a message, even if a schedule goes on without end", async () => {
  const go = signal("go");
  const waiting = workflow({ name: "waiting", timeout: null, handlers: [go] }, async () => {
    let gone = false;
    on(go, () => {
      gone = true;
    });
    await waitUntil(() => gone);
    return null;
  });
  await using env = await testEnvironment({ workflows: [report, waiting], activities: [send] });
  await env.schedules.create(report, { input: { to: "a" }, intervals: [{ every: "PT1H" }] });
  const run = await env.start(waiting, {});
  await expect(run.result()).rejects.toThrow(/waits for a message/);
});

test("schedules in code are created once by several workers; later registrations only warn about them", async () => {
  const warnings: string[] = [];
  const log = { debug: () => {}, info: () => {}, warn: (text: string) => void warnings.push(text), error: () => {} };
  const tidy = workflow(
    { name: "tidy", schedules: [{ input: {}, cron_expressions: ["0 3 * * *"] }] },
    async () => null,
  );
  await using env = await testEnvironment({ workflows: [tidy], workers: 3, log });
  const schedule = env.schedules.get("tidy-test-1");
  expect(warnings).toHaveLength(3);
  expect(warnings[0]).toContain("It now runs as schedule 'tidy-test-1'");
  expect(warnings[0]).toContain("sirocco schedule update tidy-test-1");
  expect(warnings[1]).toContain("Schedule 'tidy-test-1' exists.");
  await env.advance("2 days");
  expect(await schedule.starts()).toHaveLength(2);
  await schedule.update({ cron_expressions: ["0 4 * * *"] });
  await env.addWorker();
  expect(warnings[3]).toContain("differs from the one in the code, and was not changed");
  expect(await schedule.describe()).toMatchObject({ cron_expressions: ["0 4 * * *"], deployment_name: "test" });
});

test("a worker whose code declares an invalid schedule is refused", async () => {
  const wrong = workflow({ name: "wrong", schedules: [{ input: {}, cron_expressions: ["x"] }] }, async () => null);
  await expect(testEnvironment({ workflows: [wrong] })).rejects.toThrow(/cron_expressions\[0\] is \\"x\\"/);
});
