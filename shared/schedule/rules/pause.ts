/** The commands pause and resume, and the note of a pause after a failure. */
import { MAX_NOTE_BYTES } from "../../protocol/limits.ts";
import { byteLength } from "./bytes.ts";
import { collect } from "./collect.ts";
import { finish, open } from "./draft.ts";
import { issue, type SpecIssue } from "./issues.ts";
import { processBuffer } from "./overlap.ts";
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
  const issues = noteIssues(note);
  if (issues) return { issues };
  const draft = open(state, now);
  collect(draft);
  Object.assign(draft.state, { paused, note, updated_at: now });
  if (paused) processBuffer(draft);
  else wakeDraft(draft);
  return finish(draft);
}

function noteIssues(note: string | null): SpecIssue[] | undefined {
  if (note === null || byteLength(note) <= MAX_NOTE_BYTES) return undefined;
  return [issue(["note"], note, `allowed are ${MAX_NOTE_BYTES} bytes`)];
}

/** The note of a pause after a failure, within the limit of notes. */
export function failureNote(executionId: string, message: string | null): string {
  const note = `paused due to workflow failure: ${executionId}${message ? `: ${message}` : ""}`;
  if (byteLength(note) <= MAX_NOTE_BYTES) return note;
  let kept = "";
  let bytes = byteLength("...");
  for (const character of note) {
    bytes += byteLength(character);
    if (bytes > MAX_NOTE_BYTES) break;
    kept += character;
  }
  return `${kept}...`;
}
