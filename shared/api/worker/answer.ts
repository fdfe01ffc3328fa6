/** A worker's answer to a query. */
import { MAX_PAYLOAD_BYTES } from "../../protocol/limits.ts";
import type { WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import { bytesOf, CHARACTERS_WITHIN_LIMIT } from "../payload.ts";
import type { RequestContext } from "../request-context.ts";

/** An answer over the limit is replaced by a failure (413), so that the caller does not wait until its time is up. */
export async function answer(
  context: RequestContext,
  body: WorkerBody<"answer">,
  characters: number,
): Promise<WorkerAnswer<"answer">> {
  const { ports, workspace } = context;
  const given = body.answer;
  const bytes = characters > CHARACTERS_WITHIN_LIMIT && given.kind === "result" ? bytesOf(given.result) : 0;
  if (bytes <= MAX_PAYLOAD_BYTES) {
    await ports.answers.put(workspace, body.query, given);
  } else {
    const message = `The answer has ${bytes} bytes; the limit is ${MAX_PAYLOAD_BYTES} bytes.`;
    await ports.answers.put(workspace, body.query, { kind: "failure", status: 413, failure: { message } });
  }
  return {};
}
