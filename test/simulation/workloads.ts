/** Workloads: the calls of clients to the programs, and whether the outcome is the same in every world. */
import type { ResetTarget } from "../../shared/core/reset.ts";
import type { Client } from "./client.ts";

export interface Workload {
  readonly kind: string;
  readonly params: Readonly<Record<string, number | string | boolean>>;
  /** `same`: result and status must be those of a world without faults. */
  readonly outcome: "same" | "any";
  /** May answer the status with which a chain must have ended, where that is not the last use of the id. */
  play(client: Client, id: string): Promise<Ended | undefined>;
}
export interface Ended {
  readonly chain: string;
  readonly status: string;
}

interface Made {
  readonly outcome: Workload["outcome"];
  // biome-ignore lint/suspicious/noConfusingVoidType: most answer nothing
  play(client: Client, id: string): Promise<Ended | void>;
}
type Make = (p: Workload["params"]) => Made;

const started = async (client: Client, id: string, workflow: string, input: unknown): Promise<undefined> => {
  await client.start(id, workflow, input);
};
/** Sends `count` messages, some of them twice, in any order. */
async function sendMany(client: Client, count: number, send: (n: number) => Promise<unknown>) {
  const all = Array.from({ length: count }, async (_, n) => {
    await client.wait(client.chance.between(1, 20_000));
    await send(n);
    if (client.chance.happens(0.3)) {
      await client.wait(client.chance.between(1, 60_000));
      await send(n);
    }
  });
  await Promise.all(all);
}

/** So long that a worker takes in two or three at a time. */
const PAD = "x".repeat(1_800_000);
const poke = (n: number, heavy: Workload["params"][string] | undefined) => (heavy ? { n, pad: PAD } : { n });

/** Resets the execution at several times, also after its end, and by two senders at once. */
async function resetMany(client: Client, id: string, targets: readonly ResetTarget[], withinMs: number) {
  const all = Array.from({ length: client.chance.between(2, 4) }, async () => {
    await client.wait(client.chance.between(1, withinMs));
    await client.reset(id, { target: client.chance.oneOf(targets), excluded: [] });
  });
  await Promise.all(all);
}
const ANYWHERE: readonly ResetTarget[] = [{ to: "start" }, { to: "last_decision" }];

/** The calls to programs with which a reset must change no outcome. Their time is that of a world without faults. */
const RESET: Record<string, (client: Client, id: string) => Promise<unknown>> = {
  sequence: (client, id) => client.start(id, "sequence", { steps: 5 }),
  far: (client, id) => client.start(id, "sequence", { steps: 3, prefix: "far_" }),
  parallel: (client, id) => client.start(id, "parallel", { width: 4 }),
  flaky: (client, id) => client.start(id, "flaky", {}),
  timers: (client, id) => client.start(id, "timers", { short: 3_000 }),
  async signals(client, id) {
    await client.start(id, "signals", { count: 5 });
    await sendMany(client, 5, (n) => client.signal(id, `${id}-${n}`, poke(n, false)));
  },
  async chain(client, id) {
    await client.start(id, "chain", { count: 5, each: 1 });
    await sendMany(client, 5, (n) => client.signal(id, `${id}-${n}`, poke(n, false)));
  },
  async updates(client, id) {
    await client.start(id, "updates", { count: 3 });
    await sendMany(client, 3, (n) => client.update(id, `${id}-${n}`, { n }));
  },
  async buggy(client, id) {
    await client.start(id, "buggy", {});
    await sendMany(client, 3, (n) => client.signal(id, `${id}-${n}`, poke(n, false)));
  },
};

export const WORKLOADS: Record<string, Make> = {
  sequence: ({ steps, prefix }) => ({
    outcome: "same",
    play: (client, id) => started(client, id, "sequence", { steps, prefix }),
  }),
  parallel: ({ width, prefix }) => ({
    outcome: "same",
    play: (client, id) => started(client, id, "parallel", { width, prefix }),
  }),
  flaky: ({ prefix }) => ({ outcome: "same", play: (client, id) => started(client, id, "flaky", { prefix }) }),
  timers: ({ short }) => ({ outcome: "same", play: (client, id) => started(client, id, "timers", { short }) }),
  signals: ({ count, heavy }) => ({
    outcome: "same",
    async play(client, id) {
      await client.start(id, "signals", { count });
      await sendMany(client, count as number, (n) => client.signal(id, `${id}-${n}`, poke(n, heavy)));
    },
  }),
  stirred: ({ count }) => ({
    outcome: "same",
    async play(client, id) {
      await client.start(id, "stirred", { count });
      await sendMany(client, count as number, (n) => client.signal(id, `${id}-${n}`, poke(n, false)));
    },
  }),
  /** One sender, which waits for each acknowledgement. */
  ordered: ({ count, each }) => ({
    outcome: "same",
    async play(client, id) {
      await client.start(id, "ordered", { count, each });
      for (let n = 0; n < (count as number); n++) {
        await client.wait(client.chance.between(1, client.chance.happens(0.5) ? 10 : 20_000));
        await client.signal(id, `${id}-${client.chance.next()}`, { n });
      }
    },
  }),
  /** Several senders, some of whose messages meet the end of the execution. */
  farewell: () => ({
    outcome: "any",
    async play(client, id) {
      await client.start(id, "updates", { count: 2 });
      const many = (count: number, of: string, send: (id: string, key: string, input: unknown) => Promise<unknown>) =>
        sendMany(client, count, (n) => send(id, `${id}-${of}-${n}`, { n }));
      await many(5, "update", client.update.bind(client));
    },
  }),
  chain: ({ count, each, heavy }) => ({
    outcome: "same",
    async play(client, id) {
      await client.start(id, "chain", { count, each });
      await sendMany(client, count as number, (n) => client.signal(id, `${id}-${n}`, poke(n, heavy)));
    },
  }),
  updates: ({ count }) => ({
    outcome: "same",
    async play(client, id) {
      await client.start(id, "updates", { count });
      await sendMany(client, count as number, (n) => client.update(id, `${id}-${n}`, { n }));
    },
  }),
  cancelled: () => ({
    outcome: "same",
    async play(client, id) {
      await client.start(id, "cancelled", {});
      await client.wait(client.chance.between(1, 60_000));
      await client.cancel(id, `${id}-enough`);
    },
  }),
  parent: ({ leave }) => ({
    outcome: "same",
    play: (client, id) => started(client, id, "parent", { id, leave }),
  }),
  orphaned: ({ leave }) => ({
    outcome: "any",
    async play(client, id) {
      await client.start(id, "parent", { id, leave });
      await client.wait(client.chance.between(1, 60_000));
      await client.terminate(id);
      // Only the parent would have ended this child.
      for (let i = 0; i < 8; i++) {
        await client.wait(60_000);
        await client.cancel(`${id}-dropped`, `${id}-dropped`);
        await client.cancel(`${id}-again-dropped`, `${id}-again-dropped`);
      }
    },
  }),
  buggy: () => ({
    outcome: "same",
    async play(client, id) {
      await client.start(id, "buggy", {});
      await sendMany(client, 3, (n) => client.signal(id, `${id}-${n}`, { n }));
    },
  }),
  impatient: ({ prefix }) => ({
    outcome: "any",
    async play(client, id) {
      await client.start(id, "impatient", { prefix });
      await client.wait(client.chance.between(1, 5_000));
      await client.cancel(id, `${id}-enough`);
    },
  }),
  /** A parent, one of whose children is a parent that continues as new and leaves children behind. */
  clan: () => ({ outcome: "same", play: (client, id) => started(client, id, "clan", { id }) }),
  /** As soon as a child has closed, a client uses its id. */
  usurped: () => ({
    outcome: "same",
    async play(client, id) {
      await client.start(id, "parent", { id, leave: false });
      while ((await client.statusOf(`${id}-one`)) === null) await client.wait(500);
      while ((await client.start(`${id}-one`, "brief", { ms: 10_000 })) === null)
        await client.wait(client.chance.between(10, 2_000));
    },
  }),
  /** A client uses the id of an execution with a deadline again, without one. */
  outlived: () => ({
    outcome: "any",
    async play(client, id) {
      await client.start(id, "brief", { ms: 2_000 }, { timeoutMs: 20_000 });
      for (;;) {
        const chain = await client.start(id, "late", { ms: 90_000 });
        if (chain !== null) return { chain, status: "COMPLETED" };
        await client.wait(1_000);
      }
    },
  }),
  refused: ({ ms }) => ({
    outcome: "same",
    async play(client, id) {
      await client.start(`${id}-other`, "brief", { ms });
      await client.start(id, "refused", { taken: `${id}-other` });
    },
  }),
  terminated: ({ steps }) => ({
    outcome: "any",
    async play(client, id) {
      await client.start(id, "sequence", { steps });
      await client.wait(client.chance.between(1, 10_000));
      await client.terminate(id);
    },
  }),
  reuse: ({ rounds, heavy }) => ({
    outcome: "any",
    async play(client, id) {
      const signals = sendMany(client, 4, (n) => client.signal(id, `${id}-${n}`, poke(n, heavy)));
      for (let round = 0; round < (rounds as number); ) {
        if (await client.start(id, "brief", { ms: client.chance.between(1, 8_000) })) round += 1;
        await client.wait(client.chance.between(1, 10_000));
      }
      await signals;
    },
  }),
  hot: ({ runs }) => ({ outcome: "same", play: (client, id) => started(client, id, "hot", { runs }) }),
  reset: ({ of }) => ({
    outcome: "same",
    async play(client, id) {
      const targets = of === "flaky" ? [...ANYWHERE, { to: "first_failure" } as const] : ANYWHERE;
      const resets = client.wait(client.chance.between(1, 5_000)).then(() => resetMany(client, id, targets, 60_000));
      await Promise.all([RESET[of as string]!(client, id), resets]);
    },
  }),
  /** Requests for cancellation are not given to the new runs, and a late copy of the reset begins one more. */
  reset_excluding: () => ({
    outcome: "any",
    async play(client, id) {
      await client.start(id, "cancelled", {});
      const requests = sendMany(client, 3, (n) => client.cancel(id, `${id}-${n}`));
      await client.wait(client.chance.between(1, 20_000));
      await client.reset(id, { target: { to: "start" }, excluded: ["signals"] });
      await requests;
      for (let n = 0; n < 12; n++) {
        await client.wait(60_000);
        await client.cancel(id, `${id}-last-${n}`);
      }
    },
  }),
  /** Signals are excluded: the clients send others, until there are enough. */
  reset_without_signals: () => ({
    outcome: "any",
    async play(client, id) {
      await client.start(id, "signals", { count: 3 });
      const sent = sendMany(client, 3, (n) => client.signal(id, `${id}-${n}`, poke(n, false)));
      await client.wait(client.chance.between(1, 30_000));
      await client.reset(id, { target: { to: "start" }, excluded: ["signals"] });
      await sent;
      for (let n = 10; n < 22; n++) {
        await client.wait(60_000);
        await client.signal(id, `${id}-${n}`, poke(n, false));
      }
    },
  }),
  /** Deletes race with resets and with starts of the same id. */
  deleted: ({ of }) => ({
    outcome: "any",
    async play(client, id) {
      await client.start(id, of as string, { ms: 3_000, steps: 2, runs: 3, id, leave: false });
      const end = client.wait(client.chance.between(1, 60_000)).then(() => client.terminate(id));
      const resets = resetMany(client, id, ANYWHERE, 60_000);
      const starts = Array.from({ length: 3 }, async () => {
        await client.wait(client.chance.between(1, 90_000));
        await client.start(id, "brief", { ms: client.chance.between(1, 4_000) });
      });
      const deletes = Array.from({ length: 4 }, async () => {
        await client.wait(client.chance.between(1, 90_000));
        for (let tries = 0; tries < 20 && (await client.delete(id)) === "running"; tries++) await client.wait(2_000);
      });
      await Promise.all([end, resets, ...starts, ...deletes]);
      // The parent would have ended these children.
      for (let i = 0; of === "parent" && i < 12; i++) {
        await client.wait(60_000);
        await client.cancel(`${id}-dropped`, `${id}-dropped-${i}`);
        await client.cancel(`${id}-again-dropped`, `${id}-again-dropped-${i}`);
      }
    },
  }),
  reset_terminated: () => ({
    outcome: "any",
    async play(client, id) {
      await client.start(id, "sequence", { steps: 6 });
      const end = client.wait(client.chance.between(1, 10_000)).then(() => client.terminate(id));
      await Promise.all([end, resetMany(client, id, ANYWHERE, 15_000)]);
    },
  }),
  reset_parent: ({ leave }) => ({
    outcome: "any",
    async play(client, id) {
      await client.start(id, "parent", { id, leave });
      await resetMany(client, id, ANYWHERE, 60_000);
      // A run that a reset has replaced may have been the only one that would have ended this child.
      for (let i = 0; i < 12; i++) {
        await client.wait(60_000);
        await client.cancel(`${id}-dropped`, `${id}-dropped-${i}`);
        await client.cancel(`${id}-again-dropped`, `${id}-again-dropped-${i}`);
      }
    },
  }),
  late: ({ ms, limit }) => ({
    outcome: "same",
    async play(client, id) {
      await client.start(id, "late", { ms }, { timeoutMs: limit as number });
    },
  }),
};

/** Workloads to draw from: few enough that a run can keep their outcomes without faults. */
export const DRAWS: readonly { readonly kind: string; readonly params: Workload["params"] }[] = [
  { kind: "sequence", params: { steps: 1 } },
  { kind: "sequence", params: { steps: 6 } },
  { kind: "sequence", params: { steps: 3, prefix: "far_" } },
  { kind: "parallel", params: { width: 4 } },
  { kind: "parallel", params: { width: 3, prefix: "far_" } },
  { kind: "flaky", params: {} },
  { kind: "flaky", params: { prefix: "far_" } },
  { kind: "timers", params: { short: 3_000 } },
  { kind: "timers", params: { short: 130_000 } },
  { kind: "signals", params: { count: 1 } },
  { kind: "signals", params: { count: 5 } },
  { kind: "signals", params: { count: 6, heavy: true } },
  { kind: "chain", params: { count: 5, each: 1 } },
  { kind: "chain", params: { count: 6, each: 2 } },
  { kind: "chain", params: { count: 6, each: 1, heavy: true } },
  { kind: "ordered", params: { count: 8, each: 8 } },
  { kind: "ordered", params: { count: 8, each: 2 } },
  { kind: "updates", params: { count: 3 } },
  { kind: "farewell", params: {} },
  { kind: "cancelled", params: {} },
  { kind: "parent", params: { leave: false } },
  { kind: "parent", params: { leave: true } },
  { kind: "orphaned", params: { leave: true } },
  { kind: "buggy", params: {} },
  { kind: "impatient", params: {} },
  { kind: "impatient", params: { prefix: "far_" } },
  { kind: "clan", params: {} },
  { kind: "usurped", params: {} },
  { kind: "outlived", params: {} },
  { kind: "refused", params: { ms: 5_000 } },
  { kind: "refused", params: { ms: 100_000 } },
  { kind: "terminated", params: { steps: 4 } },
  { kind: "reuse", params: { rounds: 3 } },
  { kind: "reuse", params: { rounds: 3, heavy: true } },
  ...Object.keys(RESET).map((of) => ({ kind: "reset", params: { of } })),
  { kind: "reset_excluding", params: {} },
  { kind: "reset_without_signals", params: {} },
  { kind: "reset_terminated", params: {} },
  { kind: "reset_parent", params: { leave: false } },
  { kind: "reset_parent", params: { leave: true } },
  { kind: "late", params: { ms: 200_000, limit: 40_000 } },
  { kind: "hot", params: { runs: 16 } },
];

/** Drawn apart, so that the seeds of the others stay what they are. */
export const DELETIONS: typeof DRAWS = ["brief", "sequence", "parent", "hot"].map((of) => ({
  kind: "deleted",
  params: { of },
}));

/** The workloads of a world with deletions. */
export const withDeletions = (seed: number): Workload[] =>
  [DELETIONS, DELETIONS, DRAWS].map((of, i) => {
    const { kind, params } = of[(seed * (i + 1)) % of.length]!;
    return workload(kind, params);
  });

/** Drawn apart likewise: a lost claim would let these begin something. */
export const CLAIMS: typeof DRAWS = [
  { kind: "stirred", params: { count: 6 } },
  { kind: "updates", params: { count: 6 } },
];

/** The workloads of a world that loses claims. */
export const withLostClaims = (seed: number): Workload[] =>
  [CLAIMS, CLAIMS, DRAWS].map((of, i) => {
    const { kind, params } = of[(seed * (i + 1)) % of.length]!;
    return workload(kind, params);
  });

export function workload(kind: string, params: Workload["params"]): Workload {
  const { outcome, play } = WORKLOADS[kind]!(params);
  return { kind, params, outcome, play: async (client, id) => (await play(client, id)) || undefined };
}
