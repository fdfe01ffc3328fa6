/** The thread of the server of `sirocco dev --one-process`. */
import { parentPort, workerData } from "node:worker_threads";
import type { Embedded } from "../../shared/server/embedded.ts";
import { CliError, EXIT } from "../errors.ts";
import type { RunningServer } from "../server/index.ts";
import type { FromServer, ThreadStart, ToServer } from "./one-process.ts";
import { serve } from "./serve.ts";

const { options, io, closed } = workerData as ThreadStart;
const stop = new AbortController();
let ports: Embedded | undefined;
let server: RunningServer | undefined;

const tell = (message: FromServer) => parentPort!.postMessage(message);
parentPort!.on("message", (message: ToServer) => {
  if (message.kind === "stop") stop.abort();
  else if (message.kind === "serve") server?.serve(message.port);
  else close();
});
process.once("exit", () => {
  Atomics.store(new Int32Array(closed), 0, 1);
  Atomics.notify(new Int32Array(closed), 0);
});

/** ONEPROCESS-4. */
function close(): void {
  try {
    ports?.close();
  } finally {
    process.exit();
  }
}

try {
  const exit = await serve({
    ...options,
    worker: undefined,
    syncsApart: true, // ONEPROCESS-5
    onOpen(opened) {
      ports = opened;
    },
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
  ports = undefined;
  tell({ kind: "ended", exit });
} catch (error) {
  ports = undefined;
  if (!(error instanceof CliError)) throw error;
  const { exit, message, advice } = error;
  tell({ kind: "ended", exit: exit === EXIT.ok ? EXIT.failed : exit, message, advice });
}
