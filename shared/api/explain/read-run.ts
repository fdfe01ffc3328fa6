/**
 * Folds the history of a run in pages, so that neither memory nor the event loop is filled by a long one. The time of one
 * answer is bounded: what is left of the history then is not read, and the answer says so.
 */
import { type Noted, note, noted } from "../../core/explain/noted.ts";
import { fold, type RunState, stateOf } from "../../core/state.ts";
import type { Ports } from "../../ports.ts";
import { type Head, startedOf } from "../../protocol/head.ts";
import type { Millis } from "../../protocol/history.ts";

const PAGE = { events: 500, bytes: 64 * 1024 };
/** Events that are folded without a pause. */
const EVENTS_AT_ONCE = 500;

export interface ReadRun {
  readonly state: RunState;
  readonly noted: Noted;
  /** The last event that was read, if there are later ones; null: all were. */
  readonly cutAt: number | null;
}

/** `until`: no page is read after this. The first one always is. */
export async function readRun(ports: Ports, head: Head, until: Millis): Promise<ReadRun> {
  const state = stateOf(startedOf(head));
  const seen = noted();
  for (;;) {
    const batches = await ports.executions.part(head, head.run, { from: state.tail + 1, order: "asc", ...PAGE });
    if (batches.length === 0) return { state, noted: seen, cutAt: null };
    for (const { events } of batches) {
      for (let i = 0; i < events.length; i += EVENTS_AT_ONCE) {
        const some = events.slice(i, i + EVENTS_AT_ONCE);
        fold(state, some);
        note(seen, some);
        await ports.pause?.();
      }
    }
    if (ports.clock.now() >= until) return { state, noted: seen, cutAt: state.tail };
  }
}
