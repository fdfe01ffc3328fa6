/**
 * A task as the text of a message: JSON; where that is long, `z` and compressed JSON in base64; where even that is more
 * than the 1 MiB that SQS takes, `@` and the name of an object in S3, which the server fetches for whoever received it.
 * `task-reading.ts` reads it.
 */
import { createHash } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import type { Task } from "../protocol/worker.ts";
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
  await blobs.put(taskKey(workspace, name), content, { queued: true });
  return `@${name}`;
}

/** What a message says of its queue, for those who find it elsewhere. */
export const attributesOf = ({ workspace, deployment }: { workspace: string; deployment: string }) => ({
  workspace: { DataType: "String", StringValue: workspace },
  deployment: { DataType: "String", StringValue: deployment },
});

/** Where a task too large for its message lies. */
export const taskKey = (workspace: string, name: string): string => `${workspace}/tasks/${name}`;
