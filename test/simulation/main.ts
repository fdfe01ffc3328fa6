/**
 * `npm run sim -- [--seed N] [--seeds N] [--from N] [--worker model|sdk|foreign] [--holds] [--deletions] [--claims] [--versions] [--trace]`: replays one seed, or runs
 * many; with an operator who holds and releases, with executions that are deleted, with claims that are lost, or with two versions of a
 * deployment. Prints each failing seed with its faults first, and exits 1 if there is one.
 */
import { parseArgs } from "node:util";
import { foreignWorker } from "./foreign-worker.ts";
import { describeFailure } from "./report.ts";
import { sdkWorker } from "./sdk-worker.ts";
import { examine, modelWorker } from "./simulate.ts";
import { withDeletions, withLostClaims } from "./workloads.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    trace: { type: "boolean", default: false },
    worker: { type: "string", default: "model" },
    holds: { type: "boolean", default: false },
    deletions: { type: "boolean", default: false },
    claims: { type: "boolean", default: false },
    versions: { type: "boolean", default: false },
  },
});
const startWorker = { model: modelWorker, sdk: sdkWorker, foreign: foreignWorker }[values.worker];
if (!startWorker) throw new Error(`--worker is '${values.worker}': say model, sdk or foreign`);
if (values.versions && values.worker === "foreign") throw new Error("--versions needs --worker model or sdk");
const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const began = performance.now();
let failed = 0;
let steps = 0;
for (let seed = first; seed < first + count; seed++) {
  const report = await examine({
    seed,
    startWorker,
    traced: values.trace,
    ...(values.holds && { holds: true }),
    ...(values.versions && { versions: true }),
    ...(values.deletions && { workloads: withDeletions(seed) }),
    ...(values.claims && { workloads: withLostClaims(seed), lostClaims: true }),
  });
  steps += report.steps;
  if (values.trace) console.log(report.trace.join("\n"));
  if (!report.failure) continue;
  failed += 1;
  console.log(`${describeFailure(report, values.worker, values)}\n`);
}
const seconds = (performance.now() - began) / 1000;
console.log(`${count} seeds, ${failed} failed, ${steps} steps in ${seconds.toFixed(1)} s`);
process.exit(failed > 0 ? 1 : 0);
