/** The contract of the port on the AWS adapter over the emulator, and the handling of its wake-up messages. */
import { setTimeout as delay } from "node:timers/promises";
import { CreateScheduleGroupCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { CreateQueueCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { EventBridgeTimer } from "../../../shared/aws/event-bridge-timer.ts";
import { WakeUp } from "../../../shared/aws/wake-up.ts";
import { type ScheduleKey, UnreadableSchedule } from "../../../shared/ports.ts";
import { pause, resume } from "../../../shared/schedule/rules/index.ts";
import { change, create } from "../../../shared/schedule/service/index.ts";
import type { Aws } from "../../../shared/server/aws.ts";
import { takeWakeUp } from "../../../shared/server/aws-wake-up.ts";
import { cannotRun, type Installation, install } from "../../aws/account.ts";
import { ManualClock } from "../../contract/manual-clock.ts";
import { schedulesContract } from "../../contract/schedules.ts";
import { definition, uuid } from "../../contract/subject.ts";
import { describeUnless } from "../../support/describe-unless.ts";
import { MINUTE, SECOND } from "./stage.ts";

let installation: Installation;

describeUnless(cannotRun)("on AWS", () => {
  beforeAll(async () => {
    installation = await install({ feed: false });
  });
  afterAll(() => installation?.end());

  schedulesContract("aws", async () => ({
    ports: installation.adapter(),
    pass: (ms) => delay(ms) as Promise<void>,
  }));

  describe("a wake-up message", () => {
    const clock = new ManualClock(Math.ceil(Date.now() / 3_600_000) * 3_600_000);
    const workspace = uuid();
    let scheduler: SchedulerClient;
    let queueUrl: string;
    let ports: Aws;

    beforeAll(async () => {
      const { endpoint, region, credentials } = installation.account;
      const group = installation.prefix;
      scheduler = new SchedulerClient({ endpoint, region, credentials });
      await scheduler.send(new CreateScheduleGroupCommand({ Name: group }));
      const clients = installation.clients();
      queueUrl = (await clients.sqs.send(new CreateQueueCommand({ QueueName: `${group}-fires` }))).QueueUrl!;
      const arn = `arn:aws:sqs:${region}:000000000000:${group}`;
      const options = {
        group,
        roleArn: "arn:aws:iam::000000000000:role/scheduler",
        queueArn: `${arn}-fires`,
        queueUrl,
        deadLettersArn: `${arn}-dead`,
      };
      const timer = new EventBridgeTimer(clients, clock, options);
      const log = { info: () => {}, warn: () => {}, error: console.error };
      ports = installation.adapter({ clients, clock, timer, log, settings: { livenessMs: 1e13 } });
      const worker = { workspace, deployment: "shop", worker: "w", session: uuid() };
      await ports.registry.register({ ...worker, definitions: [definition("orders")], now: clock.now() });
    });
    afterAll(() => scheduler?.destroy());

    async function scheduled(every: string): Promise<{ workspace: string; schedule: string }> {
      const schedule_id = `s-${uuid()}`;
      const spec = { intervals: [{ every }], policy: { overlap: 6 } };
      await create(ports, workspace, {
        schedule_id,
        workflow_name: "orders",
        deployment_name: "shop",
        definition: spec,
      });
      await received(); // the message that the create sent
      return { workspace, schedule: schedule_id };
    }
    /** The messages that are visible now. */
    async function received(): Promise<WakeUp[]> {
      const { Messages } = await ports.clients.sqs.send(
        new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
      );
      return (Messages ?? []).map(({ Body }) => WakeUp.parse(JSON.parse(Body!)));
    }
    const wakeAt = async (key: { workspace: string; schedule: string }) => (await ports.schedules.get(key))!.wakeAt!;
    const runs = async (key: { workspace: string; schedule: string }) =>
      (await ports.schedules.get(key))!.state.recent.map(({ started_at, scheduled_at }) => started_at - scheduled_at);

    test("that arrives less than a second early waits for the due time, and the run starts on time", async () => {
      const key = await scheduled("PT30S");
      const at = await wakeAt(key);
      await clock.advance(at - 900 - clock.now());
      const taken = takeWakeUp(ports, { ...key, at, via: "queue" });
      while (!(await Promise.race([taken.then(() => true), delay(100).then(() => false)]))) await clock.advance(100);
      expect(await taken).toBe("woken");
      expect((await runs(key))[0]).toBeLessThan(200);
      expect(await wakeAt(key)).toBe(at + 30 * SECOND);
    });

    test("that is doubled, or names another time than the schedule's, is dropped and starts nothing", async () => {
      const key = await scheduled("PT30S");
      const at = await wakeAt(key);
      await clock.advance(at - clock.now());
      const both = [takeWakeUp(ports, { ...key, at, via: "queue" }), takeWakeUp(ports, { ...key, at, via: "queue" })];
      await Promise.all(both);
      expect(await runs(key)).toHaveLength(1);
      expect(await takeWakeUp(ports, { ...key, at, via: "queue" })).toBe("outdated");
      await change(ports, key, (state, now) => pause(state, now));
      expect(await takeWakeUp(ports, { ...key, at: at + 30 * SECOND, via: "queue" })).toBe("outdated");
      await change(ports, key, (state, now) => resume(state, now));
      expect(await takeWakeUp(ports, { ...key, at: at - 1, via: "queue" })).toBe("outdated");
      await ports.schedules.delete(key);
      expect(await takeWakeUp(ports, { ...key, at, via: "queue" })).toBe("outdated");
    });

    test("of EventBridge Scheduler is sent on to the present wake-up time of the schedule", async () => {
      const key = await scheduled("PT1H");
      const at = await wakeAt(key);
      await clock.advance(at - 3 * MINUTE - clock.now());
      for (const named of [at, at - 5 * MINUTE]) {
        expect(await takeWakeUp(ports, { ...key, at: named, via: "scheduler" })).toBe("sent on");
      }
      expect(await runs(key)).toEqual([]);
      await clock.advance(3 * MINUTE);
      expect(await takeWakeUp(ports, { ...key, at, via: "queue" })).toBe("woken");
      expect(await runs(key)).toEqual([0]);
    });

    /** Replaces the stored state, as an earlier version of the program might have left it. */
    async function store(key: ScheduleKey, over: object) {
      const stored = (await ports.schedules.get(key))!;
      const state = { ...stored.state, version: stored.state.version + 1, ...over };
      expect(await ports.schedules.replace(workspace, stored.state, { ...stored, state })).toBe(true);
    }

    test("for a schedule over its budget pauses it with a note, and no further message is sent", async () => {
      const key = await scheduled("PT1M");
      const { definition } = (await ports.schedules.get(key))!.state;
      const even = [{ start: 0, end: 59, step: 2 }];
      const skip = [{ second: even, minute: [{ start: 0, end: 59 }], hour: [{ start: 0, end: 23 }] }];
      await store(key, { definition: { ...definition, intervals: [{ every: "PT2S" }], skip } });
      const at = await wakeAt(key);
      await clock.advance(at - clock.now());
      expect(await takeWakeUp(ports, { ...key, at, via: "queue" })).toBe("woken");
      const paused = (await ports.schedules.get(key))!;
      expect(paused).toMatchObject({
        wakeAt: null,
        state: { paused: true, note: expect.stringMatching(/too many steps/) },
      });
      expect(await received()).toEqual([]);
    });

    test("for a schedule that cannot be read sets it aside, and the message does not come again", async () => {
      const key = await scheduled("PT1M");
      const at = await wakeAt(key);
      await store(key, { format: 2 });
      await clock.advance(at - clock.now());
      expect(await takeWakeUp(ports, { ...key, at, via: "queue" })).toBe("outdated");
      expect(await ports.schedules.list(workspace, { limit: 100 })).toContainEqual(expect.any(UnreadableSchedule));
      await vi.waitFor(async () => {
        const due = await ports.schedules.due(Number.MAX_SAFE_INTEGER, 1_000);
        expect(due.map(({ schedule }) => schedule)).not.toContain(key.schedule);
      });
    });

    test("that was lost is replaced by the sweeper", async () => {
      const key = await scheduled("PT1H");
      await clock.advance((await wakeAt(key)) + 30 * SECOND - clock.now());
      await ports.sweep(MINUTE, clock.now() + MINUTE);
      for (let tries = 0; tries < 9 && (await runs(key)).length === 0; tries++) {
        for (const wakeUp of await received()) await takeWakeUp(ports, wakeUp); // messages of other tests are among them
      }
      expect(await runs(key)).toEqual([30 * SECOND]);
    });
  });
});
