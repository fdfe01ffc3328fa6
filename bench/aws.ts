/**
 * `npm run bench -- --target aws`: the cost of an execution on AWS, from counted units and requests. The adapter runs
 * against the emulator. Its write units are exact, its read units ignore the size of items. Requests to the API and to the
 * workers' endpoint are calls within this process, and count as Lambda invocations.
 */
import { randomUUID } from "node:crypto";
import { activity, workflow } from "@sirocco/sdk";
import * as z from "zod";
import { inProcess, request } from "../sdk/testing/transport.ts";
import { Worker } from "../sdk/worker/worker.ts";
import { hosted } from "../sdk/workflow/hosted.ts";
import { createApi, createKey, DEFAULT_WORKSPACE } from "../shared/api/index.ts";
import { install } from "../test/aws/account.ts";
import { round } from "./harness.ts";
import { LAMBDA_MS, lambdaDollars, PRICES } from "./prices.ts";
import { logDollars } from "./step-cost.ts";

const step = activity({ name: "step", input: z.object({ n: z.number() }) }, async ({ n }) => ({ n: n + 1 }));
const sequence = workflow({ name: "sequence", input: z.object({ steps: z.number() }) }, async ({ steps }) => {
  let n = 0;
  while (n < steps) ({ n } = (await step({ n })) as { n: number });
  return { n };
});

/** Executions that run concurrently. Concurrent ones share calls for appends, receives and deletes. */
const CONCURRENCIES = [1, 20];
/** Calls that a worker on AWS makes to SQS and not to the endpoint. The meter counts them as SQS requests. */
const SQS_CALLS = new Set(["poll", "extend", "finish"]);

export async function awsCounts() {
  const on = await install({ feedPollMs: 250 });
  const ports = on.adapter();
  // As in the functions, which keep a key for that long.
  const api = createApi(ports, { version: "bench", url: "http://bench", keysReadAgainMs: 4_000 });
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
      workflows: new Map([["sequence", hosted(sequence)]]),
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
    // By an adapter with a meter of its own, so that polling does not count.
    const watcher = unmetered.executions;
    while ((await watcher.head(ref))?.status === "RUNNING") await pause(20);
    await pause(200); // the last delete of a task
  };
  const unmetered = on.adapter();
  await run(3); // creates the queues and fills the caches
  const rows = [];
  for (const concurrency of CONCURRENCIES) {
    for (const steps of [1, 10, 100]) rows.push(await measure(steps, concurrency));
  }

  async function measure(steps: number, concurrency: number) {
    const executions = concurrency > 1 ? concurrency * (steps === 100 ? 1 : 5) : steps === 100 ? 3 : 10;
    await pause(1_500);
    ports.clients.meter.take();
    const feeder = on.feeder();
    feeder.clients.meter.take();
    let batches = 0;
    const { feedChanges } = feeder;
    feeder.feedChanges = (changes) => {
      batches += 1;
      return feedChanges.call(feeder, changes);
    };
    calls.clear();
    for (let i = 0; i < executions; i += concurrency)
      await Promise.all(Array.from({ length: concurrency }, () => run(steps)));
    await pause(1_500); // until the feed has the last events
    feeder.feedChanges = feedChanges;
    const used = ports.clients.meter.take();
    const fed = feeder.clients.meter.take();
    const lambda = [...calls].filter(([name]) => !SQS_CALLS.has(name)).reduce((n, [, k]) => n + k, 0);
    const per = (n: number) => n / executions;
    const { perMillion } = PRICES;
    const engine =
      (used.writeUnits * perMillion.dynamoWriteUnit) / 1e6 +
      (used.readUnits * perMillion.dynamoReadUnit) / 1e6 +
      (used.sqs * perMillion.sqsRequest) / 1e6 +
      (used.s3 * perMillion.s3Put) / 1e6 +
      lambdaDollars(lambda, LAMBDA_MS.worker) +
      (executions * logDollars(per(lambda))) / 1e6;
    const feed =
      (fed.writeUnits * perMillion.dynamoWriteUnit) / 1e6 +
      (fed.readUnits * perMillion.dynamoReadUnit) / 1e6 +
      lambdaDollars(batches, LAMBDA_MS.feed);
    const front = (executions * perMillion.apiGatewayRest) / 1e6 + lambdaDollars(executions, LAMBDA_MS.rest);
    const dollars = (n: number) => round((n / executions / steps) * 1e6, 2);
    console.log(
      `  ${steps} steps, ${concurrency} concurrent: ${[...calls].map(([name, n]) => `${name} ${round(per(n), 1)}`).join(", ")}`,
    );
    return {
      steps,
      concurrent: concurrency,
      "worker calls": round(per(lambda), 1),
      "calls/step": round(per(lambda) / steps, 2),
      "write units": round(per(used.writeUnits), 1),
      "write units/step": round(per(used.writeUnits) / steps, 2),
      "read units": round(per(used.readUnits), 1),
      "SQS requests": round(per(used.sqs), 1),
      "S3 requests": round(per(used.s3), 1),
      "feed write units": round(per(fed.writeUnits), 1),
      "feed read units": round(per(fed.readUnits), 1),
      "feed invocations": round(per(batches), 1),
      "$/M steps: engine": dollars(engine),
      "$/M steps: start by API": dollars(front),
      "$/M steps: feed": dollars(feed),
      "$/M steps: total": dollars(engine + front + feed),
    };
  }
  worker.kill();
  await on.end();
  return {
    rows,
    note: `per execution unless the column says otherwise; list prices of ${PRICES.asOf}, without free tiers; engine: writes of the start, tasks, worker calls, close, logs`,
  };
}

const pause = (ms: number) => new Promise<void>((ok) => setTimeout(ok, ms));
