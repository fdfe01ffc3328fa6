/** V8 itself says what it has compiled. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const MODULE = fileURLToPath(new URL("early-optimization.ts", import.meta.url));
/** Says after how many calls, of at most 2,000, V8 has optimized a function. Bit 4 of the status: it is optimized. */
const program = (first: string) => `
  import { optimizeEarly } from ${JSON.stringify(MODULE)};
  ${first}
  const add = (a, b) => ({ sum: a.n + b.n });
  for (let calls = 1; calls <= 2_000; calls++) {
    add({ n: calls }, { n: 2 });
    await new Promise((resolve) => setImmediate(resolve));
    if (calls % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 20)); // for V8's threads
    if ((%GetOptimizationStatus(add) & 16) !== 0) { console.log(calls); break; }
  }`;

function callsUntilOptimized(first: string): number {
  const args = ["--allow-natives-syntax", "--input-type=module", "--eval", program(first)];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(stderr).toBe("");
  return stdout === "" ? Number.POSITIVE_INFINITY : Number(stdout);
}

test("a server's functions are optimized after fewer calls than V8 takes by itself", () => {
  const early = callsUntilOptimized("optimizeEarly();");
  const late = callsUntilOptimized("");
  expect(early).toBeLessThan(Math.min(late / 2, 1_000));
});
