/** The server of the demo: `sirocco dev` in a process of its own. */
import { CLI, type Processes, type Running } from "./processes.ts";

export interface DemoServer {
  readonly url: string;
  readonly key: string;
  readonly process: Running;
}

/** Shorter than the default of 30 s, so that the demo sees leases expire sooner. */
const LEASE = "4s";

/** Resolves when the server listens. `port` 0: any free port. */
export async function startServer(processes: Processes, data: string, port: number): Promise<DemoServer> {
  const args = [CLI, "dev", "--data", data, "--port", String(port), "--lease", LEASE, "--session-timeout", LEASE];
  const running = processes.start("server", args, { SIROCCO_API_KEY: "" });
  const found = new Map<string, string>();
  const early = running.ended.then((how) => Promise.reject(new Error(`the server ended before it listened (${how})`)));
  const listening = (async () => {
    for await (const line of running.lines) {
      const [name, value] = line.split("=", 2);
      if (value) found.set(name!, value);
      const [url, key] = [found.get("SIROCCO_URL"), found.get("SIROCCO_API_KEY")];
      if (url && key) return { url, key, process: running };
    }
    return early;
  })();
  early.catch(() => {});
  return Promise.race([listening, early]);
}
