/** The same worlds with the worker core and a host of another language, which dies, stops, answers late or twice, and loses answers. */
import { describe, expect, test } from "vitest";
import { NONE } from "./faults.ts";
import { foreignWorker, hostThatStopsEarly } from "./foreign-worker.ts";
import { describeFailure, groups } from "./report.ts";
import { examine, simulate } from "./simulate.ts";
import { DRAWS, workload } from "./workloads.ts";

test.each(DRAWS)("without faults $kind $params closes", async ({ kind, params }) => {
  const workloads = [workload(kind, params)];
  const report = await simulate({ seed: 7, faults: NONE, workloads, startWorker: foreignWorker });
  expect(report.failure).toBeNull();
  expect(report.outcomes[0]!.status).not.toBe("RUNNING");
});

test.each(groups(0.05))("$count seeds from $from on keep every invariant", { timeout: 120_000 }, async (group) => {
  for (let seed = group.from; seed < group.from + group.count; seed++) {
    const report = await examine({ seed, startWorker: foreignWorker });
    if (report.failure) throw new Error(describeFailure(report, "foreign"), { cause: report.failure });
  }
});

test("a seed replays exactly", async () => {
  for (const seed of [3, 14, 159]) {
    const options = { seed, startWorker: foreignWorker, traced: true };
    const [one, two] = [await simulate(options), await simulate(options)];
    expect(two.trace).toEqual(one.trace);
    expect(two).toEqual(one);
  }
});

describe("the simulation notices", () => {
  test("a host that drops what comes with the message at which the run ends", { timeout: 120_000 }, async () => {
    const workloads = Array.from({ length: 4 }, () => workload("farewell", {}));
    let found: string | null = null;
    for (let seed = 1; seed <= 400 && found === null; seed++) {
      found = (await simulate({ seed, startWorker: hostThatStopsEarly, workloads })).failure?.message ?? null;
    }
    expect(found).toContain("INV-3");
  });
});
