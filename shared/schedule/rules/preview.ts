/** The next times of a definition that need not be stored. */
import { formatInstant } from "./civil.ts";
import type { SpecIssue } from "./issues.ts";
import { costIssue } from "./probe.ts";
import { PREVIEW_STEPS, Steps, TooCostly, Uncomputable } from "./steps.ts";
import { timesAfter } from "./times.ts";
import { validateSpec } from "./validate.ts";

export interface Preview {
  /** Nominal times, UTC, strictly after `after`, in order. */
  readonly times: string[];
  /** With jitter: the span in which the run of each time starts. */
  readonly windows?: { readonly not_before: string; readonly before: string }[];
  /** There are no times beyond those listed. */
  readonly exhausted: boolean;
}

export type Previewed = Preview | { readonly issues: SpecIssue[] };

export interface PreviewOptions {
  /** Milliseconds. */
  readonly after: number;
  /** 1-1000. */
  readonly count: number;
}

/**
 * At most `count` times after `after`, and at most `max_executions`, as if the schedule were created at `after`. The windows
 * apply to every schedule with this definition; the time of the start within its window depends on the schedule's id.
 *
 * It yields after each time, so that a server can do other work in between.
 */
export function* previewing(definition: unknown, options: PreviewOptions): Generator<void, Previewed> {
  const validated = validateSpec(definition);
  if ("issues" in validated) return validated;
  const { spec } = validated;
  const limit = validated.definition.max_executions;
  const most = Math.min(options.count, limit ?? options.count);
  const times: string[] = [];
  const windows: { not_before: string; before: string }[] = [];
  let exhausted = true;
  const steps = new Steps();
  let taken = 0;
  try {
    for (const { nominal, windowEnd } of timesAfter(spec, options.after, { steps })) {
      if (times.length === most) {
        exhausted = most === limit;
        break;
      }
      times.push(formatInstant(nominal));
      if (windowEnd !== undefined) {
        windows.push({ not_before: formatInstant(nominal), before: formatInstant(windowEnd) });
      }
      taken += steps.renew();
      if (taken > PREVIEW_STEPS) throw new TooCostly();
      yield;
    }
  } catch (error) {
    if (error instanceof Uncomputable) return { issues: [costIssue(error)] };
    throw error;
  }
  return { times, ...(spec.jitterMs > 0 ? { windows } : {}), exhausted };
}

/** The same without pauses. */
export function preview(definition: unknown, options: PreviewOptions): Previewed {
  const steps = previewing(definition, options);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
