/** Cancels or terminates up to 100 executions in one call. Each id has its own outcome: one refusal does not stop the rest. */
import { forEachConcurrent } from "../lib/for-each-concurrent.ts";
import { StoreFailed } from "../ports.ts";
import { textOfRefusal } from "../protocol/errors.ts";
import type { ResponseOf } from "../protocol/routes.ts";
import { cancelExecution, terminateExecution } from "./executions.ts";
import type { RequestContext } from "./request-context.ts";

type Answer = ResponseOf<"batchCancelWorkflowExecutions">;

/** Ids at a time: on AWS each takes some round trips. */
const CONCURRENCY = 10;

export async function endMany(
  context: RequestContext,
  how: "cancel" | "terminate",
  ids: readonly string[],
): Promise<Answer> {
  const end = how === "cancel" ? cancelExecution : terminateExecution;
  const outcomes = new Map<string, Answer["results"][string]>(
    ids.map((id) => [id, { status: "failure", error: "not tried" }]),
  );
  await forEachConcurrent(CONCURRENCY, outcomes.keys(), async (id) => {
    outcomes.set(id, await outcomeOf(context, id, end));
    await context.ports.pause?.();
  });
  return { results: Object.fromEntries(outcomes) };
}

async function outcomeOf(
  context: RequestContext,
  id: string,
  end: typeof cancelExecution,
): Promise<Answer["results"][string]> {
  try {
    const refused = await end(context, id);
    return refused ? { status: "failure", error: textOfRefusal(refused) } : { status: "success", error: null };
  } catch (error) {
    if (error instanceof StoreFailed) throw error;
    context.log.error("batch: an execution could not be ended", { execution: id, error });
    return {
      status: "failure",
      error: "An unexpected error occurred. The server's log has the cause. Try this id again.",
    };
  }
}
