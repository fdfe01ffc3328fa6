/** `sirocco replay`: replays the histories of real executions with the code of a worker, before that code is deployed. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { forEachConcurrent } from "../../shared/lib/for-each-concurrent.ts";
import type { WorkflowExecutionWithoutResult } from "../../shared/protocol/http/executions.ts";
import type { ReplayResult } from "../../shared/protocol/replay.ts";
import { Api } from "../api.ts";
import { command } from "../command.ts";
import { EXIT, usage } from "../errors.ts";
import { historyOf } from "../executions.ts";
import type { Io } from "../io.ts";
import { countOf, lengthOf } from "../length.ts";
import { paint, printJson } from "../print.ts";
import { Refused } from "../refused.ts";
import { replayed } from "../replay/program.ts";
import { statusOf } from "../status.ts";
import { jsonFlag, targetFlags, targetOf } from "../target.ts";
import { pages } from "./list.ts";

const DEFAULT_LIMIT = 1000;
/** Histories for which the program is started once. They are on the disk meanwhile. */
const PART = 100;
/** Histories that are fetched at a time. */
const AT_ONCE = 8;
/** Executions that are named for each difference. */
const NAMED = 3;

type Execution = WorkflowExecutionWithoutResult;
interface Replay {
  readonly execution: Execution;
  readonly result: ReplayResult;
}

export const replay = command({
  name: "replay",
  summary: "replay recorded histories with a worker's code, before it is deployed",
  details: `For CI: fetches the histories of the executions that are running, whenever they
began, and of those that began in the last TIME, and replays each with the
workflows of FILE, which is started for it but neither registers nor works. The
exit code is 1 if the code decides something else than was recorded, and 0 if
all fit. A file that ends in .py runs with SIROCCO_PYTHON, or python3.`,
  positionals: [],
  flags: {
    worker: { type: "string", short: "w", value: "FILE", help: "the worker's program, which calls runWorker" },
    since: {
      type: "string",
      value: "TIME",
      help: "closed executions that began in the last TIME, such as 7d (default 1d)",
    },
    workflow: { type: "string", value: "NAME", help: "only executions of this workflow" },
    deployment: { type: "string", value: "NAME", help: "only executions of this deployment" },
    status: {
      type: "string",
      multiple: true,
      value: "STATUS",
      help: "only this status: running, completed, failed …",
    },
    limit: {
      type: "string",
      short: "n",
      value: "N",
      help: `replay at most N, running ones first (default ${DEFAULT_LIMIT})`,
    },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: [
    "sirocco replay --since 7d --worker worker.ts",
    "sirocco replay --status running --workflow order --worker worker.py --json",
  ],
  async run(_, flags, io) {
    if (flags.worker === undefined) throw usage("replay needs --worker FILE: the worker's program.");
    const program = resolve(io.cwd, flags.worker);
    if (!existsSync(program)) throw usage(`--worker ${flags.worker}: there is no such file.`);
    const limit = countOf("limit", flags.limit) ?? DEFAULT_LIMIT;
    const since = new Date(Date.now() - (lengthOf("since", flags.since ?? "1d") as number));
    const statuses = flags.status.map(statusOf);
    const query = { workflow_identifier: flags.workflow, deployment_name: flags.deployment };
    // Payloads stay as they are stored: the program decodes them, and no plain value reaches the disk.
    const api = new Api(targetOf(flags, io), io.signal);
    const { executions, more } = await chosen(api, query, statuses, since, limit);
    const replays = await replaysOf(api, executions, program, io);
    return report(replays, { program: basename(program), more, json: flags.json }, io);
  },
});

/** Running executions first, latest first; then closed ones that began after `since`. */
async function chosen(
  api: Api,
  query: Record<string, string | undefined>,
  statuses: readonly string[],
  since: Date,
  limit: number,
): Promise<{ executions: Execution[]; more: boolean }> {
  const others = statuses.filter((status) => status !== "RUNNING");
  const running =
    statuses.length === 0 || statuses.length > others.length
      ? await pages(api, { ...query, status: ["RUNNING"] }, limit)
      : { executions: [], more: false };
  if (running.more || (statuses.length > 0 && others.length === 0)) return running;
  const started = await pages(api, { ...query, status: others, start_time_after: since.toISOString() }, limit);
  const runs = new Map([...running.executions, ...started.executions].map((e) => [e.run_id, e]));
  const executions = [...runs.values()];
  return { executions: executions.slice(0, limit), more: started.more || executions.length > limit };
}

async function replaysOf(api: Api, executions: readonly Execution[], program: string, io: Io): Promise<Replay[]> {
  const replays: Replay[] = [];
  for (let at = 0; at < executions.length; at += PART) {
    const folder = mkdtempSync(join(tmpdir(), "sirocco-replay-"));
    try {
      const files = new Map<string, Execution>();
      await forEachConcurrent(AT_ONCE, executions.slice(at, at + PART).entries(), async ([i, execution]) => {
        const { execution_id, run_id } = execution;
        try {
          const events = await historyOf(api, execution_id, run_id ?? undefined);
          const file = join(folder, `${i}.json`);
          await writeFile(file, JSON.stringify({ execution_id, events }), { mode: 0o600 });
          files.set(file, execution);
        } catch (error) {
          if (!(error instanceof Refused) || error.status !== 404) throw error; // else it was deleted meanwhile
        }
      });
      if (files.size === 0) continue;
      const results = await replayed(program, [...files.keys()], io);
      replays.push(...results.map((result) => ({ execution: files.get(result.file)!, result })));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    if (executions.length > PART) io.err(paint(io, "dim", `replayed ${replays.length} of ${executions.length}`));
  }
  return replays;
}

function report(
  replays: readonly Replay[],
  { program, more, json }: { program: string; more: boolean; json: boolean },
  io: Io,
) {
  const missing = replays.filter(({ result }) => result.missing !== undefined);
  const failed = replays.filter(({ result }) => result.error !== undefined && result.missing === undefined);
  const count = replays.length - missing.length;
  const nothing = count === 0 && missing.length > 0;
  const exit = failed.length > 0 || nothing ? EXIT.failed : EXIT.ok;
  const skipped = Object.entries(Object.groupBy(missing, ({ result }) => result.missing!)).map(
    ([workflow_name, of = []]) => ({ workflow_name, executions: of.length }),
  );
  if (json) {
    const failures = failed.map(({ execution, result }) => ({
      execution_id: execution.execution_id,
      run_id: execution.run_id,
      workflow_name: execution.workflow_name,
      error: result.error,
      divergence: result.divergence ?? null,
    }));
    printJson(io, { replayed: count, failed: failed.length, skipped, failures, more });
    return exit;
  }
  for (const line of differences(failed)) io.out(line);
  for (const { workflow_name, executions } of skipped) {
    io.err(`${program} has no workflow '${workflow_name}': ${counted(executions)} of it left out`);
  }
  if (replays.length === 0) io.err("No executions match: nothing was replayed.");
  else if (nothing) io.err(paint(io, "bad", `Nothing was replayed: ${program} has none of these workflows.`));
  else if (failed.length > 0) io.err(paint(io, "bad", `${failed.length} of ${counted(count)} do not fit ${program}`));
  else io.out(`${counted(count)} replayed, all fit ${program}`);
  if (more) io.err(paint(io, "dim", "more executions match: use --limit"));
  return exit;
}

const counted = (n: number): string => `${n} ${n === 1 ? "execution" : "executions"}`;

/** A line for each difference, with some of the executions that have it. */
function differences(failed: readonly Replay[]): string[] {
  const groups = Object.groupBy(failed, ({ execution, result }) => `${execution.workflow_name}: ${inWords(result)}`);
  return Object.entries(groups).flatMap(([text, of = []]) => {
    const ids = of.slice(0, NAMED).map(({ execution }) => execution.execution_id);
    const rest = of.length > NAMED ? ` and ${of.length - NAMED} more` : "";
    return [text, `  ${ids.join(", ")}${rest}`];
  });
}

function inWords({ divergence, error }: ReplayResult): string {
  if (!divergence) return error ?? "";
  const { step, event, expected, actual } = divergence;
  return `step ${step}, event ${event}: recorded ${expected}, the code decided ${actual}`;
}
