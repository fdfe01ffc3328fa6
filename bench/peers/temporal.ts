/** Temporal: its development server with a SQLite file, and one worker. `TEMPORAL_CLI` names the `temporal` program. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { install } from "./install.ts";
import { accepts, freePort, launch, type Peer } from "./peer.ts";

export const temporal: Peer = {
  name: "Temporal",
  async start(folder) {
    const program = process.env.TEMPORAL_CLI;
    if (!program) throw new Error("Temporal needs its program: set TEMPORAL_CLI to the path of `temporal`");
    const { file, version } = install("temporal");
    const [port, http] = [await freePort(), await freePort()];
    const server = await launch(
      program,
      [
        ...["server", "start-dev", "--headless", "--log-level", "error"],
        ...["--ip", "127.0.0.1", "--port", String(port), "--db-filename", join(folder, "temporal.db")],
      ],
      {
        ready: async () =>
          execFileSync(program, ["operator", "cluster", "health", "--address", `127.0.0.1:${port}`], {
            stdio: "ignore",
          }),
      },
    );
    const app = await launch(process.execPath, [file("app.mjs")], {
      env: { PORT: String(http), TEMPORAL_ADDRESS: `127.0.0.1:${port}` },
      ready: () => accepts(http),
    });
    const programVersion = execFileSync(program, ["--version"], { encoding: "utf8" });
    return {
      version: `${programVersion.trim()}, SDK ${version("@temporalio/worker")}`,
      processes: { server: server.pid, application: app.pid },
      request: (steps) => ({ port: http, path: "/sequence", body: steps }),
      async stop() {
        await app.stop("SIGKILL");
        await server.stop("SIGKILL");
      },
    };
  },
};
