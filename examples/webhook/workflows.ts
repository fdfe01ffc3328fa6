/** What a payment waits for comes by a webhook: the provider calls `server.ts`, which signals the execution of that payment. */
import { activity, on, signal, WorkflowError, waitUntil, workflow } from "@sirocco/sdk";
import * as z from "zod";

export const charge = activity(
  { name: "charge", input: z.object({ id: z.string(), cents: z.int() }), output: z.object({ reference: z.string() }) },
  ({ id }) => ({ reference: `ref-${id}` }),
);

export const Paid = z.object({ event: z.string(), status: z.enum(["paid", "refused"]) });
export const paid = signal("paid", Paid);

export const payment = workflow(
  { name: "payment", input: z.object({ id: z.string(), cents: z.int() }), handlers: [paid], timeout: "3 days" },
  async ({ id, cents }) => {
    const events = new Map<string, z.infer<typeof Paid>>();
    // Providers repeat a webhook that they believe lost, so events are told apart by their ids.
    on(paid, (event) => events.set(event.event, event));
    const { reference } = await charge({ id, cents });
    if (!(await waitUntil(() => events.size > 0, "2 days"))) throw new WorkflowError("the provider never answered");
    const [first] = events.values();
    if (first!.status === "refused") throw new WorkflowError(`payment ${id} was refused`);
    return { reference, events: events.size };
  },
);
