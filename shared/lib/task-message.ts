/**
 * The text of a queue message that carries a task. The AWS adapter writes it, the AWS adapter and workers read it.
 *
 * TASKMSG-1. The text is the task's JSON; above 32 KB it is `z` and the deflated JSON in base64; where even that exceeds
 *     an SQS message it is `@` and the name of an object that holds the deflated JSON.
 * TASKMSG-2. The name is the SHA-256 digest of that content: sending a task again stores the same object again.
 */
import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Task } from "../protocol/worker.ts";

/** SQS bills each 64 KB as a request of its own. */
const MAX_PLAIN_CHARS = 32 * 1024;
/** SQS takes 1 MiB including the message's attributes, which name workspace and deployment. */
const MAX_MESSAGE_BYTES = 1_048_576 - 2_048;
const NAME = /^[\w-]{43}$/;

export interface TaskMessage {
  readonly body: string;
  /** The object that has to be stored before the message is sent. */
  readonly stored?: { readonly name: string; readonly content: Buffer };
}
/** What a message's text stands for: the task's JSON, or the name of the object that holds it. */
export type TaskBody = { readonly kind: "json"; readonly json: string } | { readonly kind: "stored"; name: string };

export function encodeTask(task: Task): TaskMessage {
  const json = JSON.stringify(task);
  if (json.length <= MAX_PLAIN_CHARS) return { body: json };
  const content = deflateRawSync(json);
  const body = `z${content.toString("base64")}`;
  if (body.length < MAX_MESSAGE_BYTES) return { body };
  const name = createHash("sha256").update(content).digest("base64url");
  return { body: `@${name}`, stored: { name, content } };
}

/** @throws Error of zlib if the text says that it is compressed and is not. */
export function decodeTaskBody(body: string): TaskBody {
  if (body.startsWith("@")) return { kind: "stored", name: body.slice(1) };
  return { kind: "json", json: body.startsWith("z") ? inflateTask(Buffer.from(body.slice(1), "base64")) : body };
}

/** The task's JSON from the content of a stored object. */
export const inflateTask = (content: Buffer): string => inflateRawSync(content).toString();

/** False for a name that no message can hold, such as one with a slash that would lead to another object. */
export const isTaskName = (name: string): boolean => NAME.test(name);
