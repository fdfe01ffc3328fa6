/** A worker process for benchmarks. Its times are comparable with those of other processes on the machine. */

import { activity, on, signal, sleep, startWorker, task, waitUntil, workflow } from "@sirocco/sdk";
import * as z from "zod";
import { realNow } from "../../sdk/determinism/real.ts";

const { timeOrigin } = performance;
/** Also for workflow code, to which the platform shows the time of its history. */
const now = () => timeOrigin + realNow();

const entered = new Map<string, number[]>();
const step = activity({ name: "step", input: z.object({ n: z.number() }) }, async ({ n }, ctx) => {
  const times = entered.get(ctx.run) ?? [];
  if (times.length === 0) entered.set(ctx.run, times);
  times.push(performance.now());
  return { n: n + 1 };
});
const times = activity({ name: "times" }, async (_, ctx) => {
  const list = entered.get(ctx.run) ?? [];
  entered.delete(ctx.run);
  return list.slice(1).map((t, i) => t - list[i]!);
});

/** Sequential steps. With `report` the result has the milliseconds between them. */
const sequence = workflow(
  { name: "sequence", input: z.object({ steps: z.number(), report: z.boolean() }) },
  async ({ steps, report }) => {
    let n = 0;
    while (n < steps) ({ n } = (await step({ n })) as { n: number });
    return { n, gaps: report ? await times() : [] };
  },
);
const clock = activity({ name: "clock" }, async () => now());
const first = workflow({ name: "first" }, async () => ({ at: await clock() }));
const parked = workflow({ name: "parked", timeout: null }, async () => {
  await waitUntil(() => false);
  return {};
});
const poke = signal("poke", z.object({ sent: z.number() }));
/** How long each signal took until its handler began, and until the activity of the handler ran. No replay compares the first. */
const listens = workflow(
  { name: "listens", input: z.object({ n: z.number() }), timeout: null, handlers: [poke] },
  async ({ n }) => {
    const toHandler: number[] = [];
    const toActivity: number[] = [];
    on(poke, async ({ sent }) => {
      toHandler.push(now() - sent);
      toActivity.push(((await clock()) as number) - sent);
    });
    await waitUntil(() => toActivity.length === n);
    return { toHandler, toActivity };
  },
);
const reportProgress = activity({ name: "reportProgress", input: z.object({ n: z.number() }) }, async ({ n }) => {
  for (let i = 0; i < n; i++) {
    await new Promise((ok) => setTimeout(ok, 20));
    await task("progress", { at: 0 }, async (t) => t.set({ at: now() }));
  }
});
const reports = workflow({ name: "reports", input: z.object({ n: z.number() }) }, async ({ n }) => {
  await reportProgress({ n });
  return {};
});
const slow = activity({ name: "slow", timeout: "1h" }, async () => {
  await new Promise((ok) => setTimeout(ok, 100));
  return now();
});
const slowSteps = workflow({ name: "slowSteps", input: z.object({ steps: z.number() }) }, async ({ steps }) => {
  const at: number[] = [];
  for (let i = 0; i < steps; i++) at.push((await slow()) as number);
  await sleep(1);
  return { at };
});

const worker = await startWorker({
  workflows: [sequence, first, parked, listens, reports, slowSteps],
  activities: [step, times, clock, reportProgress, slow],
  cachedExecutions: Number(process.env.CACHED ?? 1000),
  log: { debug() {}, info() {}, warn: console.error, error: console.error },
});
console.log(JSON.stringify({ session: worker.session }));
process.on("message", (message) => {
  const { user, system } = process.cpuUsage();
  if (message === "usage") process.send?.({ rss: process.memoryUsage().rss, cpu: user + system });
  if (message === "stop") void worker.stop().then(() => process.exit(0));
});
