/** Follows streams of events over lost connections: each new one goes on after the last sequence that was seen. */
import { setTimeout as delay } from "node:timers/promises";
import type { StreamEventPayload } from "../shared/protocol/http/events.ts";
import type { Api, CallOf } from "./api.ts";
import { CliError, EXIT } from "./errors.ts";
import type { Frame } from "./sse.ts";

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

export interface FollowOptions {
  /** Go on after this sequence; 0 = from the beginning. */
  readonly after: number;
  readonly signal: AbortSignal;
  /** A connection was lost, or never came about; it is tried again in `pauseMs`. */
  readonly onLost?: (why: CliError, pauseMs: number) => void;
}

/** Events of one execution until it has closed, continued runs included. */
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
  // A stream also ends when the server stops: only the execution itself knows whether it has closed.
  const over = async () => {
    const { status } = await api.call("getWorkflowExecution", { params: { execution_id: execution } });
    return status !== "RUNNING" && status !== "CONTINUED_AS_NEW";
  };
  return follow(connect, over, options);
}

/** Events of the whole workspace, as far as `query` lets them through; never ends by itself. */
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
  over: () => Promise<boolean>,
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
      if (await over()) return;
    } catch (error) {
      if (options.signal.aborted) return;
      // What has never worked is not going to: the address or the key is wrong, or the execution is not there.
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
