/**
 * Folds the history of a run in pages, so that neither memory nor the event loop is filled by a long one. The time of one
 * answer is bounded: what is left of the history then is not read, and the answer says so.
 *
 * The folds of some long runs are kept for the next question about them, for instance of a page that shows the execution: a log
 * only grows, so the next answer reads the new events alone. FOLD-2: a question takes a fold out and puts it back once it is
 * answered; another one about the same run meanwhile reads the history from its beginning.
 */
import { type Noted, note, noted } from "../../core/explain/noted.ts";
import { fold, type RunState, stateOf } from "../../core/state.ts";
import { LruCache } from "../../lib/lru-cache.ts";
import type { Ports } from "../../ports.ts";
import { type Head, startedOf } from "../../protocol/head.ts";
import type { Millis } from "../../protocol/history.ts";

const PAGE = { events: 500, bytes: 64 * 1024 };
/** Events that are folded without a pause. */
const EVENTS_AT_ONCE = 500;
/** Shorter runs are read again as fast. */
const KEPT_FROM_EVENTS = 500;
/** A fold may hold some MB: a result, and an id for each message. */
const MOST_KEPT = 8;

type Fold = Pick<ReadRun, "state" | "noted">;
const kept = new WeakMap<Ports, LruCache<Fold>>();

export interface ReadRun {
  readonly state: RunState;
  readonly noted: Noted;
  /** The last event that was read, if there are later ones; null: all were. */
  readonly cutAt: number | null;
  /** Keeps the fold for the next question. The caller does not look at it afterwards. */
  readonly keep: () => void;
}

/** `until`: no page is read after this. The first one always is. */
export async function readRun(ports: Ports, head: Head, until: Millis): Promise<ReadRun> {
  const folds = foldsOf(ports);
  const known = folds.get(head.run);
  folds.delete(head.run);
  const { state, noted: seen } = known ?? { state: stateOf(startedOf(head)), noted: noted() };
  const done = (cutAt: number | null): ReadRun => ({
    state,
    noted: seen,
    cutAt,
    keep: () => {
      if (state.tail >= KEPT_FROM_EVENTS) folds.set(head.run, { state: withoutInputs(state), noted: seen });
    },
  });
  for (;;) {
    const batches = await ports.executions.part(head, head.run, { from: state.tail + 1, order: "asc", ...PAGE });
    if (batches.length === 0) return done(null);
    for (const { events } of batches) {
      for (let i = 0; i < events.length; i += EVENTS_AT_ONCE) {
        const some = events.slice(i, i + EVENTS_AT_ONCE);
        fold(state, some);
        note(seen, some);
        await ports.pause?.();
      }
    }
    if (ports.clock.now() >= until) return done(state.tail);
  }
}

function foldsOf(ports: Ports): LruCache<Fold> {
  const known = kept.get(ports);
  if (known) return known;
  const folds = new LruCache<Fold>(MOST_KEPT);
  kept.set(ports, folds);
  return folds;
}

/** No explanation shows what an activity was given, and that may be long. */
function withoutInputs(state: RunState): RunState {
  for (const [number, open] of state.activities) {
    if (open.input !== null) state.activities.set(number, { ...open, input: null });
  }
  return state;
}
