/** The thread of the server of `sirocco dev --one-process`. */
import { parentPort, workerData } from "node:worker_threads";
import { CliError, EXIT } from "../errors.ts";
import type { RunningServer } from "../server/index.ts";
import type { FromServer, ThreadStart, ToServer } from "./one-process.ts";
import { serve } from "./serve.ts";

const { options, io } = workerData as ThreadStart;
const stop = new AbortController();
let server: RunningServer | undefined;

const tell = (message: FromServer) => parentPort!.postMessage(message);
parentPort!.on("message", (message: ToServer) => {
  if (message.kind === "stop") stop.abort();
  else if (server) server.serve(message.port);
});

try {
  const exit = await serve({
    ...options,
    worker: undefined,
    onListening(at, key) {
      server = at;
      tell({ kind: "listening", url: at.url, key });
    },
    io: {
      ...io,
      // The main thread looks after the processes that started this one.
      env: { ...io.env, npm_lifecycle_script: undefined },
      out: (line) => tell({ kind: "out", line }),
      err: (line) => tell({ kind: "err", line }),
      stdin: async () => "",
      signal: stop.signal,
    },
  });
  tell({ kind: "ended", exit });
} catch (error) {
  if (!(error instanceof CliError)) throw error;
  const { exit, message, advice } = error;
  tell({ kind: "ended", exit: exit === EXIT.ok ? EXIT.failed : exit, message, advice });
}
parentPort!.close();
