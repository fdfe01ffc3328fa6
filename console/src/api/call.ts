/** Calls the API. Every failure is a `CallFailed` with a sentence for the person. */
import { serverSays } from "./clock.ts";
import { CallFailed, failureOf } from "./failure.ts";
import { readJson, writeJson } from "./json.ts";
import { type Answer, type Called, type CallOf, methodOf, pathOf } from "./operations.ts";
import { inTurn } from "./reads.ts";
import { forget, type Session, session } from "./session.ts";
import { rememberUnavailable } from "./unavailable.ts";

/** Longer than the server lets any call of the console wait. */
const TIMEOUT_MS = 60_000;

export async function call<O extends Called>(operation: O, options: CallOf<O>, as = session()): Promise<Answer<O>> {
  if (!as) throw new CallFailed(401, "The console has no API key: connect first.");
  const ask = async () => {
    const response = await send(operation, options, as, "application/json");
    const text = await response.text().catch((error) => Promise.reject(unreachable(error)));
    return { response, text };
  };
  const { response, text } = await (methodOf(operation) === "GET" ? inTurn(options.signal, ask) : ask());
  if (!response.ok) {
    const failure = failureOf(response.status, text);
    if (failure.status === 501) rememberUnavailable(operation, failure.message);
    throw refused(failure, as);
  }
  return (text === "" ? undefined : readJson(text)) as Answer<O>;
}

/** The body of a stream; ends with `signal`. */
export async function open(
  query: NonNullable<CallOf<"getStreamEvents">["query"]>,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const as = session();
  if (!as) throw new CallFailed(401, "The console has no API key: connect first.");
  const response = await send("getStreamEvents", { query, signal }, as, "text/event-stream");
  if (!response.ok || !response.body) throw refused(failureOf(response.status, await response.text()), as);
  return response.body;
}

let writing = 0;
/** Calls that change something and have no answer yet. */
export const writesInFlight = (): number => writing;

async function send<O extends Called>(operation: O, options: CallOf<O>, as: Session, accept: string) {
  const { params, query, body, idempotencyKey, signal } = options;
  const limits = [signal, ...(accept === "application/json" ? [AbortSignal.timeout(TIMEOUT_MS)] : [])];
  const headers: Record<string, string> = { accept, authorization: `Bearer ${as.key}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
  const isWrite = methodOf(operation) !== "GET";
  if (isWrite) writing++;
  try {
    const response = await fetch(as.base + pathOf(operation, params, query), {
      method: methodOf(operation),
      headers,
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.any(limits.filter((limit) => limit !== undefined)),
      ...(body !== undefined && { body: writeJson(body) }),
    });
    serverSays(response.headers.get("date"));
    return response;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable(error);
  } finally {
    if (isWrite) writing--;
  }
}

function unreachable(error: unknown): CallFailed {
  const late = error instanceof DOMException && error.name === "TimeoutError";
  return new CallFailed(
    0,
    late ? `The server did not answer within ${TIMEOUT_MS / 1000} s.` : "The server cannot be reached.",
  );
}

/** A key that the server does not know any more leads back to Connect. */
function refused(failure: CallFailed, as: Session): CallFailed {
  if (failure.status === 401 && session() === as) forget();
  return failure;
}
