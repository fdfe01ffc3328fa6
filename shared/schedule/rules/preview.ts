/** The times of a definition that is not stored. */
import { formatInstant } from "./civil.ts";
import type { SpecIssue } from "./issues.ts";
import { timesAfter } from "./times.ts";
import { validateSpec } from "./validate.ts";

export interface Preview {
  /** Nominal times, UTC, strictly after `after`, in order. */
  readonly times: string[];
  /** With jitter: for each time the span in which its run starts. */
  readonly windows?: { readonly not_before: string; readonly before: string }[];
  /** There are no times beyond those listed. */
  readonly exhausted: boolean;
}

export interface PreviewOptions {
  /** Milliseconds. */
  readonly after: number;
  /** 1-1000. */
  readonly count: number;
}

/**
 * Up to `count` times after `after`; not more than `max_executions`, as if the schedule were created at `after`. The
 * windows are those of every schedule with this definition; where in them a run starts depends on the schedule's id.
 */
export function preview(definition: unknown, options: PreviewOptions): Preview | { readonly issues: SpecIssue[] } {
  const validated = validateSpec(definition);
  if ("issues" in validated) return validated;
  const { spec } = validated;
  const most = Math.min(options.count, validated.definition.max_executions ?? options.count);
  const times: string[] = [];
  const windows: { not_before: string; before: string }[] = [];
  let exhausted = true;
  for (const { nominal, windowEnd } of timesAfter(spec, options.after)) {
    if (times.length === most) {
      exhausted = most === validated.definition.max_executions;
      break;
    }
    times.push(formatInstant(nominal));
    if (windowEnd !== undefined) {
      windows.push({ not_before: formatInstant(nominal), before: formatInstant(windowEnd) });
    }
  }
  return { times, ...(spec.jitterMs > 0 ? { windows } : {}), exhausted };
}
