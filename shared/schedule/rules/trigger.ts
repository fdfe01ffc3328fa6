/** The commands for manual runs: a trigger starts one now, a backfill those of a past range. */

import { formatInstant, parseInstant } from "./civil.ts";
import { waiting } from "./collect.ts";
import type { OverlapPolicy } from "./definition.ts";
import { count, type Draft, finish, open, record, specOf } from "./draft.ts";
import { issue, type SpecIssue } from "./issues.ts";
import { BUFFER_LIMIT } from "./limits.ts";
import { processBuffer } from "./overlap.ts";
import { costIssue } from "./probe.ts";
import type { Decision, ScheduleState } from "./state.ts";
import { Uncomputable } from "./steps.ts";
import { timesAfter } from "./times.ts";
import { wakeDraft } from "./wake.ts";

/**
 * One run now, under `overlap` or the schedule's policy, which may drop it (the log says so). It works while the schedule is
 * paused or exhausted, after its end and with an empty spec, and does not reduce `remaining`.
 */
export function trigger(state: ScheduleState, now: number, overlap: OverlapPolicy | null = null): Decision {
  const draft = open(state, now);
  wakeDraft(draft);
  enqueue(draft, now, overlap);
  processBuffer(draft);
  return finish(draft);
}

export interface Backfill {
  /** Date-times, both inclusive, not in the future. */
  readonly start_at: string;
  readonly end_at: string;
  readonly overlap?: OverlapPolicy | null;
}

/**
 * A manual run for each nominal time of a past range, in order, whether or not a run was started at that time. Refused as a whole
 * if the buffer cannot hold all of them.
 */
export function backfill(
  state: ScheduleState,
  now: number,
  { start_at, end_at, overlap = null }: Backfill,
): Decision | { readonly issues: SpecIssue[] } {
  const from = parseInstant(start_at);
  const to = parseInstant(end_at);
  const rule = "allowed is an RFC 3339 date-time such as 2026-03-27T09:30:00Z";
  if (from === undefined) return { issues: [issue(["start_at"], start_at, rule)] };
  if (to === undefined) return { issues: [issue(["end_at"], end_at, rule)] };
  if (to < from) return { issues: [issue(["end_at"], end_at, `allowed is ${start_at} (start_at) or later`)] };
  if (to > now) {
    return {
      issues: [
        issue(["end_at"], end_at, `allowed is ${formatInstant(now)} (now) or earlier: future times run by themselves`),
      ],
    };
  }
  const draft = open(state, now);
  wakeDraft(draft);
  const room = BUFFER_LIMIT - draft.state.buffer.length;
  const times: number[] = [];
  try {
    for (const { nominal } of timesAfter(specOf(state.definition), from - 1, { steps: draft.steps })) {
      if (nominal > to) break;
      if (times.length === room) {
        const limit = `the range has more than ${room} times, and no more runs can wait; allowed is a shorter range`;
        return { issues: [issue(["end_at"], end_at, limit)] };
      }
      times.push(nominal);
    }
  } catch (error) {
    if (error instanceof Uncomputable) return { issues: [costIssue(error)] };
    throw error;
  }
  for (const nominal of times) enqueue(draft, nominal, overlap);
  processBuffer(draft);
  return finish(draft);
}

function enqueue(draft: Draft, nominal: number, overlap: OverlapPolicy | null): void {
  const { state } = draft;
  state.manual_runs++;
  const run = waiting({ nominal, actual: nominal, manual: state.manual_runs }, overlap);
  if (state.buffer.length < BUFFER_LIMIT) {
    state.buffer = [...state.buffer, run];
    return;
  }
  count(draft, "buffer_dropped");
  record(draft, run, "buffer_full");
}
