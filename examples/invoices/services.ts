/**
 * A simulation of the three external services: an HTTP server with exchange rates, registered VAT ids and a treasury that is
 * notified of bookings. It answers slowly, and some requests fail: with 503, a closed connection or no answer. A failed
 * notification may have taken effect, as with a real service.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** Euros for one unit, in millionths. */
export const RATES: Readonly<Record<string, number>> = {
  USD: 921_400,
  GBP: 1_168_300,
  CHF: 1_043_700,
  SEK: 89_300,
};
const UNREGISTERED = new Set(["GB000000000"]);

export interface ServicesOptions {
  /** 0 = any that is free (default). */
  readonly port?: number;
  /** Share of requests that fail, 0 to 1. Default 0.2. */
  readonly failures?: number;
  /** Shortest and longest response time. Default 100 to 700 ms. */
  readonly latencyMs?: readonly [number, number];
  /** Default `Math.random`. */
  readonly random?: () => number;
}

export interface Services {
  readonly url: string;
  /** Number of requests, and of those that were made to fail. */
  readonly counts: { readonly requests: number; readonly failed: number };
  /** Numbers of the invoices that the treasury was notified of. */
  readonly notified: ReadonlySet<string>;
  close(): Promise<void>;
}

export async function startServices(options: ServicesOptions = {}): Promise<Services> {
  const { failures = 0.2, latencyMs = [100, 700], random = Math.random } = options;
  const counts = { requests: 0, failed: 0 };
  const notified = new Set<string>();
  const server = createServer(async (request, response) => {
    counts.requests += 1;
    await delay(latencyMs[0] + random() * (latencyMs[1] - latencyMs[0]));
    if (response.destroyed) return;
    const { pathname } = new URL(request.url ?? "/", "http://services");
    if (request.method === "PUT") notified.add(pathname.split("/")[2] ?? "");
    if (random() < failures) {
      counts.failed += 1;
      const kind = random();
      if (kind < 0.2) response.destroy();
      else if (kind > 0.95)
        setTimeout(() => response.destroy(), 10_000).unref(); // no answer
      else response.writeHead(503).end();
      return;
    }
    const [status, body] = answer(pathname);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve, reject) =>
    server.once("error", reject).listen(options.port ?? 0, "127.0.0.1", resolve),
  );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    notified,
    close: () => close(server),
  };
}

function answer(path: string): readonly [status: number, body: unknown] {
  const [, kind, id = ""] = path.split("/");
  if (kind === "rates" && RATES[id] !== undefined) return [200, { currency: id, eurMicros: RATES[id] }];
  if (kind === "vat-ids" && !UNREGISTERED.has(id)) return [200, { vatId: id, registered: true }];
  if (kind === "bookings") return [200, { number: id }];
  return [404, { error: `there is no ${path}` }];
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
