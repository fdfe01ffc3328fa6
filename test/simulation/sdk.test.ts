/** The same worlds with the worker of the SDK: its workflow runtime, its leases and retries. */
import { expect, test } from "vitest";
import { NONE } from "./faults.ts";
import { describeFailure, groups } from "./report.ts";
import { sdkWorker, setWorker } from "./sdk-worker.ts";
import { examine, type Options, simulate } from "./simulate.ts";
import { WEAKER } from "./weaker.ts";
import { CLAIMS, DRAWS, withDeletions, withLostClaims, workload } from "./workloads.ts";

test.each([...DRAWS, ...CLAIMS])("without faults $kind $params closes", async ({ kind, params }) => {
  const workloads = [workload(kind, params)];
  const report = await simulate({ seed: 7, faults: NONE, workloads, startWorker: sdkWorker });
  expect(report.failure).toBeNull();
  expect(report.outcomes[0]!.status).not.toBe("RUNNING");
});

test.each(groups(0.3))("$count seeds from $from on keep every invariant", { timeout: 120_000 }, async (group) => {
  for (let seed = group.from; seed < group.from + group.count; seed++) {
    const report = await examine({ seed, startWorker: sdkWorker });
    if (report.failure) throw new Error(describeFailure(report, "sdk"), { cause: report.failure });
  }
});

test.each(groups(0.1))("$count seeds from $from on with holds and releases keep every invariant", {
  timeout: 120_000,
}, async (group) => {
  for (let seed = group.from; seed < group.from + group.count; seed++) {
    const report = await examine({ seed, startWorker: sdkWorker, holds: true });
    if (report.failure) throw new Error(describeFailure(report, "sdk", { holds: true }), { cause: report.failure });
  }
});

test.each(groups(0.03))("$count seeds from $from on with deletions keep every invariant", {
  timeout: 120_000,
}, async (group) => {
  for (let seed = group.from; seed < group.from + group.count; seed++) {
    const report = await examine({ seed, startWorker: sdkWorker, workloads: withDeletions(seed) });
    if (report.failure) throw new Error(describeFailure(report, "sdk", { deletions: true }), { cause: report.failure });
  }
});

test.each(groups(0.06))("$count seeds from $from on with lost claims keep every invariant", {
  timeout: 120_000,
}, async (group) => {
  for (let seed = group.from; seed < group.from + group.count; seed++) {
    const report = await examine({ seed, startWorker: sdkWorker, workloads: withLostClaims(seed), lostClaims: true });
    if (report.failure) throw new Error(describeFailure(report, "sdk", { claims: true }), { cause: report.failure });
  }
});

/** Weaker versions that only the worker's handling of messages can show, with workloads that meet them often. */
const MESSAGES = {
  "messages in the order of their times": ["INV-8", () => workload("ordered", { count: 8, each: 8 })],
  "messages before all that is due": ["INV-9", () => workload("reuse", { rounds: 4 })],
} as const;
test.each(Object.entries(MESSAGES))("the simulation notices %s", { timeout: 120_000 }, async (name, [breaks, make]) => {
  const workloads = Array.from({ length: 4 }, make);
  const found = await firstFailure((seed) => ({ seed, startWorker: sdkWorker, weaken: WEAKER[name]!, workloads }));
  expect(found).toMatch(new RegExp(`^${breaks}: `));
});

test("the simulation notices a worker that goes by its machine's clock", { timeout: 120_000 }, async () => {
  const workloads = Array.from({ length: 4 }, () => workload("timers", { short: 130_000 }));
  const faults = { ...NONE, clockSet: 0.5 };
  // Set back, it fires none for an hour, which breaks INV-7; set ahead, it fires one early.
  const early = /^INV-10: timer/;
  const found = await firstFailure((seed) => ({ seed, startWorker: setWorker, workloads, faults }), early);
  expect(found).toMatch(early);
});

/** The first failure whose message fits. */
async function firstFailure(options: (seed: number) => Options, wanted = /^/): Promise<string | null> {
  for (let seed = 1; seed <= 3000; seed++) {
    const message = (await simulate(options(seed))).failure?.message;
    if (message !== undefined && wanted.test(message)) return message;
  }
  return null;
}
