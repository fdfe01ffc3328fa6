/**
 * Runs the sweeper, once a minute: tasks for due executions, overdue schedules, expiry of closed runs. An event with `shard` is
 * of the function's own (SWEEP-4), and sweeps the due executions of that shard.
 */
import middy from "@middy/core";
import "../shared/aws/due.ts"; // every invocation needs it, so it loads with the function
import "../shared/aws/jobs.ts"; // likewise
import "../shared/aws/schedules.ts"; // likewise
import { SWEEP_SPARE_SECONDS } from "../shared/aws/names.ts";
import { TaskBatcher } from "../shared/aws/task-batcher.ts";
import "../shared/server/aws-sweep.ts"; // likewise
import { envelope, type LambdaContext } from "./lib/envelope.ts";
import { initialize } from "./lib/initialize.ts";
import { installation } from "./lib/installation.ts";
import { log } from "./lib/log.ts";

const EVERY_MS = 60_000;

export const handler = middy<unknown, unknown>()
  .use(envelope)
  .handler(async (event, context) => {
    const left = (context as unknown as LambdaContext).getRemainingTimeInMillis();
    const ports = installation();
    const until = ports.clock.now() + left - SWEEP_SPARE_SECONDS * 1_000;
    const { shard } = (event ?? {}) as { shard?: unknown };
    if (typeof shard === "number") {
      const due = await ports.sweepShard(shard, EVERY_MS, until, { batcher: TaskBatcher });
      log.info("sweep: round of a shard ended", { shard, due });
      return { due };
    }
    const sweepElsewhere = async (shard: number) => {
      const { invokeAgain } = await import("../shared/aws/invoke-again.ts");
      await invokeAgain(ports.clients.dynamo, { shard });
    };
    const counts = await ports.sweep(EVERY_MS, until, { batcher: TaskBatcher, sweepElsewhere });
    log.info("sweep: round ended", counts);
    return counts;
  });

await initialize(
  () => import("../shared/aws/deployments.ts"),
  () => import("../shared/aws/due.ts"),
  () => import("../shared/aws/jobs.ts"),
  () => import("../shared/aws/schedules.ts"),
  () => import("../shared/engine/jobs.ts"),
  () => import("../shared/engine/release.ts"),
  () => import("../shared/server/aws-sweep.ts"),
);
