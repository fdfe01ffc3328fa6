/** An approval with reminders: a person is asked, reminded each day, and after a week the request lapses. */
import { activity, sleep, TimeoutError, waitForInput, workflow } from "@sirocco/sdk";
import * as z from "zod";

export const remind = activity(
  { name: "remind", input: z.object({ to: z.string(), times: z.int() }), retry: { maxAttempts: 10, first: "1m" } },
  async ({ to, times }) => console.log(`reminder ${times} to ${to}`),
);

const Decision = z.object({ approved: z.boolean(), by: z.string() });

export const approval = workflow(
  {
    name: "approval",
    input: z.object({ what: z.string(), boss: z.string() }),
    output: z.object({ outcome: z.enum(["approved", "rejected", "lapsed"]), reminders: z.int() }),
    interactive: true,
    timeout: "30 days",
  },
  async ({ what, boss }) => {
    let reminders = 0;
    let open = true;
    const reminding = (async () => {
      for (;;) {
        await sleep("1 day");
        if (!open) return;
        await remind({ to: boss, times: ++reminders });
      }
    })();
    reminding.catch(() => {}); // a cancellation of the execution ends its sleep too
    try {
      const { approved } = await waitForInput(Decision, { label: `May ${what} be bought?`, timeout: "7 days" });
      return { outcome: approved ? ("approved" as const) : ("rejected" as const), reminders };
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      return { outcome: "lapsed" as const, reminders };
    } finally {
      open = false;
    }
  },
);
