/** The worker core as a child process of a host: `protocol.ts` on standard input and output, logs as JSON lines on stderr. */

import { realClock } from "../../shared/lib/clock.ts";
import { httpTransport } from "../worker/http-transport.ts";
import { consoleLog } from "../worker/log.ts";
import { runCore } from "./core.ts";
import { pipeInput } from "./pipe.ts";

// Ctrl-C reaches the whole process group. The host decides what it means and says `stop`.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});

// HOST-3. The host reads this pipe: when it dies, a line of the log fails, and that must not keep the core from handing back.
process.stderr.on("error", () => {});

// The host logs each line again, in the form that the user has asked for.
const log = consoleLog({ SIROCCO_LOG_FORMAT: "json", SIROCCO_LOG_LEVEL: process.env.SIROCCO_LOG_LEVEL });
process.on("uncaughtException", (error) => {
  log.error(`the worker core failed: ${error.message}`, { stack: error.stack });
  process.exit(70);
});

runCore({
  input: pipeInput(0),
  output: process.stdout,
  clock: realClock,
  log,
  metricsPort: process.env.SIROCCO_METRICS_PORT,
  transport: (options) => httpTransport(options),
  exit: (code) => {
    // What was written last, such as `refused`, must reach the host: a pipe is flushed by its callback.
    process.stdout.write("", () => process.exit(code));
    setTimeout(() => process.exit(code), 1_000).unref();
  },
});
