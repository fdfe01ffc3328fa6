/** Rounds of a release: they enqueue the tasks of executions that a hold has kept (HOLD-5, HOLD-6 in `hold.ts`). */
import { holdsOf } from "../core/holds-of.ts";
import { nextPermit } from "../core/rate-limit.ts";
import type { DueEntry, Hold, Ports } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { HOLD_LAG_MS } from "../protocol/limits.ts";
import { ENTRIES_PER_COMMIT, enqueueWorkflowTask } from "./enqueue.ts";
import { limitOf } from "./holding.ts";

const PAGE = 1_000;
/** A part of the rate is lost to the time in which a permit is good (RATE-1). Tasks above it would only be refused. */
const USABLE = 0.9;

/** Every workspace with a release under way. Answers how many tasks it has enqueued. */
export async function releaseRounds(ports: Ports, everyMs: Millis, until = Number.POSITIVE_INFINITY): Promise<number> {
  let enqueued = 0;
  for (const workspace of await ports.registry.releases()) {
    enqueued += await releaseRound(ports, workspace, everyMs, until);
  }
  return enqueued;
}

/** `until`: it begins no entry after this. */
export async function releaseRound(
  ports: Ports,
  workspace: string,
  everyMs: Millis,
  until: Millis = Number.POSITIVE_INFINITY,
): Promise<number> {
  let enqueued = 0;
  for (const hold of (await ports.registry.holds(workspace)).holds) {
    if (hold.release === null) continue;
    const round = await enqueueHeld(ports, workspace, hold, everyMs, until);
    enqueued += round.enqueued;
    await remember(ports, workspace, hold, round);
  }
  return enqueued;
}

interface Round {
  readonly enqueued: number;
  readonly reached: DueEntry | null;
  /** It came to the end, and nothing that was refused can be left. */
  readonly over: boolean;
}

async function enqueueHeld(
  ports: Ports,
  workspace: string,
  hold: Hold,
  everyMs: Millis,
  until: Millis,
): Promise<Round> {
  const { since, perSecond } = hold.release!;
  const now = ports.clock.now();
  const { wakeTimeoutMs } = ports.settings;
  const most = perSecond === null ? Number.POSITIVE_INFINITY : Math.max(1, Math.ceil((perSecond * everyMs) / 1_000));
  const gap = perSecond === null ? 0 : 1_000 / (perSecond * USABLE);
  // A start or a sender makes the head due so much later: one that was refused before the release is due by then.
  const settled = since + wakeTimeoutMs + 2 * HOLD_LAG_MS;
  let { reached } = hold.release!;
  let after = reached ?? undefined;
  let enqueued = 0;
  for (;;) {
    const page = await ports.executions.due(Math.max(now, Math.min(now + wakeTimeoutMs, settled)), PAGE, after);
    for (const entry of page) {
      if (enqueued >= most || ports.clock.now() >= until) return { enqueued, reached, over: false };
      if (await isAbout(ports, workspace, hold, entry)) {
        await enqueueWorkflowTask(ports, entry, { at: now + Math.round(enqueued * gap) });
        enqueued += 1;
        if (enqueued % ENTRIES_PER_COMMIT === 0) await ports.durable();
      }
      await ports.pause?.(); // there may be many of other scopes
      if (entry.dueAt <= now) reached = entry; // what is due later is looked at again, once it is due
    }
    after = page.at(-1) ?? after;
    if (page.length < PAGE) break;
  }
  const limit = limitOf(hold);
  const free = limit === null ? now : nextPermit(await ports.rateLimits.pool(workspace, limit.key), limit, now);
  return { enqueued, reached, over: now >= settled && free <= now };
}

async function isAbout(ports: Ports, workspace: string, hold: Hold, entry: DueEntry): Promise<boolean> {
  if (entry.workspace !== workspace || entry.status !== "RUNNING") return false;
  if (hold.deployment !== null && hold.deployment !== entry.deployment) return false;
  if (hold.workflow === null) return true;
  const head = await ports.executions.head(entry);
  return head !== null && head.status === "RUNNING" && holdsOf([hold], head).length > 0;
}

/** Another round, or an operator, may have changed the hold meanwhile: what they wrote stays. */
async function remember(ports: Ports, workspace: string, hold: Hold, { reached, over }: Round): Promise<void> {
  const { version, holds } = await ports.registry.holds(workspace);
  const isSame = (each: Hold) =>
    each.deployment === hold.deployment &&
    each.workflow === hold.workflow &&
    each.release?.since === hold.release!.since;
  if (!holds.some(isSame)) return;
  const next = over
    ? holds.filter((each) => !isSame(each))
    : holds.map((each) => (isSame(each) ? { ...each, release: { ...each.release!, reached } } : each));
  const { deployment, workflow } = hold;
  if ((await ports.registry.setHolds(workspace, { version: version + 1, holds: next })) && over)
    ports.log.info("hold: a release has come to its end", { workspace, deployment, workflow });
}
