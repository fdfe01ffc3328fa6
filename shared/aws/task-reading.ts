/** Tasks out of messages, as `task-body.ts` writes them. */
import { inflateRawSync } from "node:zlib";
import { Task } from "../protocol/worker.ts";
import type { Blobs } from "./blobs.ts";
import { taskKey } from "./task-body.ts";

export async function readTask(blobs: Blobs, workspace: string, body: string): Promise<Task> {
  if (body.startsWith("@")) {
    const task = await loadTask(blobs, workspace, body.slice(1));
    if (!task) throw new Error("the task of this message has expired");
    return task;
  }
  return Task.parse(JSON.parse(body.startsWith("z") ? inflate(Buffer.from(body.slice(1), "base64")) : body));
}

/** `name`: what stands after the `@`. */
export async function loadTask(blobs: Blobs, workspace: string, name: string): Promise<Task | null> {
  if (!/^[\w-]{43}$/.test(name)) return null;
  const content = await blobs.find(taskKey(workspace, name));
  return content ? Task.parse(JSON.parse(inflate(content))) : null;
}

/** A message in the dead-letter queue, as Lambda hands it over. */
export interface DeadLetter {
  readonly body: string;
  readonly messageAttributes?: Readonly<Record<string, { readonly stringValue?: string } | undefined>>;
}

/** The task in it, and whose it was. Throws if it is none of ours. */
export async function readDead(
  blobs: Blobs,
  letter: DeadLetter,
): Promise<{ workspace: string; deployment: string; task: Task }> {
  const workspace = letter.messageAttributes?.workspace?.stringValue;
  const deployment = letter.messageAttributes?.deployment?.stringValue;
  if (!workspace || !deployment) throw new Error("a dead letter does not say whose task it was: it is not from here");
  return { workspace, deployment, task: await readTask(blobs, workspace, letter.body) };
}

const inflate = (content: Buffer): string => inflateRawSync(content).toString();
