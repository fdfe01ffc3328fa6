/**
 * Permits of rate limits for attempts that are to begin. An attempt that must wait takes no slot of a worker: its task goes back
 * to the queue until shortly before its time. Of the last seconds the worker waits for itself, because a queue on AWS counts
 * delays in whole seconds.
 */
import { forEachConcurrent } from "../../lib/for-each-concurrent.ts";
import type { Millis, RateLimit } from "../../protocol/history.ts";
import type { ActivityTask, PermitResult, WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import type { RequestContext } from "../request-context.ts";
import { waiting } from "./waiting-tasks.ts";

/** A worker waits for so long itself. */
const IN_WORKER_MS: Millis = 2_000;
/** A task that was sent back comes so much earlier than its permit begins. */
const EARLY_MS: Millis = 1_500;
const AT_ONCE = 16;

interface Asking {
  readonly task: ActivityTask;
  readonly limit: RateLimit;
  readonly attempt: number;
  readonly slack: Millis;
  readonly deployment: string;
  readonly answer: (result: PermitResult) => void;
}

export async function permit(context: RequestContext, body: WorkerBody<"permit">): Promise<WorkerAnswer<"permit">> {
  const results: PermitResult[] = body.items.map(() => ({ kind: "over" }));
  const asking: Asking[] = [];
  await forEachConcurrent(AT_ONCE, body.items.entries(), async ([i, item]) => {
    const limit = item.task.options.rate_limit;
    const next = await waiting(context, item, "its rate limit");
    const answer = (result: PermitResult) => {
      results[i] = result;
    };
    if ("over" in next) answer({ kind: "over", ...(next.superseded && { superseded: true }) });
    else if (limit === undefined) answer({ kind: "granted", at: 0, until: Number.MAX_SAFE_INTEGER });
    else asking.push({ task: item.task, limit, slack: item.slack_ms ?? 0, ...next, answer });
  });
  const pools = Map.groupBy(asking, ({ limit: { key, max, per_ms } }) => JSON.stringify([key, max, per_ms]));
  await forEachConcurrent(AT_ONCE, pools.values(), (pool) => take(context, pool));
  return { results, now: context.ports.clock.now() };
}

/** One write for all that ask for the same limit. */
async function take(context: RequestContext, pool: readonly Asking[]): Promise<void> {
  const { ports, workspace } = context;
  const slack = Math.max(...pool.map((each) => each.slack));
  const permits = await ports.rateLimits.take(workspace, pool[0]!.limit, pool.length, slack);
  const now = ports.clock.now();
  await forEachConcurrent(AT_ONCE, pool.entries(), async ([i, { task, attempt, deployment, answer }]) => {
    const given = permits[i]!;
    if ("at" in given && given.at <= now + IN_WORKER_MS) return answer({ kind: "granted", ...given });
    const { permit: _, asked = 0, ...rest } = task;
    const again = { ...rest, first_attempt: attempt, asked: asked + 1, ...("at" in given && { permit: given }) };
    const at = "at" in given ? given.at - EARLY_MS : given.again;
    const key = `activity#${task.run}#${task.activity}#${attempt}#asked${asked + 1}`;
    await ports.tasks.send({ workspace, deployment, queue: "activity" }, again, { at, key });
    answer({ kind: "later", at: "at" in given ? given.at : given.again });
  });
}
