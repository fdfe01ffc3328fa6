/** Closes a run; a run whose history is full can still be closed. */
import * as engine from "../../engine/close.ts";
import { lazy } from "../../lib/lazy.ts";
import type { OutboxEntry } from "../../protocol/head.ts";
import type { WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import { type RequestContext, refTo } from "../request-context.ts";
import { batchProblem, refused } from "./check-batch.ts";

/** Loaded at the first run that continues as new. */
const currentRouting = lazy(() => import("../../routing/current.ts"));

export async function close(
  context: RequestContext,
  body: WorkerBody<"close">,
  characters: number,
): Promise<WorkerAnswer<"close">> {
  const problem = batchProblem(body.batch, context.ports.clock.now(), characters);
  if (problem) return problem;
  // The server adds the entries for the parent and the schedule itself.
  const foreign = body.outbox.find((entry) => !isOfChild(entry));
  if (foreign) return notItsChild(foreign.kind);
  const ref = refTo(context, body.execution);
  const others = body.outbox.filter((entry) => "parent_run" in entry && entry.parent_run !== body.run);
  if (others.length > 0) {
    // RESET-2: a run that a reset began has children of the run that was reset. A run that is not the present one, or was
    // deleted, has none to look at: the engine performs nothing of its close, and answers that it is closed.
    const head = await context.ports.executions.head(ref);
    const parents = new Set(head?.reset?.origins.map(({ run }) => run));
    const stranger = others.find((entry) => "parent_run" in entry && !parents.has(entry.parent_run));
    if (head?.run === body.run && stranger) return notItsChild(stranger.kind);
  }
  if (body.upto !== undefined) await context.ports.executions.learnLogEnd?.(ref, body.run, body.upto);
  const follow: engine.Follow = async (head, workflow) =>
    (await currentRouting()).nextRegistration(context.ports, head, workflow);
  const last = body.batch.events.at(-1);
  const result = last?.kind === "execution_completed" ? last.result : null;
  const closed = await engine.close(context.ports, ref, { ...body, result }, follow);
  if (closed.kind === "closed" && body.finish) await context.ports.tasks.finish(context.workspace, body.finish);
  return closed.kind === "malformed" ? refused(422, "WF_1001", closed.detail) : closed;
}

const isOfChild = ({ kind }: OutboxEntry): boolean => kind === "terminate_child" || kind === "cancel_child";

const notItsChild = (kind: string) =>
  refused(422, "WF_1001", `the outbox entry '${kind}' is not allowed: a worker may only name children of the run`);
