/**
 * `node bench/schedules-aws.ts`: the cost of one due time of a schedule on AWS, from counted units and requests, without
 * the cost of the execution after its start. The adapter runs against the emulator, with a clock that the benchmark moves
 * from one due time to the next.
 */
import { CreateScheduleGroupCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { CreateQueueCommand } from "@aws-sdk/client-sqs";
import { EventBridgeTimer } from "../shared/aws/event-bridge-timer.ts";
import { create, scheduleClosed } from "../shared/schedule/service/index.ts";
import { takeWakeUp } from "../shared/server/aws-wake-up.ts";
import { install } from "../test/aws/account.ts";
import { ManualClock } from "../test/contract/manual-clock.ts";
import { definition, uuid } from "../test/contract/subject.ts";
import { round } from "./harness.ts";
import { lambdaDollars, PRICES } from "./prices.ts";

const DUE_TIMES = 10;
/** Billed time of the scheduler's function, ms. A start waits for the exact time, half a second on average. */
const WAKE_MS = { forwarded: 10, started: 540 };

const on = await install({ feed: false });
const { endpoint, region, credentials } = on.account;
const scheduler = new SchedulerClient({ endpoint, region, credentials });
await scheduler.send(new CreateScheduleGroupCommand({ Name: on.prefix }));
const queue = await on.clients().sqs.send(new CreateQueueCommand({ QueueName: `${on.prefix}-fires` }));
const options = {
  group: on.prefix,
  roleArn: "arn:aws:iam::000000000000:role/scheduler",
  queueArn: `arn:aws:sqs:${region}:000000000000:${on.prefix}-fires`,
  queueUrl: queue.QueueUrl!,
  deadLettersArn: `arn:aws:sqs:${region}:000000000000:${on.prefix}-dead`,
};

/** Moves the clock from one due time to the next as the messages would. Each run closes before the next. */
async function measure(what: string, every: string, far: boolean, overlaps: boolean) {
  const clock = new ManualClock(Math.ceil(Date.now() / 3_600_000) * 3_600_000);
  const clients = on.clients();
  const timer = new EventBridgeTimer(clients, clock, options);
  const ports = on.adapter({ clients, clock, timer, settings: { livenessMs: 1e12 } });
  const workspace = uuid();
  const worker = { workspace, deployment: "bench", worker: "w", session: uuid() };
  await ports.registry.register({ ...worker, definitions: [definition("orders")], now: clock.now() });
  const schedule_id = "s";
  const input = { customer: "ada", report: "daily" };
  await create(ports, workspace, {
    schedule_id,
    workflow_name: "orders",
    deployment_name: "bench",
    definition: { input, intervals: [{ every }] },
  });
  const key = { workspace, schedule: schedule_id };
  const nextDueTime = async () => {
    const { wakeAt } = (await ports.schedules.get(key))!;
    if (far) {
      clients.meter.take();
      await clock.advance(wakeAt! - 180_000 - clock.now());
      await takeWakeUp(ports, { ...key, at: wakeAt!, via: "scheduler" });
    } else clients.meter.take();
    await clock.advance(wakeAt! - clock.now());
    await takeWakeUp(ports, { ...key, at: wakeAt!, via: "queue" });
    const used = clients.meter.take();
    const running = (await ports.schedules.get(key))!.state.recent.at(-1)!.execution_id;
    clients.meter.take();
    const told = { kind: "tell_schedule", schedule: schedule_id, status: "COMPLETED", failure: null } as const;
    if (!overlaps) await scheduleClosed(ports, { workspace, execution: running }, told);
    const closing = clients.meter.take();
    return { used, closing };
  };
  await nextDueTime();
  const sum = { dynamo: 0, writes: 0, reads: 0, sqs: 0, scheduler: 0 };
  for (let i = 0; i < DUE_TIMES; i++) {
    const { used, closing } = await nextDueTime();
    sum.dynamo += used.dynamo + closing.dynamo;
    sum.writes += used.writeUnits + closing.writeUnits;
    sum.reads += used.readUnits + closing.readUnits;
    sum.sqs += used.sqs + closing.sqs;
    sum.scheduler += used.scheduler + closing.scheduler;
  }
  const lambda = far ? 2 : 1;
  // Lambda receives and deletes each message: two requests.
  const sqs = sum.sqs / DUE_TIMES + 2 * lambda;
  const { perMillion } = PRICES;
  const dollars =
    ((sum.writes / DUE_TIMES) * perMillion.dynamoWriteUnit +
      (sum.reads / DUE_TIMES) * perMillion.dynamoReadUnit +
      sqs * perMillion.sqsRequest +
      (far ? perMillion.schedulerInvocation : 0)) /
      1e6 +
    lambdaDollars(1, WAKE_MS.started) +
    lambdaDollars(lambda - 1, WAKE_MS.forwarded);
  return {
    what,
    "DynamoDB calls": sum.dynamo / DUE_TIMES,
    "write units": round(sum.writes / DUE_TIMES, 1),
    "read units": round(sum.reads / DUE_TIMES, 1),
    "SQS requests": round(sqs, 1),
    "Scheduler calls": sum.scheduler / DUE_TIMES,
    "Lambda invocations": lambda,
    "$ per million": round(dollars * 1e6, 2),
  };
}

console.table([
  await measure("every 20 s, started", "PT20S", false, false),
  await measure("every hour, started", "PT1H", true, false),
  await measure("every hour, skipped by overlap", "PT1H", true, true),
]);
scheduler.destroy();
await on.end();
