/** Tasks into messages. A task that exceeds a message is stored in S3 first (TASKMSG-1). `task-reading.ts` reads them. */
import { encodeTask } from "../lib/task-message.ts";
import type { Task } from "../protocol/worker.ts";
import type { Blobs } from "./blobs.ts";

/** Answers the text of the message. */
export async function writeTask(blobs: Blobs, workspace: string, task: Task): Promise<string> {
  const { body, stored } = encodeTask(task);
  if (stored) await blobs.put(taskKey(workspace, stored.name), stored.content, { queued: true });
  return body;
}

/** Attributes that name the deployment of a message, for the consumer of the dead-letter queue. */
export const attributesOf = ({ workspace, deployment }: { workspace: string; deployment: string }) => ({
  workspace: { DataType: "String", StringValue: workspace },
  deployment: { DataType: "String", StringValue: deployment },
});

/** Key of the object that holds a task which exceeds a message. */
export const taskKey = (workspace: string, name: string): string => `${workspace}/tasks/${name}`;
