import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { SMALL_YOUNG_GENERATION } from "./small-heap.ts";

const MODULE = fileURLToPath(new URL("small-heap.ts", import.meta.url));

/** Keeps enough new objects to let V8 grow the young generation, then tells its size. */
const FILL = `
  const { getHeapSpaceStatistics } = await import("node:v8");
  let kept = [];
  const size = () => getHeapSpaceStatistics().find((each) => each.space_name === "new_space").space_size / 2 ** 20;
  const fill = async () => {
    for (let round = 0; round < 30; round++) {
      for (let i = 0; i < 200_000; i++) {
        kept.push({ i, list: [i] });
        if (kept.length === 100_000) kept = [];
      }
      await new Promise((ok) => setTimeout(ok, 5));
    }
    return size();
  };
`;

/** Replaces older objects one after the other, and tells the most that they and their remains have taken. */
const REPLACE = `
  const { getHeapSpaceStatistics } = await import("node:v8");
  const used = () => getHeapSpaceStatistics().find((each) => each.space_name === "old_space").space_used_size / 2 ** 20;
  const kept = Array.from({ length: 300_000 }, (_, i) => ({ i, list: [i] }));
  const fill = async () => {
    let most = 0;
    gc(); // V8 lets the first garbage pile up higher
    for (let round = 0; round < 150; round++) {
      for (let n = 0; n < 20_000; n++) {
        const i = (round * 20_000 + n) % kept.length;
        kept[i] = { i, list: [i] };
      }
      most = Math.max(most, used());
      await new Promise((ok) => setImmediate(ok));
    }
    return most;
  };
`;

function sizeInMain(before: string, ...flags: string[]): number {
  return inMain(before, FILL, flags);
}

function inMain(before: string, work: string, flags: readonly string[] = []): number {
  const program = `import { keepHeapSmall } from ${JSON.stringify(MODULE)}; ${before} ${work} console.log(await fill());`;
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, "--input-type=module", "-e", program], {
    encoding: "utf8",
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  expect(stderr).toBe("");
  return Number(stdout);
}

test("the young generation of the main thread stays small", () => {
  expect(sizeInMain("keepHeapSmall(20);")).toBeLessThanOrEqual(32);
});

test("a size that the command line gives is kept", () => {
  expect(sizeInMain("keepHeapSmall(1);", "--min-semi-space-size=32")).toBeGreaterThanOrEqual(64);
});

test("the young generation of a thread stays small", async () => {
  const program = `${FILL} (await import("node:worker_threads")).parentPort.postMessage(await fill());`;
  const source = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
  const thread = new Worker(source, { resourceLimits: SMALL_YOUNG_GENERATION });
  const size = await new Promise((ok, fail) => thread.once("message", ok).once("error", fail));
  expect(size).toBeLessThanOrEqual(32);
});

test("less garbage piles up among older objects of the main thread", () => {
  // How far V8 comes beside the program depends on what else the machine does.
  const mean = (before: string) => {
    const runs = Array.from({ length: 4 }, () => inMain(before, REPLACE, ["--expose-gc"]));
    return runs.reduce((sum, most) => sum + most, 0) / runs.length;
  };
  expect(mean("keepHeapSmall();")).toBeLessThan(0.85 * mean(""));
});
