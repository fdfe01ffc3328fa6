/**
 * Which requests of browsers the server takes. Any page that somebody visits can send requests to this machine.
 *
 * DOOR-1. A server that listens on this machine alone takes only requests whose `Host` names this machine. A page whose
 *     name is made to point here afterwards (DNS rebinding) sends its own name, and is refused.
 * DOOR-2. A request with the `Origin` of another site is refused, unless the operator has allowed that origin. Then the
 *     answer lets the page read it, without credentials: the key comes in a header, never in a cookie.
 */
import type { IncomingHttpHeaders } from "node:http";
import { forbidden, type Refusal } from "../../shared/protocol/errors.ts";

const LOCAL = new Set(["localhost", "127.0.0.1", "[::1]"]);
const LOOPBACK = new Set(["localhost", "127.0.0.1", "::1"]);
const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";
const HEADERS = "authorization, content-type, idempotency-key, last-event-id, x-request-id";
const PREFLIGHT_SECONDS = "600";

export interface DoorOptions {
  /** The address on which the server listens. */
  readonly host: string;
  /** Its address for clients, where the operator has given one. */
  readonly url?: string | undefined;
  /** Such as `https://console.example.com`. */
  readonly origins?: readonly string[] | undefined;
}

export class Doors {
  readonly #isLocal: boolean;
  readonly #names: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  /** The last `Host` that named this machine: clients send the same one with each request. */
  #lastHost = "";

  constructor({ host, url, origins = [] }: DoorOptions) {
    this.#isLocal = LOOPBACK.has(host) || /^127\./.test(host); // also `127.1`
    this.#names = new Set([...LOCAL, host.toLowerCase(), ...(url ? [new URL(url).hostname] : [])]);
    this.#origins = new Set(origins);
  }

  /** The refusal of a request with these headers, null: it may go on. */
  refuse({ host, origin }: IncomingHttpHeaders): Refusal | null {
    if (this.#isLocal && host !== undefined && !this.#isOurs(host)) {
      return forbidden(
        `This server serves this machine alone, and the request was sent to '${host.slice(0, 100)}'. Use http://localhost with its port.`,
      );
    }
    if (origin === undefined || this.#origins.has(origin) || isSame(origin, host)) return null;
    return forbidden(
      `Pages of the origin '${origin.slice(0, 100)}' may not call this server. Its operator can allow that with sirocco dev --origin.`,
    );
  }

  #isOurs(host: string): boolean {
    if (host === this.#lastHost) return true;
    const name = host.replace(/:\d+$/, "").toLowerCase();
    const isOurs = this.#names.has(name) || name.endsWith(".localhost");
    if (isOurs) this.#lastHost = host;
    return isOurs;
  }

  /** Headers that let the page of an allowed origin read the answer. */
  headers({ origin }: IncomingHttpHeaders): Record<string, string> {
    if (this.#origins.size === 0) return {};
    if (origin === undefined || !this.#origins.has(origin)) return { vary: "origin" };
    return {
      vary: "origin",
      "access-control-allow-origin": origin,
      "access-control-expose-headers": "x-request-id, retry-after",
    };
  }

  /** The headers that answer a browser's question before a request of an allowed origin; null: it is no such question. */
  preflight(method: string, headers: IncomingHttpHeaders): Record<string, string> | null {
    if (method !== "OPTIONS" || headers["access-control-request-method"] === undefined) return null;
    const allowed = this.headers(headers);
    if (allowed["access-control-allow-origin"] === undefined) return null;
    return {
      ...allowed,
      "access-control-allow-methods": METHODS,
      "access-control-allow-headers": HEADERS,
      "access-control-max-age": PREFLIGHT_SECONDS,
    };
  }
}

const isSame = (origin: string, host: string | undefined): boolean =>
  host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);

/** The problem of an origin that an operator gives; null: it is one. */
export function originProblem(text: string): string | null {
  if (URL.canParse(text) && new URL(text).origin === text) return null;
  return "an origin is a scheme and a host, and a port if it is not the usual one, such as https://console.example.com";
}
