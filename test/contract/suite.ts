/**
 * The contract of the ports: one suite for every adapter. It assumes nothing about how fast an adapter is: what may lag
 * is looked at `eventually`, and time passes only through the subject.
 *
 * An adapter takes part with one line: `contractSuite("its name", async () => ({ ports, pass }))`.
 */
import { afterAll, beforeAll, describe } from "vitest";
import { activitiesContract } from "./activities.ts";
import { claimContract } from "./claims.ts";
import { closeContract } from "./closes.ts";
import { feedContract } from "./feed.ts";
import { inboxContract } from "./inbox.ts";
import { logContract } from "./logs.ts";
import { registryContract } from "./registry.ts";
import { reopenContract } from "./reopen.ts";
import { runsContract } from "./runs.ts";
import { startContract } from "./starts.ts";
import { type Bench, bench, type MakeSubject } from "./subject.ts";
import { tasksContract } from "./tasks.ts";
import { waitingContract } from "./waiting.ts";

export type Contract = (of: () => Bench) => void;

const chapters: Record<string, Contract> = {
  "starts: create, head, run": startContract,
  "inbox: messages and marks": inboxContract,
  "claims, parks and what is due": claimContract,
  "log: one writer wins a position": logContract,
  "closes: one transaction": closeContract,
  "runs: lists, filters, pages": runsContract,
  "tasks: at least once, with leases": tasksContract,
  registry: registryContract,
  "feed: one order for ever": feedContract,
  activities: activitiesContract,
  "answers and changes": waitingContract,
};

export function contractSuite(name: string, makePorts: MakeSubject, o: { reopens?: boolean } = {}): void {
  describe(name, () => {
    for (const [title, contract] of Object.entries(chapters)) {
      describe(title, () => {
        let made: Bench;
        beforeAll(async () => {
          made = bench(await makePorts());
        });
        afterAll(() => made.end?.());
        contract(() => made);
      });
    }
    if (o.reopens) describe("after reopening", () => reopenContract(makePorts));
  });
}
