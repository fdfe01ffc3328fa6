import { activity, on, query, signal, WorkflowError, waitUntil, workflow } from "@sirocco/sdk";
import * as z from "zod";

/** An activity does the work. It may run again after a crash: the idempotency key is the same then. */
export const charge = activity(
  {
    name: "charge",
    input: z.object({ order: z.string(), cents: z.int() }),
    output: z.object({ receipt: z.string() }),
    retry: { maxAttempts: 5, first: "1s", factor: 2 },
  },
  async ({ order, cents }, { idempotencyKey }) => {
    console.log(`charging ${cents} cents for ${order}`);
    return { receipt: `${order}/${idempotencyKey}` };
  },
);

export const approve = signal("approve", z.object({ by: z.string() }));
export const state = query("state", z.object({ approvedBy: z.string().nullable() }));

/** A workflow decides. Whatever process dies, another goes on where it stopped. */
export const order = workflow(
  {
    name: "order",
    input: z.object({ id: z.string(), cents: z.int() }),
    output: z.object({ receipt: z.string(), approvedBy: z.string() }),
    handlers: [approve, state],
    timeout: "30 days",
  },
  async ({ id, cents }) => {
    const approvers: string[] = [];
    on(approve, ({ by }) => approvers.push(by));
    on(state, () => ({ approvedBy: approvers[0] ?? null }));
    if (!(await waitUntil(() => approvers.length > 0, "14 days"))) throw new WorkflowError("nobody approved");
    const { receipt } = await charge({ order: id, cents });
    return { receipt, approvedBy: String(approvers[0]) };
  },
);
