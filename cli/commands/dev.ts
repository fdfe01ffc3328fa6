/** `sirocco dev`: the whole server in one process, for development and small installations. */
import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import { readHeaders } from "../../shared/lib/otlp-headers.ts";
import { command } from "../command.ts";
import { logFlags, logSettingsOf, settingsFlags } from "../dev/settings.ts";
import { CliError, EXIT, usage } from "../errors.ts";
import type { Io } from "../io.ts";
import { countOf } from "../length.ts";
import { originProblem } from "../server/doors.ts";
import { DEFAULT_DATA, DEFAULT_PORT } from "../target.ts";

export const dev = command({
  name: "dev",
  summary: "run a server on this machine, and a worker with it",
  details: `All data, the API key included, is in the data directory and survives a restart.
Copy the two lines on standard output into the environment of workers and
clients; if standard output is no terminal, the key is only in the data
directory's file \`key\`. Another SIROCCO_API_KEY replaces the key.
With --worker the file runs as a worker of this server, in a process of its own
that is restarted when the file, or a file that it imports, changes. With
--one-process both run in one process, for production on one machine: steps
take about four fifths of the time. Nothing reloads the worker, and if its code
crashes or exits the server ends too: have a supervisor start both again.`,
  positionals: [],
  flags: {
    port: {
      type: "string",
      short: "p",
      value: "PORT",
      help: `port to listen on, 0 = any free port (default ${DEFAULT_PORT})`,
    },
    host: { type: "string", value: "HOST", help: "address to listen on (default 127.0.0.1: this machine only)" },
    data: {
      type: "string",
      short: "d",
      value: "DIR",
      help: `data directory, created if missing (default ./${DEFAULT_DATA})`,
    },
    worker: {
      type: "string",
      short: "w",
      value: "FILE",
      help: "also run this worker file, with reload unless --one-process (DEPLOYMENT_NAME: default 'dev')",
    },
    "one-process": { type: "boolean", help: "run server and --worker in one process, without reload" },
    origin: {
      type: "string",
      multiple: true,
      value: "URL",
      help: "pages of this origin may call the server from a browser; may be repeated",
    },
    otlp: {
      type: "string",
      value: "URL",
      help: "send the spans of closed executions to this OpenTelemetry collector, such as http://127.0.0.1:4318",
    },
    ...logFlags,
    ...settingsFlags,
  },
  examples: [
    "sirocco dev",
    "sirocco dev --worker worker.ts",
    "sirocco dev --port 7500 --data ./d",
    "sirocco dev --worker worker.ts --one-process",
    "SIROCCO_API_KEY=my-own-key sirocco dev      # use this key",
  ],
  async run(_, flags, io) {
    const port = countOf("port", flags.port, 0) ?? DEFAULT_PORT;
    if (port > 65_535) throw usage(`--port is ${port}: the highest port is 65535.`);
    const origins = flags.origin;
    for (const origin of origins) {
      const problem = originProblem(origin);
      if (problem) throw usage(`--origin is '${origin}': ${problem}.`);
    }
    const log = logSettingsOf(flags, io.env);
    const otlp = otlpOf(flags.otlp, io.env.OTEL_EXPORTER_OTLP_HEADERS);
    const worker = flags.worker === undefined ? undefined : fileAt(flags.worker, io);
    const data = relative(io.cwd, resolve(io.cwd, flags.data ?? DEFAULT_DATA)) || ".";
    const host = flags.host ?? "127.0.0.1";
    const options = { port, host, data: resolve(io.cwd, data), origins, otlp, log, flags, io };
    // Imported here, so that other commands do not load the engine.
    if (!flags["one-process"]) return (await import("../dev/serve.ts")).serve({ ...options, worker });
    if (worker === undefined) throw usage("--one-process needs a worker: name its file with --worker FILE.");
    return (await import("../dev/one-process.ts")).oneProcess({ ...options, worker });
  },
});

function fileAt(given: string, io: Io): string {
  const path = resolve(io.cwd, given);
  if (!existsSync(path)) throw new CliError(EXIT.usage, `--worker ${given}: there is no such file.`);
  return path;
}

interface Otlp {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** `headers`: as in OpenTelemetry's own variable, `name=value` pairs with commas between them, percent-encoded. */
function otlpOf(url: string | undefined, headers: string | undefined): Otlp | undefined {
  if (url === undefined) return undefined;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw usage(`--otlp is '${url}': it must be the http(s) address of a collector, such as http://127.0.0.1:4318.`);
  }
  const read = readHeaders(headers ?? "");
  if (!read) throw usage("OTEL_EXPORTER_OTLP_HEADERS must be like name=value,other=value, percent-encoded.");
  return { url, headers: read };
}
