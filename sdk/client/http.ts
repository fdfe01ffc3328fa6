/**
 * Sends requests and repeats them.
 *
 * REPEAT-1. A request that may be done twice (reads, and starts with their idempotency key) is repeated after a lost connection, 429,
 *     500, 502, 503 and 504. Any other request is repeated only after 429, which the server sends before it does anything.
 * REPEAT-2. The pauses double, with a random part, and a `Retry-After` makes them longer. A signal ends them.
 */
import { ApiError } from "./errors.ts";

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

export interface ConnectionOptions {
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly fetch: Fetch;
  readonly headers: Readonly<Record<string, string>>;
  readonly attempts: number;
}

export interface RequestOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** The request may be done twice (REPEAT-1). */
  readonly repeatable: boolean;
}

const TRANSIENT = new Set([429, 500, 502, 503, 504]);
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

export class Connection {
  readonly #options: ConnectionOptions;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** The JSON of the answer; undefined if it has none. Throws `ApiError`. */
  async call<T>(method: string, path: string, options: RequestOptions): Promise<T> {
    const response = await this.send(method, path, options);
    const text = await response.text();
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** The answer, which is a success. Throws `ApiError`. */
  async send(method: string, path: string, { body, headers, signal, repeatable }: RequestOptions): Promise<Response> {
    const { url, apiKey, fetch, headers: own, attempts } = this.#options;
    const init: RequestInit = {
      method,
      headers: {
        ...own,
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: jsonText(body) }),
      ...(signal && { signal }),
    };
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const last = attempt >= attempts;
      let retryAfterMs = 0;
      try {
        const response = await fetch(url + path, init);
        if (response.ok) return response;
        const repeat = repeatable ? TRANSIENT.has(response.status) : response.status === 429;
        if (last || !repeat) throw await refusal(response, `${method} ${path}`);
        retryAfterMs = 1000 * (Number(response.headers.get("retry-after")) || 0);
        await response.body?.cancel();
      } catch (error) {
        if (error instanceof ApiError || signal?.aborted || !repeatable || last) throw error;
      }
      const doubled = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
      await pause(Math.max(retryAfterMs, doubled * (0.5 + Math.random() / 2)), signal);
    }
  }
}

async function refusal(response: Response, what: string): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  const body = parsed(text) as { detail?: unknown; code?: unknown } | undefined;
  const detail = typeof body?.detail === "string" ? body.detail : (places(body?.detail) ?? text.slice(0, 200));
  const code = typeof body?.code === "string" ? body.code : null;
  const message = detail === "" ? `${what} was answered with ${response.status}` : detail;
  return new ApiError(message, { status: response.status, code, body: body ?? text });
}

/** The places of a 422 as one line. */
function places(detail: unknown): string | undefined {
  if (!Array.isArray(detail)) return undefined;
  return detail.map(({ loc, msg }) => `${Array.isArray(loc) ? loc.join(".") : ""}: ${msg}`).join("; ");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON text, or a `TypeError` where `JSON.stringify` would silently lose a value. */
function jsonText(body: unknown): string {
  return JSON.stringify(body, function (this: Record<string, unknown>, key, value) {
    const given = this[key];
    const lost =
      (typeof given === "number" && !Number.isFinite(given)) ||
      typeof given === "function" ||
      typeof given === "symbol" ||
      given instanceof Map ||
      given instanceof Set ||
      given instanceof Promise ||
      given instanceof Error ||
      given instanceof ArrayBuffer ||
      ArrayBuffer.isView(given);
    if (lost) throw new TypeError(`the value of '${key}' is ${String(given)}, which JSON cannot hold`);
    return value;
  });
}

export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
