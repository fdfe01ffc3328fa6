/** The server of the demo: `sirocco dev` in a process of its own. */
import { randomBytes } from "node:crypto";
import { CLI, type Processes, type Running } from "./processes.ts";

export interface DemoServer {
  readonly url: string;
  readonly key: string;
  readonly process: Running;
}

/** Shorter than the default of 30 s, so that the demo sees leases expire sooner. */
const LEASE = "4s";

/** Chosen here, because the server prints its key to a terminal only. */
const KEY = `sk_${randomBytes(24).toString("hex")}`;

/** Resolves when the server listens. `port` 0: any free port. */
export async function startServer(processes: Processes, data: string, port: number): Promise<DemoServer> {
  const args = [CLI, "dev", "--data", data, "--port", String(port), "--lease", LEASE, "--session-timeout", LEASE];
  const running = processes.start("server", args, { SIROCCO_API_KEY: KEY });
  const early = running.ended.then((how) => Promise.reject(new Error(`the server ended before it listened (${how})`)));
  const listening = (async () => {
    for await (const line of running.lines) {
      const [name, url] = line.split("=", 2);
      if (name === "SIROCCO_URL" && url) return { url, key: KEY, process: running };
    }
    return early;
  })();
  early.catch(() => {});
  return Promise.race([listening, early]);
}
