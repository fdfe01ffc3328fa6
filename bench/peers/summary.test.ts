/** The arithmetic of the comparison with other engines, and its reading of processor time. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { FIGURES, type Sample } from "./figures.ts";
import { processorTime } from "./processor-time.ts";
import { summary } from "./summary.ts";

const [time, , rate] = FIGURES.map(({ name }) => name) as [string, string, string];
const sample = (peer: string, figure: string, value: number, server = 1): Sample => ({
  peer,
  figure,
  value,
  processorUs: { server },
});
const of = (samples: Sample[]) =>
  summary(samples, ["Sirocco"]).map(({ peer, median, least, most, ratio }) => ({ peer, median, least, most, ratio }));

test("the ratio of a time compares the median of the rounds with the shortest of the others", () => {
  const rounds = [
    [2, 4, 10],
    [1, 5, 8],
    [9, 6, 12],
  ] as const;
  const samples = rounds.flatMap(([own, one, two]) => [
    sample("Sirocco", time, own),
    sample("One", time, one),
    sample("Two", time, two),
  ]);
  expect(of(samples)).toEqual([
    { peer: "Sirocco", median: 2, least: 1, most: 9, ratio: 0.4 },
    { peer: "One", median: 5, least: 4, most: 6, ratio: null },
    { peer: "Two", median: 10, least: 8, most: 12, ratio: null },
  ]);
});

test("the ratio of a rate compares with the highest of the others", () => {
  const samples = [sample("Sirocco", rate, 6000), sample("One", rate, 2000), sample("Two", rate, 1000)];
  expect(of(samples)[0]).toMatchObject({ peer: "Sirocco", ratio: 3 });
});

test("each arrangement of the engine is compared with the other engines, not with the other arrangement", () => {
  const samples = [sample("Own", time, 2), sample("Own, otherwise", time, 3), sample("One", time, 6)];
  expect(summary(samples, ["Own", "Own, otherwise"]).map(({ peer, ratio }) => [peer, ratio])).toEqual([
    ["Own", 2 / 6],
    ["Own, otherwise", 3 / 6],
    ["One", null],
  ]);
});

test("an engine that was measured alone has no ratio, and its processor time is the median of the rounds", () => {
  const samples = [7, 1, 3, 5].map((us) => sample("Sirocco", time, 1, us));
  expect(summary(samples, ["Sirocco"])).toMatchObject([{ ratio: null, processorUs: { server: 4 } }]);
});

test.runIf(process.platform === "linux")(
  "processor time contains that of the processes that a process started",
  async () => {
    const burn =
      "const end = Date.now() + 300; while (Date.now() < end); process.stdout.write('x'); setInterval(() => {}, 1e6)";
    const start = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(burn)}], { stdio: "inherit" })`;
    const parent = spawn(process.execPath, ["-e", start], { stdio: ["ignore", "pipe", "inherit"], detached: true });
    try {
      await once(parent.stdout, "data");
      const { own, missing } = processorTime({ own: parent.pid as number, missing: 2 ** 30 });
      expect(own).toBeGreaterThanOrEqual(50);
      expect(missing).toBe(0);
    } finally {
      process.kill(-(parent.pid as number), "SIGKILL");
    }
  },
);
