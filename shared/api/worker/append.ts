/** Appending to histories: several executions in one call, each its own write. */
import * as engine from "../../engine/append.ts";
import type { AppendItem, AppendResult, WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import { type Call, refTo } from "../call.ts";
import { batchProblem, refused } from "./check-batch.ts";
import { inLanes } from "./lanes.ts";

export async function append(
  call: Call,
  body: WorkerBody<"append">,
  characters: number,
): Promise<WorkerAnswer<"append">> {
  const results = await inLanes(body.items, (item) => one(call, item, characters));
  return { results, now: call.ports.clock.now() };
}

async function one(call: Call, item: AppendItem, characters: number): Promise<AppendResult> {
  const problem = batchProblem(item.batch, call.ports.clock.now(), characters);
  if (problem) return problem;
  const result = await engine.append(call.ports, refTo(call, item.execution), item);
  if (result.kind === "malformed") return refused(422, "WF_1001", result.detail);
  if (result.kind === "full") return refused(413, "HISTORY_FULL", result.detail);
  return result;
}
