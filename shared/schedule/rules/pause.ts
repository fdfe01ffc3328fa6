/** The commands pause and resume, and the note of a pause after a failure. */
import { MAX_NOTE_BYTES } from "../../protocol/limits.ts";
import { byteLength } from "./bytes.ts";
import { collect } from "./collect.ts";
import { finish, open } from "./draft.ts";
import { issue, type SpecIssue } from "./issues.ts";
import { noteOf } from "./note.ts";
import { processBuffer } from "./overlap.ts";
import { uncomputable } from "./probe.ts";
import type { Decision, ScheduleState } from "./state.ts";
import { wakeDraft } from "./wake.ts";

type Paused = Decision | { readonly issues: SpecIssue[] };

/**
 * Starts no more scheduled runs; active runs go on. Due times that were not yet handled are dropped too: a user who pauses after
 * an outage does not want the missed runs either. Pausing again replaces the note.
 */
export const pause = (state: ScheduleState, now: number, note: string | null = null): Paused =>
  setPaused(true, state, now, note);

/** Goes on with the next due time after now. Those that passed during the pause are lost and logged. */
export const resume = (state: ScheduleState, now: number, note: string | null = null): Paused =>
  setPaused(false, state, now, note);

function setPaused(paused: boolean, state: ScheduleState, now: number, note: string | null): Paused {
  const issues = noteIssues(note) ?? (paused ? undefined : uncomputable(state.definition, now));
  if (issues) return { issues };
  const draft = open(state, now);
  collect(draft);
  Object.assign(draft.state, { paused, note, updated_at: now });
  if (!paused) draft.state.cursor = withoutClockError(draft.state.cursor, now);
  if (paused) processBuffer(draft);
  else wakeDraft(draft);
  return finish(draft);
}

/** A cursor ahead of the clock by more than this was written while the clock was wrong. */
const CLOCK_ERROR_MS = 60_000;

/**
 * A clock that was wrong has moved the cursor into the future, and until then nothing is due. Only a resume brings it back, because
 * going back by itself would make up for times of a year once more if it is the present clock that is wrong. An execution
 * that was started in the meantime is not started again: its id and its key are the same.
 */
const withoutClockError = (cursor: number, now: number) => (cursor > now + CLOCK_ERROR_MS ? now : cursor);

function noteIssues(note: string | null): SpecIssue[] | undefined {
  if (note === null || byteLength(note) <= MAX_NOTE_BYTES) return undefined;
  return [issue(["note"], note, `allowed are ${MAX_NOTE_BYTES} bytes`)];
}

/** The note of a pause after a failure. */
export const failureNote = (executionId: string, message: string | null): string =>
  noteOf(`paused due to workflow failure: ${executionId}${message ? `: ${message}` : ""}`);
