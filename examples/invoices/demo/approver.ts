/** A simulated approver: looks at each large invoice through its query, and approves or rejects it through its signal. */
import { setTimeout as delay } from "node:timers/promises";
import type { Case } from "./cases.ts";
import type { Client } from "./client.ts";

const POLL_MS = 300;

export interface Approver {
  /** Executions that are waiting for a decision. */
  readonly waiting: ReadonlySet<string>;
  /** Resolves when all decisions are made. */
  readonly done: Promise<void>;
}

/** Decides on each invoice after its first reminder, and after `notBefore` has resolved. */
export function approve(client: Client, cases: readonly Case[], notBefore: (c: Case) => Promise<void>): Approver {
  const waiting = new Set<string>();
  const one = async (c: Case) => {
    for (;;) {
      const status = await client.status(c.execution);
      if (status?.step === "waiting for approval") {
        waiting.add(c.execution);
        if (status.reminders > 0) break;
      }
      await delay(POLL_MS);
    }
    await notBefore(c);
    const decision =
      c.approval === "reject" ? { approved: false, why: "this is no business expense" } : { approved: true };
    await client.decide(c.execution, { ...decision, by: "ada@example.com" });
    waiting.delete(c.execution);
  };
  const done = Promise.all(cases.filter((c) => c.approval).map(one)).then(() => {});
  return { waiting, done };
}
