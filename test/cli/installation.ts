/** A server with workers inside the test process, for tests of the client commands. */

import { startServer } from "../../cli/server/index.ts";
import type { AnyActivity } from "../../sdk/activity.ts";
import { startWorker } from "../../sdk/worker/run.ts";
import type { AnyWorkflow } from "../../sdk/workflow/define.ts";
import { DEFAULT_WORKSPACE } from "../../shared/api/auth.ts";
import { createKey } from "../../shared/api/create-key.ts";
import { embedded } from "../../shared/server/embedded.ts";

export interface Installation {
  readonly url: string;
  readonly env: { SIROCCO_URL: string; SIROCCO_API_KEY: string };
  /** Starts a worker; the answer stops it. */
  worker(
    deployment: string,
    workflows: readonly AnyWorkflow[],
    activities?: readonly AnyActivity[],
  ): Promise<() => Promise<unknown>>;
  /** One round of maintenance. */
  round(): Promise<void>;
  close(): Promise<void>;
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export async function installation(): Promise<Installation> {
  const ports = embedded();
  const { key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "test" });
  const server = await startServer({ ports, version: "0.1.0", port: 0 });
  const workers: (() => Promise<unknown>)[] = [];
  return {
    url: server.url,
    env: { SIROCCO_URL: server.url, SIROCCO_API_KEY: key },
    async worker(deployment, workflows, activities = []) {
      const name = `${deployment}-${workers.length + 1}`;
      const worker = await startWorker({
        deployment,
        name,
        url: server.url,
        apiKey: key,
        workflows,
        activities,
        log: silent,
      });
      workers.push(() => worker.stop());
      return () => worker.stop();
    },
    round: () => ports.sweep(1_000),
    async close() {
      await Promise.all(workers.map((stop) => stop()));
      await server.close(200);
      ports.close();
    },
  };
}
