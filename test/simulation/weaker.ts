/**
 * The protocol with one of its conditions left out, as ports. The simulation must find each of these within a few hundred
 * seeds: else it would prove little about the real one. Numbers are those of the interleavings; those left out (2, 11 to
 * 15) need meetings so rare that thousands of seeds go by before one has them.
 */
import type { Executions, Ports } from "../../shared/ports.ts";

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

export const WEAKER: Record<string, Weaken> = {
  "1: claim removes `due_at`": withCalls((real) => ({
    claim: (ref, { session }) => real.claim(ref, { dueAt: null as never, session }),
  })),
  "3: park without turn": withCalls((real) => ({
    async park(ref, p) {
      const head = await real.head(ref);
      return real.park(ref, { ...p, fence: head?.fence ?? p.fence });
    },
  })),
  "4: “already due” judged by time": withCalls((real, ports) => ({
    async requestWake(ref, chain, dueAt) {
      const head = await real.head(ref);
      const due = head?.status === "RUNNING" && head.chain === chain && (head.due_at ?? dueAt) <= ports.clock.now();
      return due ? { kind: "requested" } : real.requestWake(ref, chain, dueAt);
    },
  })),
  "5: closing batch, then head": withCalls((real) => ({
    close: (ref, p) => real.close(ref, { ...p, fence: null }),
  })),
  "6: close removes `due_at`, then tells the parent": withCalls((real) => ({
    close: (ref, p) =>
      real.close(ref, p.next.status === "RUNNING" ? p : { ...p, next: { ...p.next, due_at: null, outbox: [] } }),
  })),
  "7: start over a final head that owes effects": withCalls((real) => ({
    async create(head, overFinal) {
      const old = await real.head(head);
      if (overFinal && old && old.status !== "RUNNING" && old.token !== head.token) await real.clearOutbox(old, old);
      return real.create(head, overFinal);
    },
  })),
  "8: inbox keyed `*`": withCalls((real) => ({
    putMessage: (ref, _chain, message) => real.putMessage(ref, "*", message),
    inbox: (ref) => real.inbox(ref, "*"),
    removeMessages: (ref, _chain, ids) => real.removeMessages(ref, "*", ids),
  })),
  "9: continue with a taken message still in the inbox": withCalls((real) => ({
    close: (ref, p) => real.close(ref, { ...p, next: { ...p.next, carried: [] } }),
  })),
  "10: sessions never die": (ports) => ({
    ...ports,
    registry: new Proxy(ports.registry, {
      get: (target, name: keyof Ports["registry"]) =>
        name === "heartbeats"
          ? async (_workspace: string, ids: string[]) => new Map(ids.map((id) => [id, ports.clock.now()]))
          : target[name],
    }),
  }),
  "acknowledged before the mark": withCalls((real) => ({
    async requestWake(ref, chain, dueAt) {
      const head = await real.head(ref);
      if (head?.chain !== chain || head.status !== "RUNNING") return real.requestWake(ref, chain, dueAt);
      return { kind: "requested" };
    },
  })),
  "a stale due index times out whoever has the id": withCalls((real, ports, call) => {
    if (!call.startsWith("sweep")) return {};
    return { head: async (ref) => withDeadline(await real.head(ref), ports.clock.now()) };
  }),
};

const withDeadline = <T extends { deadline: number | null } | null>(head: T, now: number): T =>
  head && { ...head, deadline: now - 1 };
