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
export const MAX_MESSAGE_BYTES = 1_048_576;

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
  if (body.startsWith("@")) return loadTask(blobs, workspace, body.slice(1));
  return Task.parse(JSON.parse(body.startsWith("z") ? inflate(Buffer.from(body.slice(1), "base64")) : body));
}

/** `name`: what stands after the `@`. */
export async function loadTask(blobs: Blobs, workspace: string, name: string): Promise<Task> {
  if (!/^[\w-]{43}$/.test(name)) throw new Error("this is not the name of a task");
  return Task.parse(JSON.parse(inflate(await blobs.get(taskKey(workspace, name)))));
}

const taskKey = (workspace: string, name: string): string => `${workspace}/tasks/${name}`;
const inflate = (content: Buffer): string => inflateRawSync(content).toString();
