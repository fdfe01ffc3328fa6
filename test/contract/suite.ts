/**
 * The contract of the ports: one suite for every adapter. It assumes nothing about the speed of an adapter: `eventually`
 * repeats reads that may lag, and time passes only through the subject.
 *
 * One line runs it for an adapter: `contractSuite("its name", async () => ({ ports, pass }))`.
 */
import { afterAll, beforeAll, describe } from "vitest";
import { activitiesContract } from "./activities.ts";
import { claimContract } from "./claims.ts";
import { closeContract } from "./closes.ts";
import { costContract } from "./costs.ts";
import { deletionContract } from "./deletions.ts";
import { feedContract } from "./feed.ts";
import { inboxContract } from "./inbox.ts";
import { jobsContract } from "./jobs.ts";
import { logRecordsContract } from "./log-records.ts";
import { logContract } from "./logs.ts";
import { openInputsContract } from "./open-inputs.ts";
import { rateLimitsContract } from "./rate-limits.ts";
import { registryContract } from "./registry.ts";
import { reopenContract } from "./reopen.ts";
import { resetContract } from "./resets.ts";
import { rollupsContract } from "./rollups.ts";
import { runsContract } from "./runs.ts";
import { startKeysContract } from "./start-keys.ts";
import { startContract } from "./starts.ts";
import { type Bench, bench, type MakeSubject } from "./subject.ts";
import { tasksContract } from "./tasks.ts";
import { waitingContract } from "./waiting.ts";

export type Contract = (of: () => Bench) => void;

const chapters: Record<string, Contract> = {
  "starts: create, head, run": startContract,
  "idempotency keys of starts": startKeysContract,
  "inbox: messages and wake-ups": inboxContract,
  "claims, parks and due heads": claimContract,
  "log: one writer wins a position": logContract,
  "closes: one transaction": closeContract,
  "costs: what an execution has used": costContract,
  "resets: a run that begins with a copy": resetContract,
  "deletions: hidden whole, then erased": deletionContract,
  "questions to people": openInputsContract,
  "runs: lists, filters, pages": runsContract,
  "tasks: at least once, with leases": tasksContract,
  registry: registryContract,
  "feed: one order that never changes": feedContract,
  "rollups: counts of runs by time": rollupsContract,
  jobs: jobsContract,
  activities: activitiesContract,
  "rate limits: permits from pools": rateLimitsContract,
  "log records: groups that stay": logRecordsContract,
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
