/** Appends to the histories of several executions in one call, each with its own write. */
import * as engine from "../../engine/append.ts";
import type { AppendItem, AppendResult, WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import { type RequestContext, refTo } from "../request-context.ts";
import { batchProblem, refused } from "./check-batch.ts";
import { serialPerExecution } from "./serial-per-execution.ts";

export async function append(
  context: RequestContext,
  body: WorkerBody<"append">,
  characters: number,
): Promise<WorkerAnswer<"append">> {
  const results = await serialPerExecution(body.items, (item) => appendOne(context, item, characters));
  return { results, now: context.ports.clock.now() };
}

async function appendOne(context: RequestContext, item: AppendItem, characters: number): Promise<AppendResult> {
  const problem = batchProblem(item.batch, context.ports.clock.now(), characters);
  if (problem) return problem;
  const ref = refTo(context, item.execution);
  const { executions } = context.ports;
  if (item.upto !== undefined) await executions.learnLogEnd?.(ref, item.run, item.upto);
  const result = await engine.append(context.ports, ref, item);
  if (result.kind === "malformed") return refused(422, "WF_1001", result.detail);
  if (result.kind === "full") return refused(413, "HISTORY_FULL", result.detail);
  if (result.kind !== "appended") return result;
  const upto = await executions.logEnd?.(ref, item.run);
  return { ...result, ...(upto !== undefined && { upto }) };
}
