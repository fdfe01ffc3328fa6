/**
 * `npm run bench -- --target aws`: what an execution costs on AWS, by count. The adapter runs against the emulator, whose
 * write units are exact; read units are those it reports (it does not count size). Requests to the API and to the worker
 * endpoint are calls into the same process here and Lambda invocations there.
 */
import { randomUUID } from "node:crypto";
import { activity, workflow } from "@sirocco/sdk";
import * as z from "zod";
import { inProcess, request } from "../sdk/testing/transport.ts";
import { Worker } from "../sdk/worker/worker.ts";
import { createApi, createKey, DEFAULT_WORKSPACE } from "../shared/api/index.ts";
import { install } from "../test/aws/account.ts";
import { round } from "./harness.ts";
import { LAMBDA_MS, lambdaDollars, PRICES } from "./prices.ts";

const step = activity({ name: "step", input: z.object({ n: z.number() }) }, async ({ n }) => ({ n: n + 1 }));
const sequence = workflow({ name: "sequence", input: z.object({ steps: z.number() }) }, async ({ steps }) => {
  let n = 0;
  while (n < steps) ({ n } = (await step({ n })) as { n: number });
  return { n };
});

/** Calls that on AWS go straight to SQS: its requests are counted there. */
const BY_SQS = new Set(["poll", "extend", "finish"]);

export async function awsCounts() {
  const on = await install();
  const ports = on.adapter();
  const api = createApi(ports, { version: "bench", url: "http://bench" });
  const { key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "bench" });
  const real = inProcess(api, key, ports, DEFAULT_WORKSPACE);
  const calls = new Map<string, number>();
  const worker = new Worker(
    {
      transport: {
        close: () => {},
        call(operation, body, options) {
          calls.set(operation, (calls.get(operation) ?? 0) + 1);
          return real.call(operation, body, options);
        },
      },
      clock: ports.clock,
      log: { debug() {}, info() {}, warn: console.error, error: console.error },
      session: randomUUID(),
      deployment: "bench",
      uuid: randomUUID,
      workflows: new Map([["sequence", sequence]]),
      activities: new Map([["step", step]]),
      limits: { maxConcurrentActivities: 100, maxConcurrentWorkflows: 200, cachedExecutions: 1000 },
      resources: {},
      deterministic: true,
      failOnAnyError: false,
    },
    "bench",
  );
  await worker.start();

  const run = async (steps: number) => {
    const started = await request(api, key, "POST", "/v1/workflows/sequence/execute", { input: { steps } });
    const { execution_id } = started.body as { execution_id: string };
    const ref = { workspace: DEFAULT_WORKSPACE, execution: execution_id };
    // Asked past the meter: watching must cost nothing.
    const watcher = watch.executions;
    while ((await watcher.head(ref))?.status === "RUNNING") await pause(20);
    await pause(500); // the last delete of a task, and the feed
  };
  const watch = on.adapter();
  await run(3); // queues, caches
  const rows = [];
  for (const steps of [1, 10, 100]) {
    const executions = steps === 100 ? 3 : 10;
    await pause(1_000);
    ports.clients.meter.take();
    on.feeder().clients.meter.take();
    calls.clear();
    for (let i = 0; i < executions; i++) await run(steps);
    const used = ports.clients.meter.take();
    const fed = on.feeder().clients.meter.take();
    const lambda = [...calls].filter(([name]) => !BY_SQS.has(name)).reduce((n, [, k]) => n + k, 0);
    const per = (n: number) => n / executions;
    const { perMillion } = PRICES;
    const dollars =
      ((used.writeUnits + fed.writeUnits) * perMillion.dynamoWriteUnit) / 1e6 +
      ((used.readUnits + fed.readUnits) * perMillion.dynamoReadUnit) / 1e6 +
      (used.sqs * perMillion.sqsRequest) / 1e6 +
      (used.s3 * perMillion.s3Put) / 1e6 +
      (executions * perMillion.apiGatewayRest) / 1e6 +
      lambdaDollars(lambda, LAMBDA_MS.worker) +
      lambdaDollars(executions, LAMBDA_MS.rest) +
      lambdaDollars(executions, LAMBDA_MS.feed);
    rows.push({
      steps,
      "worker calls": round(per(lambda), 1),
      "calls/step": round(per(lambda) / steps, 2),
      "write units": round(per(used.writeUnits), 1),
      "write units/step": round(per(used.writeUnits) / steps, 2),
      "feed write units": round(per(fed.writeUnits), 1),
      "read units": round(per(used.readUnits + fed.readUnits), 1),
      "SQS requests": round(per(used.sqs), 1),
      "S3 requests": round(per(used.s3), 1),
      "$ per million steps": round((dollars / executions / steps) * 1e6, 2),
    });
    console.log(`  ${steps} steps: ${[...calls].map(([name, n]) => `${name} ${round(per(n), 1)}`).join(", ")}`);
  }
  worker.kill();
  await on.end();
  return {
    rows,
    note: `list prices of ${PRICES.asOf}; the start is one API Gateway request; the feed's consumer runs once an execution`,
  };
}

const pause = (ms: number) => new Promise<void>((ok) => setTimeout(ok, ms));
