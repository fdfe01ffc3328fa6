/** The workflows that the tests of the console look at. */
import * as z from "zod";
import {
  activity,
  child,
  on,
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
export const retries = workflow({ name: "retries" }, async () => refusing());
export const sleeper = workflow({ name: "sleeper" }, async () => sleep("3h"));
export const approve = signal("approve", z.object({ by: z.string(), amount: z.number().optional() }));
export const amend = update("amend", z.object({ n: z.number() }), z.number());
export const listens = workflow({ name: "listens", handlers: [approve, amend] }, async () => {
  let by = "";
  setSearchKeys({ customer: "ada" });
  on(approve, (given) => {
    by = given.by;
  });
  on(amend, ({ n }) => n * 2);
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

export const workflows = [steps, wide, fails, retries, sleeper, listens, asks, parent, echoes];
export const activities = [work, refusing, breaking, echo];
