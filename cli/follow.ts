/** Follows event streams across lost connections: each new stream continues after the last sequence received. */
import { setTimeout as delay } from "node:timers/promises";
import type { Frame } from "../shared/lib/sse.ts";
import type { StreamEventPayload } from "../shared/protocol/http/events.ts";
import type { Api, CallOf } from "./api.ts";
import { CliError, EXIT } from "./errors.ts";

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

export interface FollowOptions {
  /** Begin after this sequence; 0 = from the beginning. */
  readonly after: number;
  readonly signal: AbortSignal;
  /** Called when a connection was lost or could not be made; the next attempt is in `pauseMs`. */
  readonly onLost?: (why: CliError, pauseMs: number) => void;
}

/** Events of one execution, over all its continued runs, until it has closed. */
export function followExecution(
  api: Api,
  execution: string,
  options: FollowOptions,
): AsyncGenerator<StreamEventPayload> {
  const connect = (after: number) =>
    api.stream("streamWorkflowExecution", {
      params: { execution_id: execution },
      ...(after > 0 && { query: { last_event_id: after } }),
    });
  // A stream also ends when the server stops, so the execution's status decides whether to connect again.
  const hasClosed = async () => {
    const { status } = await api.call("getWorkflowExecution", { params: { execution_id: execution } });
    return status !== "RUNNING" && status !== "CONTINUED_AS_NEW";
  };
  return follow(connect, hasClosed, options);
}

/** Events of the workspace that match `query`; it ends only with `signal`. */
export function followWorkspace(
  api: Api,
  query: CallOf<"getStreamEvents">["query"],
  options: FollowOptions,
): AsyncGenerator<StreamEventPayload> {
  const connect = (after: number) =>
    api.stream("getStreamEvents", {
      query: query ?? {},
      ...(after > 0 && { headers: { "last-event-id": String(after) } }),
    });
  return follow(connect, async () => false, options);
}

async function* follow(
  connect: (after: number) => AsyncGenerator<Frame>,
  hasClosed: () => Promise<boolean>,
  options: FollowOptions,
): AsyncGenerator<StreamEventPayload> {
  let { after } = options;
  let pauseMs = FIRST_PAUSE_MS;
  let connected = false;
  while (!options.signal.aborted) {
    try {
      for await (const frame of connect(after)) {
        connected = true;
        pauseMs = FIRST_PAUSE_MS;
        const payload = payloadOf(frame);
        after = payload.broker_sequence;
        yield payload;
      }
      connected = true;
      if (await hasClosed()) return;
    } catch (error) {
      if (options.signal.aborted) return;
      // Without one successful connection there is no retry: address or key is wrong, or the execution does not exist.
      if (!connected || !(error instanceof CliError) || error.exit !== EXIT.unreachable) throw error;
      options.onLost?.(error, pauseMs);
    }
    await delay(pauseMs, undefined, { signal: options.signal }).catch(() => {});
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  }
}

function payloadOf(frame: Frame): StreamEventPayload {
  if (frame.event !== "error") return JSON.parse(frame.data);
  const { error, reason } = JSON.parse(frame.data) as { error: string; reason: string };
  throw new CliError(EXIT.unreachable, `The server ended the stream (${reason}): ${error}.`);
}
