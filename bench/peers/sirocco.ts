/** Sirocco as `sirocco dev` runs it: one server with a SQLite file and full sync, one worker. */
import { VERSION } from "../../shared/protocol/version.ts";
import { installation } from "../harness.ts";
import type { Peer } from "./peer.ts";

export const sirocco: Peer = {
  name: "Sirocco",
  async start() {
    const on = await installation();
    const worker = await on.worker();
    return {
      version: `${VERSION}, SQLite ${process.versions.sqlite}`,
      processes: { server: on.server.child.pid ?? 0, worker: worker.child.pid ?? 0 },
      request: (steps) => ({
        port: Number(new URL(on.url).port),
        path: "/v1/workflows/sequence/execute",
        headers: { authorization: `Bearer ${on.key}` },
        body: { input: { steps, report: false }, wait_for_result: true, timeout_seconds: 280 },
      }),
      stop: () => on.close(),
    };
  },
};
