/**
 * `npm run sim -- [--seed N] [--seeds N] [--from N] [--trace]`: replays one seed, or runs many. Prints failing
 * seeds with their faults first; exits 1 if there are any.
 */
import { parseArgs } from "node:util";
import { describeFaults } from "./faults.ts";
import { examine, type Report } from "./simulate.ts";

export function describeFailure(report: Report): string {
  return [
    `seed ${report.seed} fails; replay it with: npm run sim -- --seed ${report.seed} --trace`,
    `faults: ${describeFaults(report.faults)}`,
    `workloads: ${report.workloads.join(", ")}`,
    `after ${report.steps} steps, ${Math.round(report.virtualMs / 1000)} virtual seconds: ${report.failure?.stack ?? ""}`,
  ].join("\n");
}

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    trace: { type: "boolean", default: false },
  },
});
const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const began = performance.now();
let failed = 0;
let steps = 0;
for (let seed = first; seed < first + count; seed++) {
  const report = await examine({ seed, traced: values.trace });
  steps += report.steps;
  if (values.trace) console.log(report.trace.join("\n"));
  if (!report.failure) continue;
  failed += 1;
  console.log(`${describeFailure(report)}\n`);
}
const seconds = (performance.now() - began) / 1000;
console.log(`${count} seeds, ${failed} failed, ${steps} steps in ${seconds.toFixed(1)} s`);
process.exit(failed > 0 ? 1 : 0);
