/**
 * The protocol without one of its conditions, as ports, by the titles of the interleavings where there is one. The
 * simulation must notice each within a few hundred seeds; otherwise it would prove little about the real protocol. The
 * other interleavings need combinations of events so rare that thousands of seeds have none.
 */

import type { Executions, Ports, QueueRef } from "../../shared/ports.ts";
import type { Task } from "../../shared/protocol/worker.ts";
import { closeAtAnyTail } from "../interleavings/weaker.ts";
import { DEPLOYMENT, MACHINES } from "./server.ts";

export type Weaken = (ports: Ports, call: string) => Ports;

function withCalls(make: (real: Executions, ports: Ports, call: string) => Partial<Executions>): Weaken {
  return (ports, call) => {
    const real = ports.executions;
    const changed = make(real, ports, call);
    const executions = new Proxy(real, {
      get: (target, name: keyof Executions) => changed[name] ?? target[name],
    });
    return { ...ports, executions };
  };
}

/** Weaker versions that only worlds with lost claims can show. */
export const WEAKER_CLAIMS: Record<string, Weaken> = {
  "batches of lost claims are written": withCalls((real) => ({
    putBatch: (ref, run, batch, maxBytes) => real.putBatch(ref, run, batch, maxBytes),
  })),
  "batches of lost claims are written once the head has passed their fences": withCalls((real) => ({
    async putBatch(ref, run, batch, maxBytes, fence = 0) {
      const head = await real.head(ref);
      if (head?.run === run && head.fence < fence) return { kind: "fenced" };
      return real.putBatch(ref, run, batch, maxBytes);
    },
  })),
};

export const WEAKER: Record<string, Weaken> = {
  "claim removes the due time": withCalls((real) => ({
    claim: (ref, { session }) => real.claim(ref, { dueAt: null as never, session }),
  })),
  "park without the fence": withCalls((real) => ({
    async park(ref, p) {
      const head = await real.head(ref);
      return real.park(ref, { ...p, fence: head?.fence ?? p.fence });
    },
  })),
  "send judges by the clock that the head is due": withCalls((real, ports) => ({
    async requestWake(ref, chain, dueAt) {
      const head = await real.head(ref);
      const due = head?.status === "RUNNING" && head.chain === chain && (head.due_at ?? dueAt) <= ports.clock.now();
      return due ? { kind: "requested" } : real.requestWake(ref, chain, dueAt);
    },
  })),
  "the closing batch is written before the head": withCalls((real) => ({
    close: (ref, p) => real.close(ref, { ...p, fence: null }),
  })),
  "close removes the due time, then tells the parent": withCalls((real) => ({
    close: (ref, p) =>
      real.close(ref, p.next.status === "RUNNING" ? p : { ...p, next: { ...p.next, due_at: null, outbox: [] } }),
  })),
  "start over a final head with an outbox": withCalls((real) => ({
    async create(head, over, seen) {
      const old = await real.head(head);
      if (old && over.includes(old.status as (typeof over)[number]) && old.token !== head.token)
        await real.clearOutbox(old, old);
      return real.create(head, over, seen);
    },
  })),
  "one inbox for all starts of an execution": withCalls((real) => ({
    putMessage: (ref, _chain, message) => real.putMessage(ref, "*", message),
    inbox: (ref) => real.inbox(ref, "*"),
    removeMessages: (ref, _chain, ids) => real.removeMessages(ref, "*", ids),
  })),
  "continue with a taken message in the inbox": withCalls((real) => ({
    close: (ref, p) => real.close(ref, { ...p, next: { ...p.next, carried: [] } }),
  })),
  "messages in the order of their times": withCalls((real) => ({
    async inbox(ref, chain) {
      const all = await real.inbox(ref, chain);
      all.sort((a, b) => a.sent_at - b.sent_at || (a.id < b.id ? -1 : 1));
      return all.map((m, i) => ({ ...m, seq: i + 1 }));
    },
  })),
  "messages before all that is due": withCalls((real) => ({
    inbox: async (ref, chain) => (await real.inbox(ref, chain)).map((m) => ({ ...m, sent_at: 0 })),
  })),
  "a reset copies a log that grows": closeAtAnyTail,
  "a delete hides whatever the head is": withCalls((real) => ({
    async hide(ref, seen) {
      return (await real.hide(ref, seen)) || true;
    },
  })),
  "sessions never die": (ports) => ({
    ...ports,
    registry: new Proxy(ports.registry, {
      get: (target, name: keyof Ports["registry"]) =>
        name === "heartbeats"
          ? async (_workspace: string, ids: string[]) => new Map(ids.map((id) => [id, ports.clock.now()]))
          : target[name],
    }),
  }),
  "functions go by their machines' clocks": (ports) => ({ ...ports, clock: MACHINES.get(ports.clock)! }),
  "runs continue without a pace": withCalls((real) => ({
    close: (ref, p) => real.close(ref, { ...p, next: { ...p.next, paced_until: null } }),
  })),
  "the sender acknowledges before the wake-up": withCalls((real) => ({
    async requestWake(ref, chain, dueAt) {
      const head = await real.head(ref);
      if (head?.chain !== chain || head.status !== "RUNNING") return real.requestWake(ref, chain, dueAt);
      return { kind: "requested" };
    },
  })),
  "a stale due index times out another execution of the same id": withCalls((real, ports, call) => {
    if (!call.startsWith("sweep")) return {};
    return { head: async (ref) => withDeadline(await real.head(ref), ports.clock.now()) };
  }),
};

/** Weaker versions that only worlds with two versions of a deployment can show. */
export const WEAKER_VERSIONS: Record<string, Weaken> = {
  "a claim takes runs of other deployments": withCalls((real) => ({
    claim: (ref, { deployment: _any, ...p }) => real.claim(ref, p),
  })),
  "activities of a version go to the queue of its deployment": (ports) => ({
    ...ports,
    tasks: new Proxy(ports.tasks, {
      get: (target, name: keyof Ports["tasks"]) =>
        name === "send"
          ? (queue: QueueRef, ...rest: [Task]) =>
              target.send(queue.queue === "activity" ? { ...queue, deployment: DEPLOYMENT } : queue, ...rest)
          : target[name],
    }),
  }),
};

const withDeadline = <T extends { deadline: number | null } | null>(head: T, now: number): T =>
  head && { ...head, deadline: now - 1 };
