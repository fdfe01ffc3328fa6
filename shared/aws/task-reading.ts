/** Tasks out of messages. Apart from `task-writing.ts`, because the schema of a task is large and senders need none. */
import { decodeTaskBody, inflateTask, isTaskName } from "../lib/task-message.ts";
import { Task } from "../protocol/worker.ts";
import type { Blobs } from "./blobs.ts";
import { taskKey } from "./task-writing.ts";

/** @throws Error if the text holds no task, or if the object that holds the task has expired. */
export async function readTask(blobs: Blobs, workspace: string, text: string): Promise<Task> {
  const body = decodeTaskBody(text);
  if (body.kind === "json") return Task.parse(JSON.parse(body.json));
  const task = await loadTask(blobs, workspace, body.name);
  if (!task) throw new Error(`the object of this task is missing in S3: ${taskKey(workspace, body.name)}`);
  return task;
}

/** The task stored under this name in the workspace, null = none. */
export async function loadTask(blobs: Blobs, workspace: string, name: string): Promise<Task | null> {
  if (!isTaskName(name)) return null;
  const content = await blobs.find(taskKey(workspace, name));
  return content ? Task.parse(JSON.parse(inflateTask(content))) : null;
}

/** A message of the dead-letter queue, as Lambda delivers it. */
export interface DeadLetter {
  readonly body: string;
  readonly messageAttributes?: Readonly<Record<string, { readonly stringValue?: string } | undefined>>;
}

/**
 * The task of a dead letter, and the deployment whose task it was.
 * @throws Error if the message was not written by `writeTask`.
 */
export async function readDead(
  blobs: Blobs,
  letter: DeadLetter,
): Promise<{ workspace: string; deployment: string; task: Task }> {
  const workspace = letter.messageAttributes?.workspace?.stringValue;
  const deployment = letter.messageAttributes?.deployment?.stringValue;
  if (!workspace || !deployment) {
    throw new Error("a dead letter names no workspace and deployment: Sirocco did not send it");
  }
  return { workspace, deployment, task: await readTask(blobs, workspace, letter.body) };
}
