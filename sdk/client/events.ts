/** Reads the stream of an execution to its end, over as many connections as that takes. */
import { frames } from "../../shared/lib/sse.ts";
import type { PublicEvent } from "../../shared/protocol/http/event-types.ts";
import { ApiError } from "./errors.ts";
import { type Connection, pause } from "./http.ts";

const AGAIN_MS = 200;
/** After this many lost connections in a row without an event the stream throws. */
const MOST_FAILURES = 10;

export async function* followEvents(
  connection: Connection,
  path: string,
  running: () => Promise<boolean>,
  { signal, after }: { readonly signal?: AbortSignal | undefined; readonly after?: string | undefined },
): AsyncGenerator<PublicEvent> {
  let last = after;
  let failures = 0;
  // A stream also ends when the server ends it after a while. It has ended for good if the execution was closed before it was opened.
  for (let closed = false; ; ) {
    try {
      const headers = { accept: "text/event-stream", ...(last !== undefined && { "last-event-id": last }) };
      const { body } = await connection.send("GET", path, { headers, signal, repeatable: true });
      if (body === null) throw new TypeError("the stream has no body");
      for await (const { event, id, data } of frames(body)) {
        if (event === "error") throw new TypeError(`the stream ended with ${data}`);
        if (id !== "") last = id;
        failures = 0;
        yield (JSON.parse(data) as { data: PublicEvent }).data;
      }
      if (closed) return;
      closed = !(await running());
      if (!closed) await pause(AGAIN_MS, signal);
    } catch (error) {
      failures += 1;
      if (error instanceof ApiError || signal?.aborted || failures > MOST_FAILURES) throw error;
      await pause(AGAIN_MS * failures, signal);
    }
  }
}
