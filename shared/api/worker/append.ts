/**
 * Appends to the histories of several executions in one call, each with its own write, and closes runs of others in the same
 * call (JOIN-1), each in a transaction of its own.
 */
import * as engine from "../../engine/append.ts";
import type {
  AppendItem,
  AppendResult,
  CloseItem,
  CloseResult,
  WorkerAnswer,
  WorkerBody,
} from "../../protocol/worker.ts";
import { type RequestContext, refTo } from "../request-context.ts";
import { batchProblem, refused } from "./check-batch.ts";
import { close } from "./close.ts";
import { serialPerExecution } from "./serial-per-execution.ts";

export async function append(
  context: RequestContext,
  { items, closes }: WorkerBody<"append">,
  characters: number,
): Promise<WorkerAnswer<"append">> {
  const { clock } = context.ports;
  if (closes === undefined) {
    const results = await serialPerExecution(items, (item) => appendOne(context, item, characters));
    return { results, now: clock.now() };
  }
  const answers = await serialPerExecution<AppendItem | CloseItem, AppendResult | CloseResult>(
    [...items, ...closes],
    (item) => ("outbox" in item ? close(context, item, characters) : appendOne(context, item, characters)),
  );
  const results = answers.slice(0, items.length) as AppendResult[];
  return { results, closed: answers.slice(items.length) as CloseResult[], now: clock.now() };
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
  const upto = executions.logEnd && (await executions.logEnd(ref, item.run));
  return { ...result, ...(upto !== undefined && { upto }) };
}
