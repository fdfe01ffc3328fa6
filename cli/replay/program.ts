/** Starts the program of a worker so that it replays histories in place of working, and reads what became of each. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { REPLAY_FILES, REPLAY_RESULTS, ReplayResult } from "../../shared/protocol/replay.ts";
import { CliError, EXIT } from "../errors.ts";
import type { Io } from "../io.ts";

/** A program that has not ended by then blocks, or does not replay: an older SDK starts a worker instead. */
const LIMIT_MS = 300_000;
/** What the program calls by itself must not reach a server. An older SDK, which would start a worker, reaches none. */
const NO_SERVER = {
  SIROCCO_URL: "http://replay.invalid",
  SIROCCO_API_KEY: "replay",
  DEPLOYMENT_NAME: "replay",
};

/**
 * What became of the histories in these files, which lie in one folder, in the same order. Throws `CliError` when the program
 * ends, or hangs, before it has replayed all.
 */
export async function replayed(program: string, files: readonly string[], io: Io): Promise<ReplayResult[]> {
  const path = join(dirname(files[0]!), "results");
  const end = await ran(program, files, path, io);
  io.signal.throwIfAborted();
  const results = resultsIn(path);
  if (results.length === files.length) return results;
  const advice =
    results.length === 0
      ? [
          "It must call runWorker with its workflows, with @sirocco/sdk of this command's version. What it printed is above.",
        ]
      : [`It stopped at a history of ${workflowIn(files[results.length]!)}: its code may block, or end the process.`];
  throw new CliError(EXIT.failed, `${basename(program)} ${end} before it had replayed the histories.`, advice);
}

/** Resolves with how the program ended, in words. Its output goes to standard error. */
async function ran(program: string, files: readonly string[], results: string, io: Io): Promise<string> {
  const isPython = program.endsWith(".py");
  const python = io.env.SIROCCO_PYTHON || "python3";
  const [command, args] = isPython
    ? [python, ["-m", "sirocco_worker", "replay", program, ...files]]
    : [process.execPath, [program]];
  const variables = {
    ...NO_SERVER,
    [REPLAY_RESULTS]: results,
    ...(!isPython && { [REPLAY_FILES]: files.join(delimiter) }),
  };
  const child = spawn(command, args, {
    cwd: io.cwd,
    env: { ...io.env, ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = () => child.kill("SIGKILL");
  io.signal.addEventListener("abort", kill);
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    kill();
  }, LIMIT_MS);
  const ownLine = isPython ? new Set(files.map((file) => `${file}: `)) : null;
  for (const stream of [child.stdout, child.stderr]) {
    // Python also prints a line for each history.
    createInterface(stream).on("line", (line) => {
      if (!ownLine?.has(line.slice(0, line.indexOf(": ") + 2))) io.err(line);
    });
  }
  try {
    return await new Promise<string>((resolve, reject) => {
      child.once("error", (error: NodeJS.ErrnoException) => {
        const advice = isPython ? ["SIROCCO_PYTHON names the Python of the worker's environment."] : [];
        reject(new CliError(EXIT.failed, `${command} cannot be started: ${error.message}.`, advice, error));
      });
      child.once("close", (code, signal) => {
        const how = code === 0 ? "ended" : `ended with ${signal ?? `exit code ${code}`}`;
        resolve(late ? `was stopped after ${LIMIT_MS / 60_000} minutes` : how);
      });
    });
  } finally {
    clearTimeout(limit);
    io.signal.removeEventListener("abort", kill);
  }
}

function resultsIn(path: string): ReplayResult[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => ReplayResult.parse(JSON.parse(line)));
}

function workflowIn(file: string): string {
  const { execution_id, events } = JSON.parse(readFileSync(file, "utf8"));
  return `workflow '${events[0].workflow}', execution ${execution_id}`;
}
