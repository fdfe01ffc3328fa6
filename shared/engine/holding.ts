/** What a hold or a release means for one claim or attempt. Loaded where a workspace has a hold; the rules are in `hold.ts`. */
import { holdsOf } from "../core/holds-of.ts";
import { nextPermit } from "../core/rate-limit.ts";
import type { Hold, Ports, Ref } from "../ports.ts";
import type { Millis, RateLimit } from "../protocol/history.ts";
import { enqueueWorkflowTask } from "./enqueue.ts";

/** A claim that gets no permit is tried again between these times, so that those which are refused together come apart. */
const FIRST_AGAIN_MS: Millis = 1_000;
const LAST_AGAIN_MS: Millis = 10_000;

export async function claimWaitsFor(ports: Ports, ref: Ref, holds: readonly Hold[]): Promise<boolean> {
  const head = await ports.executions.head(ref);
  if (head?.status !== "RUNNING") return false;
  const now = ports.clock.now();
  if (head.deadline !== null && head.deadline <= now) return false; // the claim times the run out
  const about = holdsOf(holds, head);
  if (!(await isKept(ports, ref.workspace, about))) return false;
  if (about.every(({ release }) => release !== null)) {
    const spread = FIRST_AGAIN_MS + jitterOf(ref.execution, now) * (LAST_AGAIN_MS - FIRST_AGAIN_MS);
    await enqueueWorkflowTask(ports, head, { at: now + Math.round(spread) });
  }
  return true;
}

/** From 0 to 1; no random number, so that a simulation repeats itself. */
function jitterOf(execution: string, now: Millis): number {
  let sum = now % 9_973;
  for (let i = 0; i < execution.length; i++) sum = (sum * 31 + execution.charCodeAt(i)) % 9_973;
  return sum / 9_973;
}

/** Whether one of these holds keeps the work from workers: it is not released, or has no permit now (HOLD-5). */
export async function isKept(ports: Ports, workspace: string, about: readonly Hold[]): Promise<boolean> {
  if (about.some(({ release }) => release === null)) return true;
  for (const hold of about) {
    const limit = limitOf(hold);
    if (limit !== null && !(await hasPermit(ports, workspace, limit))) return true;
  }
  return false;
}

/** It looks first: a permit for a later time would be lost, because nobody could use it (RATE-4). */
async function hasPermit(ports: Ports, workspace: string, limit: RateLimit): Promise<boolean> {
  const now = ports.clock.now();
  if (nextPermit(await ports.rateLimits.pool(workspace, limit.key), limit, now) > now) return false;
  const [permit] = await ports.rateLimits.take(workspace, limit, 1);
  return permit !== undefined && "at" in permit && permit.at <= ports.clock.now();
}

/** The rate limit of a release; null: it has no rate. */
export function limitOf({ deployment, workflow, release }: Hold): RateLimit | null {
  if (release === null || release.perSecond === null) return null;
  const max = Math.max(1, Math.floor(release.perSecond));
  const key = `hold/${JSON.stringify([deployment, workflow, release.since])}`;
  return { key, max, per_ms: Math.max(1, Math.round((1_000 * max) / release.perSecond)) };
}
