/** Replays of recorded histories with the code of a host, in place of a worker: the check that a change is safe (HOST-9). */
import { readFile } from "node:fs/promises";
import type { PayloadCodec } from "../../shared/encoding/codec.ts";
import type { HistoryEvent } from "../../shared/protocol/history.ts";
import { decodedEvents, undecodedEvent } from "../worker/encoding.ts";
import type { HostedWorkflow } from "../workflow/hosted.ts";
import type { CoreMessage } from "./protocol.ts";

type Result = CoreMessage<"replayed">["results"][number];

/** One after the other, in the order of the files. Never throws: what is wrong with a file is its result. */
export async function replayFiles(
  files: readonly string[],
  workflows: readonly HostedWorkflow[],
  codec: PayloadCodec,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const file of files) {
    try {
      results.push({ file, events: await replayFile(file, workflows, codec) });
    } catch (error) {
      results.push({ file, events: 0, error: (error as Error).message });
    }
  }
  return results;
}

/** Answers the number of events. Throws `DivergenceError`, a bug of workflow code, or what is wrong with the file. */
async function replayFile(file: string, workflows: readonly HostedWorkflow[], codec: PayloadCodec): Promise<number> {
  const { events } = JSON.parse(await readFile(file, "utf8")) as { events?: readonly HistoryEvent[] };
  const first = events?.[0];
  if (first?.kind !== "execution_started") {
    throw new TypeError("this is not a recorded history: its first event must be 'execution_started'");
  }
  const workflow = workflows.find(({ name }) => name === first.workflow);
  if (!workflow)
    throw new TypeError(`this history is of workflow '${first.workflow}', which the program does not have`);
  const read = await decodedEvents(codec, events!);
  const unread = undecodedEvent(read);
  if (unread) throw unread;
  const instance = workflow.create({ execution: first.root });
  try {
    await instance.replay(read);
  } finally {
    instance.drop();
  }
  return read.length;
}
