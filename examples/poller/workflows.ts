/** A poller that runs for years: it asks another system again and again, and continues as new before its history grows long. */
import { activity, continueAsNew, historyIsLong, on, signal, sleep, workflow } from "@sirocco/sdk";
import * as z from "zod";

export const ask = activity(
  {
    name: "ask",
    input: z.object({ since: z.int() }),
    output: z.object({ items: z.array(z.string()), next: z.int() }),
    retry: { maxAttempts: 20, first: "5s", factor: 2, max: "10m" },
  },
  async ({ since }) => ({ items: [], next: since }),
);
export const take = activity({ name: "take", input: z.object({ item: z.string() }) }, async () => {});

export const stop = signal("stop");

export const poller = workflow(
  {
    name: "poller",
    input: z.object({ since: z.int(), taken: z.int().default(0), polls_a_run: z.int().default(1_000) }),
    handlers: [stop],
    timeout: null, // no limit: it ends by the signal
  },
  async ({ since, taken, polls_a_run }) => {
    let stopped = false;
    on(stop, () => {
      stopped = true;
    });
    for (let polls = 0; polls < polls_a_run && !historyIsLong(); polls++) {
      const { items, next } = await ask({ since });
      for (const item of items) await take({ item });
      taken += items.length;
      since = next;
      if (stopped) return { taken };
      await sleep("1m");
    }
    return continueAsNew({ since, taken, polls_a_run });
  },
);
