/** Replays of recorded histories with the present code, in place of a worker: the check that a change is safe. */
import { readFile } from "node:fs/promises";
import type { PayloadCodec } from "../../shared/encoding/codec.ts";
import type { HistoryEvent } from "../../shared/protocol/history.ts";
import type { ReplayResult } from "../../shared/protocol/replay.ts";
import { SuspectedError } from "../determinism/intact.ts";
import type { Log } from "../runtime/log.ts";
import { DivergenceError } from "../workflow/divergence.ts";
import type { HostedWorkflow } from "../workflow/hosted.ts";
import type { InstanceOptions } from "../workflow/types.ts";
import { decodedEvents, undecodedEvent } from "./encoding.ts";

/** The answer of `GET /v1/workflows/executions/{id}/history`, or the output of `sirocco history ID --json`. */
export interface RecordedHistory {
  /** Default: the execution at the top of the tree. Matters to child executions whose code reads `executionInfo().execution`. */
  readonly execution_id?: string;
  readonly events: readonly HistoryEvent[];
}

type Settings = Pick<InstanceOptions, "deterministic" | "failOnAnyError">;

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

class MissingWorkflowError extends Error {
  readonly workflow: string;

  constructor(workflow: string) {
    super(`this history is of workflow '${workflow}', which the program does not have`);
    this.workflow = workflow;
  }
}

/**
 * Answers the number of events. Throws `DivergenceError`, a bug of workflow code, or what is wrong with the history. After a
 * mere suspicion the history is replayed once more (INTACT-2).
 */
export async function replayHistory(
  history: Partial<RecordedHistory> | null,
  workflows: readonly HostedWorkflow[],
  codec: PayloadCodec,
  settings: Settings = {},
): Promise<number> {
  const first = history?.events?.[0];
  if (first?.kind !== "execution_started") {
    throw new TypeError("this is not a recorded history: its first event must be 'execution_started'");
  }
  const workflow = workflows.find(({ name }) => name === first.workflow);
  if (!workflow) throw new MissingWorkflowError(first.workflow);
  const events = await decodedEvents(codec, history!.events!);
  const unread = undecodedEvent(events);
  if (unread) throw unread;
  const once = async () => {
    const instance = workflow.create({ ...settings, execution: history!.execution_id ?? first.root, log: quiet });
    try {
      await instance.replay(events);
    } finally {
      instance.drop();
    }
  };
  await once().catch((error) => {
    if (error instanceof SuspectedError) return once();
    throw error;
  });
  return events.length;
}

/** One after the other, in the order of the files. Never throws: what is wrong with a file is its result. */
export async function* replayFiles(
  files: readonly string[],
  workflows: readonly HostedWorkflow[],
  codec: PayloadCodec,
  settings: Settings = {},
): AsyncGenerator<ReplayResult> {
  for (const file of files) {
    try {
      const history = JSON.parse(await readFile(file, "utf8")) as Partial<RecordedHistory> | null;
      yield { file, events: await replayHistory(history, workflows, codec, settings) };
    } catch (error) {
      yield { file, events: 0, ...failureOf(error) };
    }
  }
}

function failureOf(error: unknown): Pick<ReplayResult, "error" | "divergence" | "missing"> {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof MissingWorkflowError) return { error: message, missing: error.workflow };
  if (!(error instanceof DivergenceError)) return { error: message };
  const { step, event, expected, actual } = error;
  return { error: message, divergence: { step, event, expected, actual } };
}
