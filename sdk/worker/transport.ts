/**
 * The calls of a worker to its server. All of them are safe to repeat, so a transport repeats those that fail.
 *
 * TRANSPORT-1. The poll that follows an answer with tasks is sent behind the first calls for these tasks: the server takes calls
 *     one by one, and a run without steps would wait while it looks for further tasks.
 */
import { EncodingError } from "../../shared/encoding/errors.ts";
import type { Delivery, WorkerAnswer, WorkerBody, WorkerOperation } from "../../shared/protocol/worker.ts";
import { yieldToEventLoop } from "../determinism/real.ts";
import { PartReader } from "./poll-parts.ts";

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** One try fails after this long, ms. Default 30 s. */
  readonly timeoutMs?: number;
  /** False: one try only. Default: the call is repeated with back-off for `patienceMs`. */
  readonly retry?: boolean;
  /** Of a poll that asks for parts: given the tasks of each line of the answer, which then brings no further ones. */
  readonly onPart?: (deliveries: Delivery[]) => void;
}

export interface Transport {
  /** It gives the lines of a poll in parts to `onPart` as they come. Absent: it cannot. */
  readonly inParts?: true;
  call<K extends WorkerOperation>(operation: K, body: WorkerBody<K>, options?: CallOptions): Promise<WorkerAnswer<K>>;
  /** Ends the connections; calls under way fail instead of being repeated. */
  close(): void;
}

/** The server refused the call; a repetition would be refused as well. */
export class ServerRefusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(operation: string, status: number, code: string, detail: string) {
    super(`${operation}: ${status} ${code}: ${detail}`);
    this.name = "ServerRefusal";
    this.status = status;
    this.code = code;
  }
}

/** The refusal of a batch in a call that the server cannot read, however often it is repeated; null for other errors. */
export function refusedFor(error: unknown): { kind: "refused"; status: number; code: string; detail: string } | null {
  if (!(error instanceof ServerRefusal) || (error.status !== 413 && error.status !== 422)) return null;
  return { kind: "refused", status: error.status, code: error.code, detail: error.message };
}

/** The execution does not exist any more: it was deleted. A 404 of something else on the way has another code. */
export const isGone = (error: unknown): boolean =>
  error instanceof ServerRefusal && error.status === 404 && error.code === "WF_1100";

/** The server could not be reached, or answered that it cannot answer now. */
export class ServerUnreachable extends Error {
  constructor(operation: string, why: string, cause?: unknown) {
    super(`${operation}: ${why}`, { cause });
    this.name = "ServerUnreachable";
  }
}

/** The server failed at this call. Repeating it may not help: something in its body may be to blame. */
export class ServerFailed extends ServerUnreachable {
  constructor(operation: string, why: string) {
    super(operation, why);
    this.name = "ServerFailed";
  }
}

/** One item of a call may be to blame for this error: its values, or what is stored of its execution. */
export const mayBeOneItem = (error: unknown): boolean =>
  error instanceof ServerFailed ||
  refusedFor(error) !== null ||
  !(error instanceof ServerUnreachable || error instanceof ServerRefusal || isStoreDown(error) || isAbort(error));

/** Not the fault of an item: payloads of any execution cannot be offloaded now. */
const isStoreDown = (error: unknown): boolean => error instanceof EncodingError && error.fault === "store";

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === "AbortError";

/** The longest pause between two tries, ms: short, so that the worker finds a restarted server soon. */
const LONGEST_PAUSE = 1_000;
const TRANSIENT = new Set([408, 425, 429, 500, 502, 503, 504]);
/** Calls about one execution or a few. The worker tries an execution again later, so that these must not hold its calls up. */
const OF_EXECUTIONS = new Set<WorkerOperation>(["append", "claim", "close", "discard", "park", "read"]);
/** So often such a call is sent while the server answers 500. */
const TRIES_OF_FAILED = 4;

/** Time without a byte after which a try fails, ms. */
export const TIMEOUT_MS = 30_000;

export interface TransportOptions {
  /** Calls are repeated for this long, ms, while the server cannot be reached. Default 5 min. */
  readonly patienceMs?: number;
  readonly onRetry?: (operation: string, why: Error, attempt: number) => void;
}

export interface Answered {
  readonly status: number;
  readonly text: string;
}

/** One way to the server. `P`: a body in the form in which it leaves. */
export interface Way<P> {
  pack(body: unknown): P | Promise<P>;
  /** One try. Gives the lines of an answer of lines to `parts`. Rejects if no whole answer comes. */
  send(operation: WorkerOperation, payload: P, o: CallOptions, parts: PartReader | undefined): Promise<Answered>;
  close(): void;
}

/** Workflow code that was given a task comes to rest within an iteration of the event loop, if it waits for nothing else. */
async function behindFirstCalls(): Promise<void> {
  await yieldToEventLoop();
  await yieldToEventLoop();
}

export function transportOver<P>(way: Way<P>, options: TransportOptions): Transport {
  const patience = options.patienceMs ?? 300_000;
  let closed = false;

  async function tryOnce(operation: WorkerOperation, payload: P, o: CallOptions): Promise<unknown> {
    const parts = o.onPart && new PartReader(o.onPart);
    const { status, text } = await way.send(operation, payload, o, parts);
    if (parts?.isUsed) {
      if (!parts.isComplete) throw new ServerUnreachable(operation, "its answer in parts was cut short");
      return { deliveries: [] };
    }
    if (status === 200) return parse(operation, text);
    const body = readError(status, text);
    if (status === 500 && OF_EXECUTIONS.has(operation)) throw new ServerFailed(operation, `500 ${body.detail}`);
    if (TRANSIENT.has(status)) throw new ServerUnreachable(operation, `${status} ${body.detail}`);
    throw new ServerRefusal(operation, status, body.code, body.detail);
  }

  return {
    inParts: true,
    async call(operation, body, o = {}) {
      if (operation === "poll") await behindFirstCalls(); // TRANSPORT-1
      const payload = await way.pack(body);
      const until = performance.now() + patience;
      for (let attempt = 1; ; attempt++) {
        try {
          return (await tryOnce(operation, payload, o)) as never;
        } catch (error) {
          const helps =
            error instanceof ServerUnreachable && !(error instanceof ServerFailed && attempt >= TRIES_OF_FAILED);
          const again = helps && o.retry !== false && !closed && performance.now() < until;
          if (!again || o.signal?.aborted) throw error;
          options.onRetry?.(operation, error, attempt);
          await pause(Math.min(LONGEST_PAUSE, 50 * 2 ** Math.min(attempt, 7)) * (0.5 + Math.random() / 2), o.signal);
        }
      }
    },
    close() {
      closed = true;
      way.close();
    },
  };
}

/**
 * JSON in which U+FFFD stands for each half of a surrogate pair, as in the values of user code (VALUES-1): the server refuses a
 * body that has one (JSON-4), and a text such as the type of a task must not fail its execution. `JSON.stringify` escapes
 * halves, and never a whole pair.
 */
export const withoutHalves = (json: string): string =>
  /\\ud[89a-f]/.test(json)
    ? json.replace(/\\(?:ud[89a-f][0-9a-f]{2}|.)/g, (one) => (one.length > 2 ? "\\ufffd" : one))
    : json;

/** Every answer is a JSON object. An HTTP front that streams may cut one short without an error. */
function parse(operation: WorkerOperation, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = `its answer was cut short after ${text.length} characters`;
    throw new ServerUnreachable(operation, why, error);
  }
}

/** What to do where an HTTP front, such as a function URL, API Gateway or a proxy, refuses by itself and for good. */
const OF_THE_FRONT: Readonly<Record<number, string>> = {
  403: "It is no answer of a Sirocco server. On AWS, workers use the stack's output WorkerUrl as it is",
  413: "What stands before the server takes no body of this size (6 MB on AWS). Return less, or let the encoding of payloads offload it",
  431: "The headers are too large for what stands before the server. Is SIROCCO_API_KEY one whole key, and nothing else?",
};

/** The refusal of an HTTP front has another shape than the server's. */
function readError(status: number, text: string): { code: string; detail: string } {
  const unknown = status === 413 ? "PAYLOAD_TOO_LARGE" : "UNKNOWN";
  const advice = OF_THE_FRONT[status];
  const advised = (said: string) => (advice === undefined ? said : `${said === "" ? "" : `${said}. `}${advice}`);
  try {
    const body = JSON.parse(text) as { code?: unknown; detail?: unknown; message?: unknown; Message?: unknown };
    const said = body.detail ?? body.message ?? body.Message ?? body;
    const detail = typeof said === "string" ? said : JSON.stringify(said);
    return typeof body.code === "string" ? { code: body.code, detail } : { code: unknown, detail: advised(detail) };
  } catch {
    return { code: unknown, detail: advised(text.slice(0, 300)) };
  }
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done);
  });
}
