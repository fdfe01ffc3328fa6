/** The coming times of a stored schedule in a window, for views over many schedules. */
import { specOf } from "./draft.ts";
import type { ScheduleState } from "./state.ts";
import { Steps } from "./steps.ts";
import { type DueTime, timesAfter } from "./times.ts";

/**
 * Nominal times at or after `from` and before `to`, in order, each with the steps that finding it took: the caller adds them
 * up over all schedules. None of a schedule that is paused, and at most as many as it may still start. Throws `Uncomputable`.
 */
export function* comingTimes(
  state: ScheduleState,
  { from, to }: { readonly from: number; readonly to: number },
): Generator<{ readonly time: DueTime; readonly steps: number }, void> {
  let left = state.paused ? 0 : (state.remaining ?? Number.POSITIVE_INFINITY);
  if (left === 0) return;
  const steps = new Steps();
  const after = Math.max(from - 1, state.cursor);
  for (const time of timesAfter(specOf(state.definition), after, { seed: state.seed, steps })) {
    if (time.nominal >= to || left === 0) return;
    left -= 1;
    yield { time, steps: steps.renew() };
  }
}
