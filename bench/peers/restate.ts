/** Restate: its server with its default durability, and one service. */
import { post } from "./http-call.ts";
import { install } from "./install.ts";
import { freePort, launch, type Peer } from "./peer.ts";

export const restate: Peer = {
  name: "Restate",
  async start(folder) {
    const { file, version } = install("restate");
    const [ingress, admin, node, service] = [await freePort(), await freePort(), await freePort(), await freePort()];
    // The program itself: the package's command is a Node process around it.
    const server = await launch(
      file(`node_modules/@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`),
      ["--base-dir", folder, "--node-name", "bench"],
      {
        env: {
          RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
          RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
          RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
          RESTATE_LOG_FILTER: "warn",
          RESTATE_DISABLE_TELEMETRY: "true",
        },
        ready: async () => {
          const { ok, status } = await fetch(`http://127.0.0.1:${admin}/health`);
          if (!ok) throw new Error(`/health answered ${status}`);
        },
      },
    );
    const app = await launch(process.execPath, [file("service.mjs")], {
      env: { PORT: String(service) },
      ready: () =>
        post({ port: admin, path: "/deployments", body: { uri: `http://127.0.0.1:${service}`, force: true } }),
    });
    return {
      version: `${version("@restatedev/restate-server")}, SDK ${version("@restatedev/restate-sdk")}`,
      processes: { server: server.pid, service: app.pid },
      request: (steps) => ({ port: ingress, path: "/sequence/run", body: steps }),
      async stop() {
        await app.stop("SIGKILL");
        await server.stop("SIGKILL");
      },
    };
  },
};
