/** Takes what workers report of the logs of executions. A run that is gone, or is another execution's, is skipped. */
import { createHash } from "node:crypto";
import { traceIdOf } from "../../core/trace/context.ts";
import { addLogRecords } from "../../engine/log-records.ts";
import { invalidAt, payloadTooLarge, type Refusal } from "../../protocol/errors.ts";
import { MAX_LOG_ATTRIBUTES, MAX_LOG_GROUP_BYTES } from "../../protocol/limits.ts";
import type { WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import { bytesOf } from "../payload.ts";
import { type RequestContext, refTo } from "../request-context.ts";

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

export async function takeLogRecords(
  context: RequestContext,
  body: WorkerBody<"logs">,
): Promise<WorkerAnswer<"logs"> | Refusal> {
  const { ports, workspace } = context;
  for (const [i, { records }] of body.items.entries()) {
    const many = records.findIndex(({ attributes = {} }) => Object.keys(attributes).length > MAX_LOG_ATTRIBUTES);
    if (many >= 0) {
      return invalidAt(
        ["body", "items", i, "records", many, "attributes"],
        `a record has at most ${MAX_LOG_ATTRIBUTES} attributes`,
      );
    }
    const bytes = bytesOf(records);
    if (bytes > MAX_LOG_GROUP_BYTES) return payloadTooLarge("group of log records", MAX_LOG_GROUP_BYTES, bytes);
  }
  const full: string[] = [];
  for (const { execution, run, id, records, dropped } of body.items) {
    if (records.length + dropped === 0) continue;
    const current = await ports.executions.head(refTo(context, execution));
    const head = current?.run === run ? current : await ports.executions.run(workspace, run);
    if (head?.execution !== execution) continue;
    const from = { worker: body.worker, trace: traceIdOf(head, digest) };
    if (await addLogRecords(ports, head, from, { id, records, dropped })) full.push(run);
    await ports.pause?.();
  }
  return { full };
}
