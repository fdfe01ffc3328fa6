/** The same programs as a user of the SDK would write them. */
import * as z from "zod";
import {
  activity,
  CancelledError,
  child,
  continueAsNew,
  on,
  signal,
  sleep,
  start,
  uncancelled,
  update,
  waitUntil,
  workflow,
} from "../../sdk/index.ts";
import { deployed, perform } from "./programs.ts";

const Count = z.object({ n: z.number() });
const retry = { maxAttempts: 0, first: "500ms", factor: 2, max: "8s" } as const;

/** Activities get it as `ctx.resources`. */
export interface SimulatedResources extends Record<string, unknown> {
  /** Waits as long as the attempt takes in the world. */
  pause(): Promise<void>;
}
class Hopeless extends Error {}

const make = (name: string) =>
  activity(
    { name, input: z.number(), timeout: "1h", retry: { ...retry, nonRetryable: ["Hopeless"] } },
    async (input, ctx) => {
      await (ctx.resources as SimulatedResources).pause();
      const done = perform(name, input, ctx.attempt);
      if ("value" in done) return done.value as number;
      const error = done.final ? new Hopeless(done.error) : new Error(done.error);
      error.name = done.final ? "Hopeless" : "Error";
      throw error;
    },
  );
const double = make("double");
const thirdTime = make("third_time");
const hopeless = make("hopeless");
export const ACTIVITIES = [double, thirdTime, hopeless];

const poke = signal("poke", Count);
const doubled = update("double", Count, z.number());
const ascending = (list: number[]) => [...list].sort((x, y) => x - y);
const common = { timeout: null } as const;

const sequence = workflow(
  { name: "sequence", input: z.object({ steps: z.number() }), ...common },
  async ({ steps }) => {
    let sum = 0;
    for (let i = 1; i <= steps; i++) sum += await double(i);
    return sum;
  },
);

const parallel = workflow(
  { name: "parallel", input: z.object({ width: z.number() }), ...common },
  async ({ width }) => {
    const all = Array.from({ length: width }, (_, i) => double(i + 1));
    const [, ...numbers] = await Promise.all([sleep(5_000), ...all]);
    return numbers.reduce<number>((sum, n) => sum + (n as number), 0);
  },
);

const timers = workflow({ name: "timers", input: z.object({ short: z.number() }), ...common }, async ({ short }) => {
  await waitUntil(() => false, short);
  await sleep(200_000);
  return "both";
});

const signals = workflow(
  { name: "signals", input: z.object({ count: z.number() }), handlers: [poke], ...common },
  async ({ count }) => {
    const got: number[] = [];
    on(poke, ({ n }) => {
      got.push(n);
    });
    await double(21);
    await waitUntil(() => got.length >= count);
    return ascending(got);
  },
);

const stirred = workflow(
  { name: "stirred", input: z.object({ count: z.number() }), handlers: [poke], ...common },
  async ({ count }) => {
    const got: number[] = [];
    on(poke, ({ n }) => {
      got.push(n);
    });
    await double(21);
    for (let n = 1; n <= count; n++) {
      await waitUntil(() => got.length >= n);
      await sleep(5_000);
    }
    return ascending(got);
  },
);

const Ordered = z.object({ count: z.number(), each: z.number(), had: z.array(z.number()).default([]) });
const ordered = workflow({ name: "ordered", input: Ordered, handlers: [poke], ...common }, async (input) => {
  const { count, each, had } = input;
  const got: number[] = [];
  on(poke, ({ n }) => {
    got.push(n);
  });
  await waitUntil(() => got.length >= each);
  const have = [...had, ...got.slice(0, each)];
  return have.length >= count ? have : continueAsNew({ count, each, had: have });
});

const Chain = z.object({ count: z.number(), each: z.number(), had: z.array(z.number()).default([]) });
const chain = workflow({ name: "chain", input: Chain, handlers: [poke], ...common }, async ({ count, each, had }) => {
  const got: number[] = [];
  on(poke, ({ n }) => {
    got.push(n);
  });
  await waitUntil(() => got.length >= each);
  const have = [...had, ...got];
  return have.length >= count ? ascending(have) : continueAsNew({ count, each, had: have });
});

const updates = workflow(
  { name: "updates", input: z.object({ count: z.number() }), handlers: [doubled], ...common },
  async ({ count }) => {
    const got: number[] = [];
    on(doubled, async ({ n }) => {
      const twice = await double(n);
      got.push(n);
      return twice;
    });
    await waitUntil(() => got.length >= count);
    return ascending(got);
  },
);

const cancelled = workflow({ name: "cancelled", ...common }, async () => {
  try {
    await sleep(100_000_000);
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    await uncancelled(() => double(1));
    throw error;
  }
});

const waiting = workflow({ name: "waiting", ...common }, async () => {
  await waitUntil(() => false);
});

const Family = z.object({ id: z.string(), leave: z.boolean() });
const parent = workflow({ name: "parent", input: Family, ...common }, async ({ id, leave }) => {
  const one = start(sequence, { steps: 2 }, { id: `${id}-one`, onParentClose: "terminate" });
  const two = start(parallel, { width: 2 }, { id: `${id}-two`, onParentClose: "cancel" });
  start(waiting, {}, { id: `${id}-terminate`, onParentClose: "terminate" });
  start(cancelled, {}, { id: `${id}-cancel`, onParentClose: "cancel" });
  start(sequence, { steps: 1 }, { id: `${id}-abandon` });
  const dropped = start(cancelled, {}, { id: `${id}-dropped` });
  const first = await one.result();
  dropped.cancel();
  const [second] = await Promise.all([two.result(), dropped.result().catch(() => {})]);
  if (leave) return continueAsNew({ leave: false, id: `${id}-again` });
  start(sequence, { steps: 1 }, { id: `${id}-late` });
  start(waiting, {}, { id: `${id}-ended`, onParentClose: "terminate" });
  return first + second;
});

const clan = workflow({ name: "clan", input: z.object({ id: z.string() }), ...common }, ({ id }) =>
  child(parent, { id: `${id}-kin`, leave: true }, { id: `${id}-kin` }),
);

const refused = workflow({ name: "refused", input: z.object({ taken: z.string() }), ...common }, async ({ taken }) => {
  const waits = start(waiting, {}, { id: taken, onParentClose: "cancel" });
  waits.cancel();
  return waits.result().then(
    () => "started",
    () => "START_FAILED",
  );
});

const flaky = workflow({ name: "flaky", ...common }, async () => {
  const [good, bad] = await Promise.allSettled([thirdTime(1), hopeless(1)]);
  return [good.status === "fulfilled" ? good.value : null, bad.status === "rejected"];
});

const buggy = workflow({ name: "buggy", handlers: [poke], ...common }, async () => {
  const got: number[] = [];
  on(poke, ({ n }) => {
    got.push(n);
  });
  await waitUntil(() => got.length >= 2);
  if (deployed.broken) throw new TypeError("the code is broken");
  const twice = await double(4);
  await waitUntil(() => got.length >= 3);
  return [twice, ...ascending(got)];
});

const impatient = workflow({ name: "impatient", ...common }, async () => double(1));

const brief = workflow(
  { name: "brief", input: z.object({ ms: z.number() }), handlers: [poke], ...common },
  async ({ ms }) => {
    let poked = false;
    on(poke, () => {
      poked = true;
    });
    await waitUntil(() => poked, ms);
    return null;
  },
);

const late = workflow({ name: "late", input: z.object({ ms: z.number() }), ...common }, async ({ ms }) => {
  await sleep(ms);
  return "in time";
});

const hot = workflow({ name: "hot", input: z.object({ runs: z.number() }), ...common }, async ({ runs }) =>
  runs > 1 ? continueAsNew({ runs: runs - 1 }) : "cool",
);

export const WORKFLOWS = [
  sequence,
  parallel,
  timers,
  signals,
  stirred,
  ordered,
  chain,
  updates,
  cancelled,
  waiting,
  parent,
  clan,
  refused,
  flaky,
  buggy,
  impatient,
  brief,
  late,
  hot,
];
