/** A worker's program as `sirocco replay` starts it: it replays histories with its code, in place of working. */
import { appendFileSync } from "node:fs";
import { delimiter } from "node:path";
import { REPLAY_FILES, REPLAY_RESULTS } from "../../shared/protocol/replay.ts";
import { hosted } from "../workflow/hosted.ts";
import { byName, checkNotEmpty, codecOf, type WorkerOptions } from "./options.ts";
import { replayFiles } from "./replays.ts";

/**
 * If the environment names histories: replays them with the worker's code, writes the results, and ends the process. It opens
 * no resources and calls no server. Otherwise it does nothing.
 */
export async function replayIfAsked<R extends Record<string, unknown>>(options: WorkerOptions<R>): Promise<void> {
  const { [REPLAY_FILES]: files, [REPLAY_RESULTS]: results } = process.env;
  if (!files || !results) return;
  checkNotEmpty(options);
  const workflows = [...byName("workflow", options.workflows).values()].map(hosted);
  const { deterministic = true, failOnAnyError = false } = options;
  const settings = { deterministic, failOnAnyError };
  for await (const result of replayFiles(files.split(delimiter), workflows, codecOf(options.encoding), settings)) {
    appendFileSync(results, `${JSON.stringify(result)}\n`);
  }
  process.exit();
}
