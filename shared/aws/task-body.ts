/**
 * A task as the text of a message: JSON; where that is long, `z` and compressed JSON in base64; where even that is more
 * than the 1 MiB that SQS takes, `@` and the name of an object in S3, which the server fetches for whoever received it.
 */
import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { Task } from "../protocol/worker.ts";
import type { Blobs } from "./blobs.ts";

/** SQS charges each 64 KB as a request of its own. */
const LONG = 32 * 1024;
/** 1 MiB with its attributes, which name workspace and deployment. */
export const MAX_MESSAGE_BYTES = 1_048_576 - 2_048;

export async function writeTask(blobs: Blobs, workspace: string, task: Task): Promise<string> {
  const json = JSON.stringify(task);
  if (json.length <= LONG) return json;
  const content = deflateRawSync(json);
  const body = `z${content.toString("base64")}`;
  if (body.length < MAX_MESSAGE_BYTES) return body;
  const name = createHash("sha256").update(content).digest("base64url");
  await blobs.put(taskKey(workspace, name), content, { short: true });
  return `@${name}`;
}

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

/** What a message says of its queue, for those who find it elsewhere. */
export const attributesOf = ({ workspace, deployment }: { workspace: string; deployment: string }) => ({
  workspace: { DataType: "String", StringValue: workspace },
  deployment: { DataType: "String", StringValue: deployment },
});

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

const taskKey = (workspace: string, name: string): string => `${workspace}/tasks/${name}`;
const inflate = (content: Buffer): string => inflateRawSync(content).toString();
