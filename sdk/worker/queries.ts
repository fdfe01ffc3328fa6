/** Answers the queries that a worker receives as tasks. */
import { MAX_PAYLOAD_BYTES } from "../../shared/protocol/limits.ts";
import type { Task, WorkerBody } from "../../shared/protocol/worker.ts";
import { QueryRefused } from "../errors.ts";
import { toFailure } from "../failure.ts";
import { payloadBytes } from "../json.ts";
import { undecodedInput } from "./encoding.ts";
import type { WorkerRuntime } from "./runtime.ts";
import { refusedFor } from "./transport.ts";

type QueryTask = Extract<Task, { kind: "query" }>;
type Answer = WorkerBody<"answer">["answer"];

/** Never rejects: an answer that does not reach the server is logged, and the query times out. */
export async function answerQuery(runtime: WorkerRuntime, task: QueryTask): Promise<void> {
  if (runtime.serverClock.now() >= task.expires_at) return; // its caller waits no longer
  const { transport, log } = runtime.worker;
  const send = (answer: Answer) => transport.call("answer", { query: task.query, answer }, { retry: false });
  await send(await answerOf(runtime, task))
    .catch((error) => {
      const refused = refusedFor(error);
      if (!refused) throw error;
      return send({ kind: "failure", status: refused.status, failure: { message: refused.detail } });
    })
    .catch((error) => log.warn("an answer to a query did not reach the server", { error }));
}

async function answerOf(runtime: WorkerRuntime, { execution, name, input }: QueryTask): Promise<Answer> {
  try {
    const unread = undecodedInput(input, `the input of query "${name}"`);
    if (unread) throw new QueryRefused(424, unread.message);
    const answer = await runtime.execution(execution).query(name, input);
    const result = await runtime.worker.encoding.encoded(answer, execution);
    const bytes = payloadBytes(result);
    if (bytes > MAX_PAYLOAD_BYTES) {
      const why = `the answer of query "${name}" has ${bytes} bytes, the limit is ${MAX_PAYLOAD_BYTES}`;
      throw new QueryRefused(413, why);
    }
    return { kind: "result", result: (result ?? null) as never };
  } catch (error) {
    const status = error instanceof QueryRefused ? error.status : 424;
    return { kind: "failure", status, failure: toFailure(error) };
  }
}
