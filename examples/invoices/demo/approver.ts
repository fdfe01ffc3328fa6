/** Somebody who approves, or not: looks at each large invoice through its query, and decides through its signal. */
import { setTimeout as delay } from "node:timers/promises";
import type { Case } from "./cases.ts";
import type { Client } from "./client.ts";

const LOOK_EVERY_MS = 300;

export interface Approver {
  /** Executions that wait for a decision now. */
  readonly waiting: ReadonlySet<string>;
  /** All that had to be decided are. */
  readonly done: Promise<void>;
}

/** Decides after the first reminder, and not before `notBefore` resolves. */
export function approve(client: Client, cases: readonly Case[], notBefore: (c: Case) => Promise<void>): Approver {
  const waiting = new Set<string>();
  const one = async (c: Case) => {
    for (;;) {
      const status = await client.status(c.execution);
      if (status?.step === "waiting for approval") {
        waiting.add(c.execution);
        if (status.reminders > 0) break;
      }
      await delay(LOOK_EVERY_MS);
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
