/** A server over a data file with a worker, as they were when each of the recorded files was written. */
import * as z from "zod";
import { startServer } from "../../cli/server/index.ts";
import { createClient } from "../../sdk/client/index.ts";
import { activity, on, query, signal, startWorker, waitUntil, workflow } from "../../sdk/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { embedded } from "../../shared/server/embedded.ts";
import { QUIET } from "../support/test-server.ts";

/** The recorded executions are older than the usual retention when a test opens their file. */
const RETENTION_MS = 1_000 * 365 * 86_400_000;

const charge = activity({ name: "charge", input: z.number(), output: z.string() }, async (cents) => `paid ${cents}`);
export const approve = signal("approve", z.object({ by: z.string() }));
export const state = query("state", z.string());
/** These definitions stay as they are: the recorded executions replay against them. */
export const order = workflow(
  {
    name: "order",
    input: z.object({ cents: z.number() }),
    output: z.string(),
    timeout: null,
    handlers: [approve, state],
  },
  async ({ cents }) => {
    let by: string | null = null;
    let receipt: string | null = null;
    on(approve, (input) => {
      by = input.by;
    });
    on(state, () => (receipt === null ? "charges" : by === null ? "waits" : "approved"));
    receipt = await charge(cents);
    await waitUntil(() => by !== null);
    return `${receipt}, approved by ${by}`;
  },
);

export async function installation(file: string) {
  const ports = embedded({ file, settings: { retentionMs: RETENTION_MS } });
  const server = await startServer({ ports, version: "0.0.0", port: 0 });
  const { key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "formats" });
  const at = { url: server.url, apiKey: key };
  const worker = await startWorker({
    ...at,
    deployment: "shop",
    name: "worker",
    workflows: [order],
    activities: [charge],
    log: QUIET,
  });
  return {
    ports,
    client: createClient(at),
    /** A call of the API with that key. */
    async get(path: string): Promise<Record<string, unknown>> {
      const answer = await fetch(server.url + path, { headers: { authorization: `Bearer ${key}` } });
      return (await answer.json()) as Record<string, unknown>;
    },
    async post(path: string, body: unknown): Promise<void> {
      const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
      const { ok, status } = await fetch(server.url + path, { method: "POST", headers, body: JSON.stringify(body) });
      if (!ok) throw new Error(`POST ${path}: ${status}`);
    },
    async close(): Promise<void> {
      await worker.stop();
      await server.close(500);
      ports.close();
    },
  };
}
