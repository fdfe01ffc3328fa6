/** What is measured of each engine. */
import { spread } from "../harness.ts";
import { post } from "./http-call.ts";
import type { RunningPeer } from "./peer.ts";
import { processorTime } from "./processor-time.ts";

export interface Figure {
  readonly name: string;
  /** What a smaller ratio means: `less` for times, `more` for rates. */
  readonly better: "less" | "more";
  measure(running: RunningPeer): Promise<Measured>;
}

interface Measured {
  readonly value: number;
  /** Processor time for each step (for each run, where a run has no steps), by process, us. */
  readonly processorUs: Readonly<Record<string, number>>;
}

export interface Sample extends Measured {
  readonly peer: string;
  readonly figure: string;
}

/** Runs one after the other: the median of their duration, divided by `steps`, ms. */
const inSequence = (name: string, steps: number, runs: number): Figure => ({
  name,
  better: "less",
  measure: (running) =>
    withProcessorTime(running, runs * Math.max(1, steps), async () => {
      const times: number[] = [];
      for (let i = 0; i < runs; i++) {
        const began = performance.now();
        await post(running.request(steps));
        times.push(performance.now() - began);
      }
      return spread(times).p50 / Math.max(1, steps);
    }),
});

/** A fixed number of callers, each of which starts a run as soon as its last one has ended: steps in a second. */
const atOnce = (name: string, o: { steps: number; callers: number; seconds: number }): Figure => ({
  name,
  better: "more",
  async measure(running) {
    const before = processorTime(running.processes);
    const began = performance.now();
    const end = began + o.seconds * 1000;
    let runs = 0;
    await Promise.all(
      Array.from({ length: o.callers }, async () => {
        while (performance.now() < end) {
          await post(running.request(o.steps));
          runs += 1;
        }
      }),
    );
    const seconds = (performance.now() - began) / 1000;
    const n = runs * o.steps;
    return { value: n / seconds, processorUs: used(before, running, n) };
  },
});

async function withProcessorTime(running: RunningPeer, n: number, work: () => Promise<number>): Promise<Measured> {
  const before = processorTime(running.processes);
  const value = await work();
  return { value, processorUs: used(before, running, n) };
}

function used(before: Record<string, number>, running: RunningPeer, n: number): Record<string, number> {
  const after = processorTime(running.processes);
  return Object.fromEntries(Object.entries(after).map(([name, ms]) => [name, ((ms - (before[name] ?? 0)) * 1000) / n]));
}

export const FIGURES: readonly Figure[] = [
  inSequence("a run without steps, ms", 0, 300),
  inSequence("a step, 100 in sequence, ms", 100, 30),
  atOnce("steps/s, 10 a run, 50 runs at a time", { steps: 10, callers: 50, seconds: 8 }),
];
