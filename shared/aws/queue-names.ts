/** Names of deployments' queues. SQS allows 80 characters: the deployment is shortened, and a digest keeps names apart. */
import { createHash } from "node:crypto";
import type { QueueRef } from "../ports.ts";

const MAX_CHARS = 80;

/** `<prefix><deployment, shortened to fit>-<digest of workspace and deployment>-<workflow|activity>`. */
export function queueName(prefix: string, { workspace, deployment, queue }: QueueRef): string {
  const digest = createHash("sha256").update(`${workspace}/${deployment}`).digest("hex").slice(0, 16);
  const tail = `-${digest}-${queue}`;
  return prefix + deployment.slice(0, MAX_CHARS - prefix.length - tail.length) + tail;
}

/** The ARN of a queue, from that of another queue of the same account and region. */
export function queueArn(siblingArn: string, name: string): string {
  return `${siblingArn.slice(0, siblingArn.lastIndexOf(":"))}:${name}`;
}
