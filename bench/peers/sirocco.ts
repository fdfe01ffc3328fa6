/**
 * Sirocco with a SQLite file and full sync, as `sirocco dev --worker` runs it: a server and a worker, in one process or in two.
 */
import { fileURLToPath } from "node:url";
import { VERSION } from "../../shared/protocol/version.ts";
import { installation, KEY } from "../harness.ts";
import { freePort, launch, type Peer, type RunningPeer } from "./peer.ts";

const version = `${VERSION}, SQLite ${process.versions.sqlite}`;

const request =
  (port: number, key: string): RunningPeer["request"] =>
  (steps) => ({
    port,
    path: "/v1/workflows/sequence/execute",
    headers: { authorization: `Bearer ${key}` },
    body: { input: { steps, report: false }, wait_for_result: true, timeout_seconds: 280 },
  });

export const sirocco: Peer = {
  name: "Sirocco",
  async start(folder) {
    const port = await freePort();
    const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
    const args = [file("../../cli/bin.js"), "dev", "--one-process", "--worker", file("../processes/worker.ts")];
    const started = await launch(process.execPath, [...args, "--port", String(port), "--data", folder], {
      env: { SIROCCO_API_KEY: KEY, DEPLOYMENT_NAME: "bench" },
      ready: () => serves(port),
    });
    return {
      version,
      processes: { "server and worker": started.pid },
      request: request(port, KEY),
      stop: () => started.stop(),
    };
  },
};

/** Rejects while no worker has registered the workflow. */
async function serves(port: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/workflows/sequence`, {
    headers: { authorization: `Bearer ${KEY}` },
  });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
}

export const twoProcesses: Peer = {
  name: "Sirocco, two processes",
  async start() {
    const on = await installation();
    const worker = await on.worker();
    return {
      version,
      processes: { server: on.server.child.pid ?? 0, worker: worker.child.pid ?? 0 },
      request: request(Number(new URL(on.url).port), on.key),
      stop: () => on.close(),
    };
  },
};
