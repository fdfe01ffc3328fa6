/** Worlds whose workflows are pinned, with two versions of the deployment (INV-13). */
import { describe, expect, test } from "vitest";
import { describeFailure, groups } from "./report.ts";
import { sdkWorker } from "./sdk-worker.ts";
import { examine, modelWorker, simulate } from "./simulate.ts";
import { WEAKER_VERSIONS } from "./weaker.ts";

const WORKERS = [
  { name: "model", startWorker: modelWorker, share: 0.02 },
  { name: "sdk", startWorker: sdkWorker, share: 0.01 },
];

describe.each(WORKERS)("with the $name worker", ({ name, startWorker, share }) => {
  test.each(groups(share))("$count seeds from $from on keep every invariant", { timeout: 120_000 }, async (group) => {
    for (let seed = group.from; seed < group.from + group.count; seed++) {
      const report = await examine({ seed, startWorker, versions: true });
      if (report.failure) throw new Error(describeFailure(report, name, { versions: true }), { cause: report.failure });
    }
  });
});

test("a seed replays exactly", async () => {
  const [one, two] = [await traced(5), await traced(5)];
  expect(two.trace).toEqual(one.trace);
});
const traced = (seed: number) => simulate({ seed, versions: true, traced: true });

describe("the simulation notices", () => {
  test.each(Object.entries(WEAKER_VERSIONS))("%s", { timeout: 120_000 }, async (_name, weaken) => {
    let found: string | null = null;
    for (let seed = 1; seed <= 200 && found === null; seed++) {
      found = (await simulate({ seed, weaken, versions: true })).failure?.message ?? null;
    }
    expect(found).toMatch(/^INV-13: /);
  });
});
