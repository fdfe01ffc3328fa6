/** The report of a failing seed: the seed and its faults first, and the command that replays it. */
import { describeFaults } from "./faults.ts";
import type { Report } from "./simulate.ts";

/** `world`: what the world has beside its seed. */
export function describeFailure(
  report: Report,
  worker = "model",
  world: {
    readonly holds?: boolean;
    readonly deletions?: boolean;
    readonly claims?: boolean;
    readonly versions?: boolean;
  } = {},
): string {
  const more = [
    ...(worker === "model" ? [] : [`--worker ${worker}`]),
    ...(world.holds ? ["--holds"] : []),
    ...(world.deletions ? ["--deletions"] : []),
    ...(world.claims ? ["--claims"] : []),
    ...(world.versions ? ["--versions"] : []),
    "--trace",
  ];
  return [
    `seed ${report.seed} fails; replay it with: npm run sim -- --seed ${report.seed} ${more.join(" ")}`,
    `faults: ${describeFaults(report.faults)}`,
    `workloads: ${report.workloads.join(", ")}`,
    `after ${report.steps} steps, ${Math.round(report.virtualMs / 1000)} virtual seconds: ${report.failure?.stack ?? ""}`,
    ...(report.failure?.cause instanceof Error ? [`because of: ${report.failure.cause.stack}`] : []),
  ].join("\n");
}

/** Seeds in groups, each a test of its own. `SIM_SEEDS`: how many in all. */
export function groups(share: number): { from: number; count: number }[] {
  const all = Math.ceil(Number(process.env.SIM_SEEDS ?? 2_000) * share);
  const size = 200;
  return Array.from({ length: Math.ceil(all / size) }, (_, i) => ({
    from: 1 + i * size,
    count: Math.min(size, all - i * size),
  }));
}
