/** The workflows that the tests of the console look at. */
import * as z from "zod";
import {
  activity,
  child,
  continueAsNew,
  on,
  query,
  setSearchKeys,
  signal,
  sleep,
  update,
  waitForInput,
  waitUntil,
  workflow,
} from "../../../sdk/index.ts";

export const work = activity({ name: "work", input: z.object({ n: z.number() }) }, async ({ n }, ctx) => {
  ctx.log.info(`works on ${n}`);
  return { done: n };
});
export const refusing = activity({ name: "refusing", retry: { maxAttempts: 4, first: "1h", max: "1h" } }, async () => {
  throw new Error("the bank is closed");
});
export const breaking = activity({ name: "breaking", retry: { maxAttempts: 1 } }, async () => {
  throw new Error("no such account", { cause: new Error("connect ECONNREFUSED") });
});
export const echo = activity({ name: "echo", input: z.json() }, async (value) => value);

const promised = () => ({ busy: Promise.withResolvers<void>(), gate: Promise.withResolvers<void>() });
let line = promised();
/** Makes the calls of `again` from now on wait for this test: each fails once `busy` is there, then ends with `gate`. */
export const newLine = () => {
  line = promised();
  return line;
};
export const again = activity({ name: "again", retry: { maxAttempts: 3, first: "5s" } }, async (_, ctx) => {
  const { busy, gate } = line;
  if (ctx.attempt === 1) {
    await busy.promise;
    throw new Error("the line is busy");
  }
  ctx.log.warn(`attempt ${ctx.attempt} goes on`);
  await gate.promise;
});

export const steps = workflow(
  { name: "steps", input: z.object({ count: z.int().min(1).default(3) }) },
  async ({ count }) => {
    for (let n = 1; n <= count; n++) await work({ n });
    return { count };
  },
);
export const wide = workflow({ name: "wide", input: z.object({ count: z.int() }) }, async ({ count }) => {
  await Promise.all(
    Array.from({ length: count }, (_, n) => (n % 100 === 7 ? breaking() : work({ n })).catch(() => {})),
  );
});
export const fails = workflow({ name: "fails" }, async () => {
  await work({ n: 1 });
  await breaking();
});
/** Another kind of failure than that of `fails`: of another workflow. */
export const breaks = workflow({ name: "breaks" }, async () => breaking());
export const retries = workflow({ name: "retries" }, async () => refusing());
export const pinned = workflow({ name: "holds-on", versioning: "pinned" }, async () => sleep("3h"));
export const sleeper = workflow({ name: "sleeper" }, async () => sleep("3h"));
export const approve = signal("approve", z.object({ by: z.string(), amount: z.number().optional() }));
export const spoken = query("spoken", z.string());
export const amend = update("amend", z.object({ n: z.number() }), z.number());
export const listens = workflow({ name: "listens", handlers: [approve, amend, spoken] }, async () => {
  let by = "";
  setSearchKeys({ customer: "ada" });
  on(approve, (given) => {
    by = given.by;
  });
  on(amend, ({ n }) => n * 2);
  on(spoken, () => by || "nobody yet");
  await waitUntil(() => by !== "");
  return { by };
});
export const asks = workflow({ name: "asks", interactive: true }, async () =>
  waitForInput(z.object({ approved: z.boolean(), comment: z.string().min(3), level: z.enum(["low", "high"]) }), {
    label: "May this be paid?",
  }),
);
export const parent = workflow({ name: "parent" }, async () => child(sleeper, {}, { id: "the-child" }));
export const echoes = workflow({ name: "echoes", input: z.record(z.string(), z.json()) }, async (given) => echo(given));

export const retriesOnce = workflow({ name: "retries-once" }, async () => again());
export const continues = workflow({ name: "continues", input: z.object({ left: z.int() }) }, async ({ left }) =>
  left > 0 ? continueAsNew({ left: left - 1 }) : sleep("3h"),
);
/** Asks one person after the other. */
export const asksAlone = workflow({ name: "asks-alone", interactive: true }, async () =>
  waitForInput(z.object({ word: z.string() }), { label: "What is the word?", timeout: "3h" }),
);
/** Of one name, but another code: a run that the first one began cannot go on with the second one. */
export const before = workflow({ name: "changed", handlers: [approve] }, async () => {
  on(approve, () => {});
  await work({ n: 1 });
  await sleep("3h");
});
export const after = workflow({ name: "changed", handlers: [approve] }, async () => {
  on(approve, () => {});
  await echo("another step");
  await sleep("3h");
});

export const workflows = [
  retriesOnce,
  continues,
  steps,
  wide,
  fails,
  breaks,
  retries,
  sleeper,
  listens,
  asks,
  parent,
  echoes,
];
export const activities = [again, work, refusing, breaking, echo];
