/** Whether an activity of a worker session can still run. Only tasks that reached another worker are asked about. */
import { sessionLost } from "../../core/decide.ts";
import type { AttemptEnd, Failure } from "../../protocol/history.ts";
import type { ActivityTask } from "../../protocol/worker.ts";
import type { RequestContext } from "../request-context.ts";

/** How the activity ends; null: its session lives, and has the activity as far as is known. `caller`: the session that asks. */
export async function endOfSession(
  { ports, workspace }: RequestContext,
  { name, options }: ActivityTask,
  caller: string | undefined,
): Promise<{ reason: AttemptEnd; why: Failure } | null> {
  const session = options.session!;
  if (caller === session) {
    const message = `the worker of session ${session} has no activity '${name}': add it to runWorker({ activities })`;
    return { reason: "failed", why: { type: "ActivityNotFound", message, non_retryable: true } };
  }
  const beat = (await ports.registry.heartbeats(workspace, [session])).get(session) ?? Number.NEGATIVE_INFINITY;
  const isDead = beat + ports.settings.sessionTimeoutMs < ports.clock.now();
  return isDead ? { reason: "lost", why: sessionLost(name, session) } : null;
}
