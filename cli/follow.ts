/** Follows event streams across lost connections: each new stream continues after the last sequence received. */
import { setTimeout as delay } from "node:timers/promises";
import type { Frame } from "../shared/lib/sse.ts";
import type { StreamEventPayload } from "../shared/protocol/http/events.ts";
import type { ResponseOf } from "../shared/protocol/routes.ts";
import type { Api, CallOf } from "./api.ts";
import { CliError, EXIT } from "./errors.ts";

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

export interface FollowOptions extends Connecting {
  /** Begin after this sequence; 0 = from the beginning. */
  readonly after: number;
}

interface Connecting {
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
  const hasClosed = () => isClosed(api, execution);
  return follow(connect, hasClosed, event, options);
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
  return follow(connect, async () => false, event, options);
}

type LogRecord = ResponseOf<"streamWorkflowExecutionLogs">;

/** Log records of an execution until it has closed, or of a deployment until `signal`. */
export function followLogs(
  api: Api,
  of: { readonly execution_id: string } | { readonly name: string },
  query: Readonly<Record<string, string | undefined>>,
  options: Connecting,
): AsyncGenerator<LogRecord> {
  const connect = (after: string) => {
    const asked = { ...query, ...(after !== "" && { last_event_id: after }) };
    return "name" in of
      ? api.stream("streamDeploymentLogs", { params: of, query: asked })
      : api.stream("streamWorkflowExecutionLogs", { params: of, query: asked });
  };
  const hasClosed = async () => "execution_id" in of && (await isClosed(api, of.execution_id));
  const read = (frame: Frame) => ({ item: payloadOf<LogRecord>(frame), after: frame.id });
  return follow(connect, hasClosed, read, { ...options, after: "" });
}

/** A stream also ends when the server stops, so the execution's status decides whether to connect again. */
async function isClosed(api: Api, execution: string): Promise<boolean> {
  const { status } = await api.call("getWorkflowExecution", { params: { execution_id: execution } });
  return status !== "RUNNING" && status !== "CONTINUED_AS_NEW";
}

function event(frame: Frame): { item: StreamEventPayload; after: number } {
  const item = payloadOf<StreamEventPayload>(frame);
  return { item, after: item.broker_sequence };
}

async function* follow<Item, Place>(
  connect: (after: Place) => AsyncGenerator<Frame>,
  hasClosed: () => Promise<boolean>,
  read: (frame: Frame) => { item: Item; after: Place },
  options: Connecting & { readonly after: Place },
): AsyncGenerator<Item> {
  let { after } = options;
  let pauseMs = FIRST_PAUSE_MS;
  let connected = false;
  while (!options.signal.aborted) {
    try {
      for await (const frame of connect(after)) {
        connected = true;
        pauseMs = FIRST_PAUSE_MS;
        const next = read(frame);
        after = next.after;
        yield next.item;
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

function payloadOf<T>(frame: Frame): T {
  if (frame.event !== "error") return JSON.parse(frame.data) as T;
  const { error, reason } = JSON.parse(frame.data) as { error: string; reason: string };
  throw new CliError(EXIT.unreachable, `The server ended the stream (${reason}): ${error}.`);
}
