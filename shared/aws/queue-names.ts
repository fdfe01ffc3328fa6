/** Names of deployments' queues: 80 characters at most, so the ids in them are shortened and a digest keeps them apart. */
import { createHash } from "node:crypto";
import type { QueueRef } from "../ports.ts";

const MOST = 80;

/** `<prefix><deployment, as much as fits>-<digest of workspace and deployment>-<workflow|activity>`. */
export function queueName(prefix: string, { workspace, deployment, queue }: QueueRef): string {
  const digest = createHash("sha256").update(`${workspace}/${deployment}`).digest("hex").slice(0, 16);
  const tail = `-${digest}-${queue}`;
  return prefix + deployment.slice(0, MOST - prefix.length - tail.length) + tail;
}

/** From the ARN of another queue of the same account and region. */
export function queueArn(siblingArn: string, name: string): string {
  return `${siblingArn.slice(0, siblingArn.lastIndexOf(":"))}:${name}`;
}
