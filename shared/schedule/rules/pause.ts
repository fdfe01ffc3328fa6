/** Pause and resume, by hand or after a failure. */

import { MAX_NOTE_BYTES } from "../../protocol/limits.ts";
import { byteLength } from "./bytes.ts";
import { collect } from "./collect.ts";
import { finish, open } from "./draft.ts";
import { issue, type SpecIssue } from "./issues.ts";
import { processBuffer } from "./overlap.ts";
import type { Decision, ScheduleState } from "./state.ts";
import { wakeDraft } from "./wake.ts";

/**
 * Starts no more scheduled runs; what is active goes on. What came due but was not yet handled is dropped too: whoever
 * pauses after an outage means the runs that would be made up as well. Pausing again replaces the note.
 */
export function pause(
  state: ScheduleState,
  now: number,
  note: string | null = null,
): Decision | { readonly issues: SpecIssue[] } {
  const issues = noteIssues(note);
  if (issues) return { issues };
  const draft = open(state, now);
  collect(draft);
  Object.assign(draft.state, { paused: true, note, updated_at: now });
  processBuffer(draft);
  return finish(draft);
}

/** Goes on with the next due time after now; those that passed during the pause are lost and logged. */
export function resume(
  state: ScheduleState,
  now: number,
  note: string | null = null,
): Decision | { readonly issues: SpecIssue[] } {
  const issues = noteIssues(note);
  if (issues) return { issues };
  const draft = open(state, now);
  collect(draft);
  Object.assign(draft.state, { paused: false, note, updated_at: now });
  wakeDraft(draft);
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
