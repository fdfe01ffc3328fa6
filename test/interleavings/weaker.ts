/**
 * Weaker versions of the protocol's calls, each with the title of the interleaving (interleavings.test.ts) that breaks it.
 * For tests only.
 */
import { claim } from "../../shared/engine/claim.ts";
import type { CloseRequest, close } from "../../shared/engine/close.ts";
import { enqueueWorkflowTask } from "../../shared/engine/enqueue.ts";
import { finalHead } from "../../shared/engine/final-head.ts";
import { reset } from "../../shared/engine/reset.ts";
import type { SendResult, send } from "../../shared/engine/send.ts";
import { terminate } from "../../shared/engine/terminate.ts";
import type { Executions, Ports, Ref } from "../../shared/ports.ts";
import type { Head } from "../../shared/protocol/head.ts";
import { tailOf } from "../../shared/protocol/history.ts";
import type { Message } from "../../shared/protocol/messages.ts";
import type { ClosedStatus } from "../../shared/protocol/status.ts";
import type { Delivery } from "../../shared/protocol/worker.ts";
import type { ManualWorker } from "./stage.ts";

type Claim = typeof claim;

/** "claim removes the due time": the worker looks now, so the claim needs no later wake-up. */
export const claimThatRemovesDueAt: Claim = async (ports, ref, p) => {
  const claimed = await claim(ports, ref, p);
  if (claimed.kind === "claimed") {
    const { run, fence, effects_done_through: effectsDoneThrough } = claimed.head;
    await ports.executions.park(ref, { run, fence, dueAt: null, effectsDoneThrough });
  }
  return claimed;
};

const begin = (ports: Ports, ref: Ref, session: string) =>
  ports.executions.claim(ref, { dueAt: ports.clock.now() + ports.settings.claimTimeoutMs, session });

/** "a claim is lost with the answer of a poll": the session looks now, so the claim needs no later wake-up. */
export const claimWokenThatRemovesDueAt = (ports: Ports): Ports =>
  withCall(ports, "claimWoken", async (real, ...of: Parameters<NonNullable<Executions["claimWoken"]>>) => {
    const woken = await real.claimWoken!(...of);
    if (!woken) return null;
    const { run, fence, effects_done_through: effectsDoneThrough } = woken.head;
    await real.park(of[0], { run, fence, dueAt: null, effectsDoneThrough });
    return woken;
  });

/** "a claim that came with a task is for a view that was dropped": the worker takes its batches for the whole log. */
export const takeAsWhole = (worker: ManualWorker, { claimed }: Delivery): void => {
  worker.view(claimed!.head, claimed!.batches);
  worker.messages = claimed!.messages;
};

/** "claim reads the log before the inbox". */
export const claimThatReadsTheLogFirst: Claim = async (ports, ref, p) => {
  const head = await begin(ports, ref, p.session);
  if (!head) return { kind: "closed" };
  const batches = await ports.executions.batches(ref, head.run, 1);
  const messages = await ports.executions.inbox(ref, head.chain);
  return { kind: "claimed", head, batches, messages, fenced: false, now: ports.clock.now() };
};

/** "one inbox for all starts of an execution". */
export const claimOfAnyChain: Claim = async (ports, ref, p) => {
  const head = await begin(ports, ref, p.session);
  if (!head) return { kind: "closed" };
  const messages = await ports.executions.inbox(ref, "*");
  const batches = await ports.executions.batches(ref, head.run, 1);
  return { kind: "claimed", head, batches, messages, fenced: false, now: ports.clock.now() };
};
export const sendToAnyChain = async (ports: Ports, ref: Ref, message: Message): Promise<SendResult> => {
  const head = await ports.executions.head(ref);
  if (head?.status !== "RUNNING") return { kind: "closed", head };
  await ports.executions.putMessage(ref, "*", message);
  const requested = await ports.executions.requestWake(ref, head.chain, ports.clock.now());
  if (requested.kind === "requested" || requested.head?.wake_pending) return { kind: "accepted", head };
  await ports.executions.removeMessages(ref, "*", [message.id]);
  return { kind: "closed", head: requested.head };
};

/** "a worker without the fence takes a message": claim does not read the head again. */
export const claimThatTakesAnyMessage: Claim = async (ports, ref, p) => {
  const head = await begin(ports, ref, p.session);
  if (!head) return { kind: "closed" };
  const messages = await ports.executions.inbox(ref, head.chain);
  const batches = await ports.executions.batches(ref, head.run, 1);
  return { kind: "claimed", head, batches, messages, fenced: false, now: ports.clock.now() };
};

/** "effects of a dead worker": only append performs effects. */
export const claimWithoutEffects: Claim = async (ports, ref, p) => {
  const quiet: Ports = { ...ports, tasks: { ...ports.tasks, send: async () => {} } };
  return claim(quiet, ref, p);
};

/** "park without the fence". */
export const parkWithoutFence = async (
  ports: Ports,
  ref: Ref,
  p: { run: string; dueAt: number | null; effectsDoneThrough: number },
) => {
  const head = (await ports.executions.head(ref))!;
  return ports.executions.park(ref, { ...p, fence: head.fence });
};

/** "send judges by the clock that the head is due": such a head needs no wake-up. */
export const sendThatTrustsTheClock: typeof send = async (ports, ref, message) => {
  const head = await ports.executions.head(ref);
  if (head?.status !== "RUNNING") return { kind: "closed", head };
  await ports.executions.putMessage(ref, head.chain, message);
  const now = ports.clock.now();
  if (head.due_at === null || head.due_at > now) await ports.executions.requestWake(ref, head.chain, now);
  await enqueueWorkflowTask(ports, head);
  return { kind: "accepted", head };
};

/** "the closing batch is written before the head": the position decides, not the fence. */
export const closeByPositionAlone: typeof close = async (ports, ref, p) => {
  const head = (await ports.executions.head(ref))!;
  const next = finalHead(head, ending(p));
  const done = await ports.executions.close(ref, { run: p.run, fence: null, batch: p.batch, next });
  return done.kind === "closed" ? done : { kind: "conflict" };
};

/** "close removes the due time, then tells the parent": the final head is not due. */
export const closeThatTellsAfterwards = async (ports: Ports, ref: Ref, p: CloseRequest, tell: () => Promise<void>) => {
  const head = (await ports.executions.head(ref))!;
  const next = finalHead(head, ending(p));
  const done = await ports.executions.close(ref, { run: p.run, fence: p.fence, batch: p.batch, next });
  if (done.kind === "closed") await tell();
  return done;
};

const ending = (p: CloseRequest) => ({
  status: "COMPLETED" as const,
  now: p.batch.events.at(-1)!.at,
  result: p.result,
  failure: p.failure,
  outbox: [],
});

/** "start over a final head with an outbox": the start overwrites the outbox. */
export const startOverAnyFinalHead = (ports: Ports): Ports =>
  withCall(ports, "create", async (real, next: Head, over: readonly ClosedStatus[]) => {
    const old = await real.head(next);
    if (old && old.status !== "RUNNING") await real.clearOutbox(old, old);
    return real.create(next, over);
  });

/** "clearing the outbox of another close": the flush clears all entries, also those that it has not read. */
export const clearAnyOutbox = (ports: Ports): Ports =>
  withCall(ports, "clearOutbox", async (real, ref: Ref, seen: { run: string }) => {
    const head = await real.head(ref);
    if (head) await real.clearOutbox(ref, { run: seen.run, status: head.status });
  });

/** "a reset copies a log that grows": the closing batch goes to the end of the log, wherever that is now. */
export const closeAtAnyTail = (ports: Ports): Ports =>
  withCall(ports, "close", async (real, ref: Ref, p: Parameters<Executions["close"]>[1]) => {
    const tail = tailOf(await real.batches(ref, p.run, 1));
    const events = p.batch.events.map((event, i) => ({ ...event, id: tail + 1 + i }));
    return real.close(ref, { ...p, batch: { ...p.batch, first: tail + 1, events } });
  });

/** "a reset while a worker drives": the server ends the run, then begins the next. */
export const resetByTerminateAndStart: typeof reset = async (ports, ref, p) => {
  await terminate(ports, ref, { kind: "terminated", reason: p.reason });
  return reset(ports, ref, p);
};

/** "a reset of a closed parent asks its children". */
export const reopenThatAsksNobody = (ports: Ports): Ports =>
  withCall(ports, "reopen", (real, next: Head, seen: { run: string; fence: number }) => {
    next.outbox.splice(0); // before the engine flushes it
    return real.reopen(next, seen);
  });

/** "a reset that excludes a message which lies in the inbox". */
export const closeWithoutCarried = (ports: Ports): Ports =>
  withCall(ports, "close", (real, ref: Ref, p: Parameters<Executions["close"]>[1]) =>
    real.close(ref, { ...p, next: { ...p.next, carried: [] } }),
  );

function withCall<A extends unknown[]>(
  ports: Ports,
  call: keyof Executions,
  instead: (real: Executions, ...args: A) => Promise<unknown>,
): Ports {
  const real = ports.executions;
  const executions = new Proxy(real, {
    get(_, name: keyof Executions) {
      if (name === call) return (...args: A) => instead(real, ...args);
      return (real[name] as (...a: unknown[]) => unknown).bind(real);
    },
  });
  return { ...ports, executions };
}
