/** A worker of `bench/takeover.ts`: it tells its parent when an attempt begins, so that the parent can kill it and see who goes on. */
import { parseArgs } from "node:util";
import { activity, startWorker, workflow } from "@sirocco/sdk";
import * as z from "zod";

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    key: { type: "string" },
    deployment: { type: "string" },
    name: { type: "string" },
  },
});

export interface Began {
  readonly kind: "began";
  readonly id: string;
  readonly attempt: number;
  readonly by: string;
  /** Time of the machine, ms. */
  readonly at: number;
}

/** The first attempt lasts until its worker is killed, the second answers at once. */
const hold = activity(
  { name: "hold", input: z.object({ id: z.string(), held: z.boolean() }), retry: { maxAttempts: 5, first: 1 } },
  async ({ id, held }, ctx) => {
    const began: Began = { kind: "began", id, attempt: ctx.attempt, by: values.name!, at: Date.now() };
    process.send!(began);
    if (held && ctx.attempt === 1) await new Promise((ok) => setTimeout(ok, 600_000));
    return {};
  },
);
const holding = workflow({ name: "holding", input: z.object({ id: z.string(), held: z.boolean() }) }, async (input) => {
  await hold(input);
  return {};
});

const worker = await startWorker({
  url: values.url!,
  apiKey: values.key!,
  deployment: values.deployment!,
  name: values.name!,
  workflows: [holding],
  activities: [hold],
  log: { debug: () => {}, info: () => {}, warn: () => {}, error: console.error },
});
process.once("SIGTERM", () => void worker.stop().then(() => process.exit(0)));
process.send!({ kind: "ready" });
