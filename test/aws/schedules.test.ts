/** Schedules in DynamoDB, and their wake-ups: EventBridge Scheduler for distant times, a delayed message for near ones. */
import { CreateScheduleGroupCommand, GetScheduleCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EventBridgeTimer, nameOf } from "../../shared/aws/event-bridge-timer.ts";
import { realClock } from "../../shared/lib/clock.ts";
import type { LogEntry, ScheduleState } from "../../shared/schedule/rules/index.ts";
import type { Aws } from "../../shared/server/aws.ts";
import { scheduleState, uuid } from "../contract/subject.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";

let on: Installation;
let ports: Aws;
let scheduler: SchedulerClient;
let queueUrl: string;

const stateOf = (id: string, version: number, over: Partial<ScheduleState> = {}): ScheduleState =>
  scheduleState(id, { version, ...over });
const entry = (seq: number): LogEntry => ({ seq, at: Date.now(), outcome: "started" }) as unknown as LogEntry;

describeUnless(cannotRun)("schedules on AWS", () => {
  beforeAll(async () => {
    on = await install({ feed: false });
    const { endpoint, region, credentials } = on.account;
    const clients = on.clients();
    scheduler = new SchedulerClient({ endpoint, region, credentials });
    await scheduler.send(new CreateScheduleGroupCommand({ Name: on.prefix }));
    const made = await clients.sqs.send(new CreateQueueCommand({ QueueName: `${on.prefix}-fires` }));
    queueUrl = made.QueueUrl!;
    const attributes = { QueueUrl: queueUrl, AttributeNames: ["QueueArn" as const] };
    const queueArn = (await clients.sqs.send(new GetQueueAttributesCommand(attributes))).Attributes!.QueueArn!;
    const roleArn = "arn:aws:iam::000000000000:role/scheduler";
    const options = { group: on.prefix, roleArn, queueArn, queueUrl, deadLettersArn: queueArn };
    ports = on.adapter({ clients, timer: new EventBridgeTimer(clients, realClock, options) });
  });
  afterAll(async () => {
    scheduler?.destroy();
    await on?.end();
  });

  test("a schedule is replaced only by a caller that has seen its present version", async () => {
    const workspace = uuid();
    const one = stateOf("daily", 1);
    expect(await ports.schedules.create(workspace, { state: one, wakeAt: 5 })).toBe(true);
    expect(await ports.schedules.create(workspace, { state: stateOf("daily", 9), wakeAt: 5 })).toBe(false);
    const two = stateOf("daily", 2, { note: "x".repeat(100_000) });
    const puts = await Promise.all(
      Array.from({ length: 4 }, () => ports.schedules.replace(workspace, one, { state: two, wakeAt: null })),
    );
    expect(puts.filter(Boolean)).toHaveLength(1);
    expect(await ports.schedules.get({ workspace, schedule: "daily" })).toEqual({ state: two, wakeAt: null });
    const recreated = stateOf("daily", 2, { created_at: 2_000 });
    expect(await ports.schedules.replace(workspace, recreated, { state: recreated, wakeAt: 1 })).toBe(false);
    expect(await ports.schedules.get({ workspace: uuid(), schedule: "daily" })).toBeNull();
  });

  test("schedules are listed by id in pages, and due ones by time", async () => {
    const workspace = uuid();
    const wakes: Record<string, number | null> = { b: 20, a: 30, "c-2": null, c: 10 };
    for (const [id, wakeAt] of Object.entries(wakes)) {
      await ports.schedules.create(workspace, { state: stateOf(id, 1), wakeAt });
    }
    const ids = (states: readonly { schedule_id: string }[]) => states.map((s) => s.schedule_id);
    expect(ids(await ports.schedules.list(workspace, { limit: 2 }))).toEqual(["a", "b"]);
    expect(ids(await ports.schedules.list(workspace, { after: "b", limit: 9 }))).toEqual(["c", "c-2"]);
    const due = (await ports.schedules.due(25, 1_000)).filter((d) => d.workspace === workspace);
    expect(due).toEqual([
      { workspace, schedule: "c", wakeAt: 10 },
      { workspace, schedule: "b", wakeAt: 20 },
    ]);
  });

  test("a log is read newest first, belongs to one creation of a schedule, and is deleted with it", async () => {
    const key = { workspace: uuid(), schedule: "s" };
    const life = { ...key, createdAt: 1_000 };
    await ports.schedules.create(key.workspace, { state: stateOf("s", 1), wakeAt: null });
    for (const first of [1, 21, 41]) {
      const entries = Array.from({ length: 20 }, (_, i) => entry(first + i));
      await ports.schedules.putLog(life, entries);
      await ports.schedules.putLog(life, entries);
    }
    const seqs = async (p: { before: number; limit: number }, of = life) =>
      (await ports.schedules.log(of, p)).map((e) => e.seq);
    expect(await seqs({ before: 1e9, limit: 3 })).toEqual([60, 59, 58]);
    expect(await seqs({ before: 42, limit: 30 })).toEqual(Array.from({ length: 30 }, (_, i) => 41 - i));
    expect(await seqs({ before: 1e9, limit: 3 }, { ...life, createdAt: 2_000 })).toEqual([]);
    expect(await ports.schedules.delete(key)).toBe(true);
    expect(await ports.schedules.delete(key)).toBe(false);
    expect(await ports.schedules.get(key)).toBeNull();
    expect(await seqs({ before: 1e9, limit: 3 })).toEqual([]);
  });

  test("a distant time is set early in EventBridge Scheduler, moved there, and removed", async () => {
    const key = { workspace: uuid(), schedule: "far" };
    const at = Math.ceil(Date.now() / 60_000) * 60_000 + 3_600_000;
    const find = () => scheduler.send(new GetScheduleCommand({ Name: nameOf(key), GroupName: on.prefix }));
    await ports.schedules.arm(key, at);
    const [first, early] = [await find(), new Date(at - 180_000).toISOString().slice(0, 19)];
    expect(first.ScheduleExpression).toBe(`at(${early})`);
    expect(JSON.parse(first.Target!.Input!)).toEqual({ ...key, at, via: "scheduler" });
    await ports.schedules.arm(key, at + 60_000);
    expect((await find()).ScheduleExpression).not.toBe(first.ScheduleExpression);
    await ports.schedules.arm(key, null);
    await ports.schedules.arm(key, null);
    await expect(find()).rejects.toThrow(/not (exist|found)/i);
  });

  test("a near time is a delayed message, at most a second early", async () => {
    const key = { workspace: uuid(), schedule: "near" };
    const at = Date.now() + 1_500;
    await ports.schedules.arm(key, at);
    const receive = new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: 5 });
    const { Messages } = await ports.clients.sqs.send(receive);
    expect(JSON.parse(Messages![0]!.Body!)).toEqual({ ...key, at, via: "queue" });
    expect(Date.now()).toBeGreaterThan(at - 1_000);
    expect(Date.now()).toBeLessThan(at + 1_000);
  });
});
