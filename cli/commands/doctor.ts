/** `sirocco doctor`: checks what a running workflow needs, from this terminal to its workers, and gives advice. */
import { DeploymentName, idProblem } from "../../shared/protocol/ids.ts";
import { HEARTBEAT_SECONDS } from "../../shared/protocol/limits.ts";
import { type Api, apiOf } from "../api.ts";
import { command } from "../command.ts";
import { CliError, EXIT, type Exit } from "../errors.ts";
import type { Io } from "../io.ts";
import { paint, printJson, span } from "../print.ts";
import { jsonFlag, type Target, targetFlags, targetOf } from "../target.ts";
import { VERSION } from "../version.ts";
import { allOf } from "./deployments/show.ts";

interface Check {
  readonly check: string;
  readonly state: "ok" | "warning" | "failed";
  readonly found: string;
  readonly advice?: readonly string[];
}

/** A larger difference between the clocks makes times in histories misleading. */
const SKEW_MS = 5_000;
/** A worker that has sent no heartbeat for longer may have died. */
const SILENT_MS = 2 * HEARTBEAT_SECONDS * 1000;
/** The environment variables that the command, workers and clients read. */
const VARIABLES = ["SIROCCO_URL", "SIROCCO_API_KEY", "DEPLOYMENT_NAME", "WORKER_NAME", "HEALTH_SERVER_PORT"] as const;

export const doctor = command({
  name: "doctor",
  summary: "check versions, address, key and workers; the output is for support requests and shows no secrets",
  positionals: [],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco doctor"],
  async run(_, flags, io) {
    const checks: Check[] = [];
    let exit: Exit = EXIT.ok;
    for await (const check of examine(flags, io)) {
      checks.push(check);
      if (check.state === "failed" && exit === EXIT.ok)
        exit = check.check === "server" ? EXIT.unreachable : EXIT.failed;
      if (!flags.json) show(check, io);
    }
    if (flags.json) printJson(io, { checks });
    return exit;
  },
});

async function* examine(flags: { url: string | undefined; key: string | undefined }, io: Io): AsyncGenerator<Check> {
  yield {
    check: "sirocco",
    state: "ok",
    found: `${VERSION}, Node ${process.version}, ${process.platform} ${process.arch}`,
  };
  const set = VARIABLES.filter((name) => io.env[name]).map((name) => `${name}=${shown(name, io.env[name]!)}`);
  yield { check: "environment", state: "ok", found: set.join(" ") || "no variable of Sirocco is set" };
  const name = io.env.DEPLOYMENT_NAME;
  const problem = name ? idProblem(DeploymentName, name) : undefined;
  if (problem !== undefined) {
    yield {
      check: "environment",
      state: "warning",
      found: `DEPLOYMENT_NAME: ${problem}`,
      advice: ["Workers refuse this name: set another."],
    };
  }
  let target: Target;
  try {
    target = targetOf(flags, io);
  } catch (error) {
    yield failed("key", error);
    return;
  }
  yield { check: "target", state: "ok", found: `${target.url} (${target.from.url}), key from ${target.from.key}` };
  yield* connected(flags, target, io);
}

async function* connected(
  flags: { url: string | undefined; key: string | undefined },
  target: Target,
  io: Io,
): AsyncGenerator<Check> {
  const api = apiOf(flags, io);
  try {
    const before = Date.now();
    const { version, set_aside: setAside } = await api.call("getHealth");
    yield { check: "server", state: "ok", found: `version ${version}, answered in ${Date.now() - before} ms` };
    if (setAside !== undefined) {
      yield {
        check: "store",
        state: "warning",
        found: `${setAside} damaged rows are set aside`,
        advice: ["The server's log names each of them."],
      };
    }
    if (version.split(".")[0] !== VERSION.split(".")[0]) {
      yield {
        check: "server",
        state: "warning",
        found: `server ${version}, command ${VERSION}`,
        advice: ["Use the same major version of server and command."],
      };
    }
  } catch (error) {
    yield failed("server", error);
    return;
  }
  const skew = await clockSkew(target, io);
  if (Math.abs(skew) > SKEW_MS) {
    const found = `this machine's clock is ${Math.round(Math.abs(skew) / 1000)} s ${skew < 0 ? "ahead of" : "behind"} the server's`;
    yield {
      check: "clock",
      state: "warning",
      found,
      advice: ["Synchronise the clocks: times in histories are the server's."],
    };
  }
  try {
    const { namespace } = await api.call("getWorkerInfo");
    yield { check: "key", state: "ok", found: `accepted, workspace ${namespace}` };
    yield* workersOf(api);
  } catch (error) {
    yield failed("key", error);
  }
}

async function* workersOf(api: Api): AsyncGenerator<Check> {
  const active = await allOf(api, { active_only: true });
  let live = 0;
  for (const { name } of active) {
    const { workers } = await api.call("getDeployment", { params: { name } });
    for (const w of workers.filter((one) => one.is_active)) {
      live += 1;
      const age = Math.max(0, Date.now() - Date.parse(w.last_heartbeat));
      const process = w.process_id === null ? "" : `, process ${w.process_id}`;
      const found = `${w.name} of ${name}${process}, session ${w.session_id}: heartbeat ${span(age)} ago`;
      if (age <= SILENT_MS) yield { check: "worker", state: "ok", found };
      else
        yield {
          check: "worker",
          state: "warning",
          found,
          advice: [`It may have died: workers send one every ${HEARTBEAT_SECONDS} s, and count as live for some more.`],
        };
    }
  }
  if (live > 0) return;
  yield {
    check: "workers",
    state: "warning",
    found: "none is live",
    advice: [
      "Executions wait until a worker starts: sirocco dev --worker FILE,",
      "or node FILE with SIROCCO_URL and SIROCCO_API_KEY set.",
    ],
  };
}

/** By how much the server's clock is ahead, in ms, precise to a second; the server's date has no finer unit. */
async function clockSkew(target: Target, io: Io): Promise<number> {
  const response = await fetch(`${target.url}/health`, { signal: io.signal });
  const date = Date.parse(response.headers.get("date") ?? "");
  return Number.isNaN(date) ? 0 : date - Date.now();
}

function failed(check: string, error: unknown): Check {
  if (!(error instanceof CliError)) throw error;
  return {
    check,
    state: "failed",
    found: error.message,
    ...(error.advice.length > 0 && { advice: error.advice }),
  };
}

const shown = (name: string, value: string) =>
  name === "SIROCCO_API_KEY" ? `${value.slice(0, 4)}… (${value.length} characters)` : value;

function show(c: Check, io: Io): void {
  const tone = { ok: "good", warning: "warn", failed: "bad" } as const;
  io.out(`${paint(io, tone[c.state], c.state.padEnd(7))}  ${c.check.padEnd(11)}  ${c.found}`);
  for (const line of c.advice ?? []) io.out(`${" ".repeat(22)}${line}`);
}
