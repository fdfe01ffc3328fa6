/** The next times of a definition that need not be stored. */
import { formatInstant } from "./civil.ts";
import type { SpecIssue } from "./issues.ts";
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

export interface PreviewOptions {
  /** Milliseconds. */
  readonly after: number;
  /** 1-1000. */
  readonly count: number;
}

/**
 * At most `count` times after `after`, and at most `max_executions`, as if the schedule were created at `after`. The windows
 * apply to every schedule with this definition; the time of the start within its window depends on the schedule's id.
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
