/** Schedules in the deployed stack: the Python client creates them, they start runs, and a delete leaves nothing armed. */
import { GetScheduleCommand, ListSchedulesCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { GetQueueAttributesCommand, type QueueAttributeName, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Deployment } from "../../../localstack/deploy.ts";
import { nameOf } from "../../../shared/aws/event-bridge-timer.ts";
import { realClock } from "../../../shared/lib/clock.ts";
import { ScriptedWorker } from "../../api/support/scripted-worker.ts";
import { DEPLOYED_WITHIN_MS, sharedStack } from "../../emulator/shared-stack.ts";
import { cannotRun, eventually } from "../../emulator/support.ts";
import { python, whyNoPythonClient } from "../../python/client.ts";
import { describeUnless } from "../../support/describe-unless.ts";

const whyNot = cannotRun ?? (await whyNoPythonClient());
type Shown = { recent_executions: { scheduled_at: string; started_at: string; execution_id: string }[] };

let stack: Deployment;
let workspace: string;
let key: string;
let beats: NodeJS.Timeout;
let scheduler: SchedulerClient;
let sqs: SQSClient;

const py = (...args: string[]) =>
  python("schedules", { url: stack.apiUrl, key }, ...args) as Promise<unknown> as Promise<Shown>;
const runsOf = async (id: string) => (await py("get", id)).recent_executions;
const armed = async () => {
  const found = await scheduler.send(new ListSchedulesCommand({ GroupName: stack.outputs.ScheduleGroup }));
  const mine = ["often", "monthly"].map((schedule) => nameOf({ workspace, schedule }));
  return found.Schedules!.map(({ Name }) => Name!).filter((name) => mine.includes(name));
};
const countRuns = async () => {
  const answer = await fetch(`${stack.apiUrl}/v1/workflows/runs?page_size=1000`, {
    headers: { authorization: `Bearer ${key}` },
  });
  return ((await answer.json()) as { executions: unknown[] }).executions.length;
};

const MESSAGES = ["", "NotVisible", "Delayed"].map(
  (kind) => `ApproximateNumberOfMessages${kind}` as QueueAttributeName,
);
/** Resolves when the queue of wake-ups is empty: a message that was sent before is handled or deleted by then. */
const wakeUpsHandled = () =>
  eventually(
    "all wake-up messages are handled",
    async () => {
      const QueueUrl = stack.outputs.ScheduleQueueUrl!;
      const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: MESSAGES }));
      return MESSAGES.every((name) => Attributes![name] === "0") || undefined;
    },
    30_000,
  );

describeUnless(whyNot)("schedules of an installation on AWS", () => {
  beforeAll(async () => {
    const shared = await sharedStack();
    ({ stack, workspace, key } = shared);
    const worker = new ScriptedWorker({ url: stack.workerUrl, key, clock: realClock, deployment: "shop", name: "w" });
    await worker.register([{ name: "orders", execution_timeout: null }]);
    beats = setInterval(() => void worker.call("heartbeat", worker.who).catch(() => {}), 10_000);
    const { endpoint, region, credentials } = shared.account;
    scheduler = new SchedulerClient({ endpoint, region, credentials });
    sqs = new SQSClient({ endpoint, region, credentials });
  }, DEPLOYED_WITHIN_MS);

  afterAll(async () => {
    clearInterval(beats);
    scheduler?.destroy();
    sqs?.destroy();
  });

  test("an interval starts runs at the right seconds; pause, resume, trigger and delete take effect", async () => {
    await py("create", "often", "orders", "PT5S");
    const runs = await eventually(
      "three runs",
      async () => {
        const found = await runsOf("often");
        return found.length >= 3 ? found : undefined;
      },
      60_000,
    );
    const due = runs.map(({ scheduled_at }) => Date.parse(scheduled_at));
    expect(due.map((at) => at % 5_000)).toEqual(due.map(() => 0));
    expect(due.slice(1).map((at, i) => at - due[i]!)).toEqual(due.slice(1).map(() => 5_000));
    const late = runs.map(({ started_at }, i) => Date.parse(started_at) - due[i]!);
    console.log(`runs started ${late.join(", ")} ms after their time`);
    for (const ms of late.slice(1)) expect(ms).toBeLessThan(5_000); // before the next is due

    const paused = (await py("pause", "often")).recent_executions.length;
    await wakeUpsHandled();
    expect(await runsOf("often")).toHaveLength(paused);
    await py("resume", "often");
    await eventually("a run after the resume", async () => (await runsOf("often")).length > paused || undefined);
    const triggered = await py("trigger", "often");
    expect(triggered.recent_executions.at(-1)!.execution_id).toMatch(/-m1$/);
    await py("delete", "often");
    const started = await countRuns();
    await wakeUpsHandled();
    expect(await countRuns()).toBe(started);
    expect(await armed()).toEqual([]);
  }, 120_000);

  test("EventBridge Scheduler holds a wake-up that is far away; a pause and a delete remove it", async () => {
    await py("create", "monthly", "orders", "P30D");
    const Name = nameOf({ workspace, schedule: "monthly" });
    const GroupName = stack.outputs.ScheduleGroup!;
    const found = await scheduler.send(new GetScheduleCommand({ Name, GroupName }));
    expect(found.ScheduleExpression).toMatch(/^at\(.*T23:57:00\)$/);
    expect(found.Target!.DeadLetterConfig!.Arn).toBe(stack.outputs.ScheduleDeadLettersArn);
    await py("pause", "monthly");
    expect(await armed()).toEqual([]);
    await py("resume", "monthly");
    expect(await armed()).toEqual([Name]);
    await py("delete", "monthly");
    expect(await armed()).toEqual([]);
  }, 60_000);
});
