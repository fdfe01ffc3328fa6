/** Runs the sweeper, once a minute: tasks for due executions, overdue schedules, expiry of closed runs. */
import middy from "@middy/core";
import "../shared/aws/due.ts"; // every invocation needs it, so it loads with the function
import "../shared/aws/jobs.ts"; // likewise
import { TaskBatcher } from "../shared/aws/task-batcher.ts";
import "../shared/server/aws-sweep.ts"; // likewise
import { envelope, type LambdaContext } from "./lib/envelope.ts";
import { installation } from "./lib/installation.ts";
import { log } from "./lib/log.ts";

const EVERY_MS = 60_000;
/** Time that the sweep leaves for its answer and the logs. */
const SPARE_MS = 5_000;

export const handler = middy<unknown, unknown>()
  .use(envelope)
  .handler(async (_event, context) => {
    const left = (context as unknown as LambdaContext).getRemainingTimeInMillis();
    const ports = installation();
    const counts = await ports.sweep(EVERY_MS, ports.clock.now() + left - SPARE_MS, { batcher: TaskBatcher });
    log.info("sweep: round ended", counts);
    return counts;
  });
