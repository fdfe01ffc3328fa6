/** The file of a user: a worker with code that blocks the event loop, and with code that holds the process. */
import { execFileSync } from "node:child_process";
import { activity, on, query, runWorker, signal, sleep, waitUntil, workflow } from "@sirocco/sdk";
import * as z from "zod";

const loops: Record<string, () => unknown> = {
  sync: () => {
    for (;;);
  },
  microtasks: async () => {
    for (;;) await null;
  },
  ticks: () => {
    const again = () => process.nextTick(again);
    again();
  },
  caught: async () => {
    for (;;) await waitUntil(() => true).catch(() => {});
  },
  memory: () => {
    for (const all: unknown[] = []; ; ) all.push(Array.from({ length: 10_000 }, (_, i) => ({ i })));
  },
  regex: () => /^(a+)+$/.test(`${"a".repeat(60)}b`),
};

const blocks = workflow({ name: "blocks", input: z.object({ by: z.string() }), timeout: null }, async ({ by }) => {
  await loops[by]!();
  await sleep("1h");
});
const ask = query("ask");
const blocksInQuery = workflow({ name: "blocks_in_query", handlers: [ask], timeout: null }, async () => {
  on(ask, () => loops.sync!());
  await sleep("1h");
});
const native = activity({ name: "native" }, async () => {
  await new Promise((ok) => setTimeout(ok, 50));
  execFileSync("sleep", ["5"]);
});
const spins = activity({ name: "spins" }, async () => {
  await new Promise((ok) => setTimeout(ok, 50));
  // Not wall time: the watchdog counts only the ticks that it gets.
  const used = () => process.cpuUsage().user + process.cpuUsage().system;
  const until = used() + 3e6;
  while (used() < until);
});
const hangs = activity({ name: "hangs", timeout: "1h" }, () => new Promise<void>(() => setInterval(() => {}, 1_000)));
const idle = activity({ name: "idle" }, async () => void setInterval(() => {}, 1_000));
const activities = [native, spins, hangs, idle];
const calls = workflow({ name: "calls", input: z.object({ name: z.string() }), timeout: null }, async ({ name }) => {
  await activities.find((each) => each.name === name)!();
  return name;
});
const quick = workflow({ name: "quick" }, async () => "done");

const go = signal("go");
const build = activity({ name: "build" }, async () => process.env.BUILD_ID);
const fixed = workflow({ name: "fixed", versioning: "pinned", handlers: [go], timeout: null }, async () => {
  let told = false;
  on(go, () => {
    told = true;
  });
  await waitUntil(() => told);
  return await build();
});
const versioned = process.env.BUILD_ID ? [fixed] : [];

if (process.env.STRAY === "1") {
  setInterval(() => {
    throw new Error("an idle connection broke");
  }, 500).unref();
  setInterval(() => void Promise.reject(new Error("a metric was not sent")), 500).unref();
}
await runWorker({
  workflows: [blocks, blocksInQuery, calls, quick, ...versioned],
  activities: [...activities, build],
  shutdownGrace: "500ms",
});
