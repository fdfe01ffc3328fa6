/** What a reset would do. Pure, with the functions that a reset itself is made of. */
import type { HistoryEvent, Millis, Started } from "../protocol/history.ts";
import {
  copiedEvents,
  cutOf,
  foldInPieces,
  pieces,
  type ResetTarget,
  type ResetTerms,
  reapply,
  resetEvents,
} from "./reset.ts";
import { stateOf } from "./state.ts";

export interface ResetPreview {
  /** The new run begins with a copy of the events up to this one. */
  readonly through: number;
  /** Those that it has no copy of. */
  readonly dropped: readonly HistoryEvent[];
  /** Activities that are open at the point, and begin anew. */
  readonly restarted: readonly string[];
  /** Of those that are dropped: messages and outcomes of children that the new run is given again (RESET-3). */
  readonly given: readonly HistoryEvent[];
  /** Of those that are dropped: messages that it is not given (RESET-4). */
  readonly left: readonly HistoryEvent[];
}

interface Terms {
  readonly target: ResetTarget;
  readonly excluded: ResetTerms["excluded"];
  readonly now: Millis;
}

/** `events`: all of the run, from event 1 on. Null: the history has no such point. `pause`: lets other requests run. */
export async function previewReset(
  events: readonly HistoryEvent[],
  { target, excluded, now }: Terms,
  pause: () => Promise<void> = async () => {},
): Promise<ResetPreview | null> {
  const cut = cutOf(events, target);
  if (!cut) return null;
  const started = events[0] as Started;
  const state = await foldInPieces(stateOf(started), copiedEvents(events, cut), pause);
  const begun = resetEvents(state, { from: started.run, reason: null, now, excluded });
  const dropped = events.slice(cut.through);
  const given: HistoryEvent[] = [];
  const left: HistoryEvent[] = [];
  for (const some of pieces(dropped)) {
    const again = reapply(state, some, { now, excluded });
    given.push(...again.given);
    left.push(...again.notGiven);
    await pause();
  }
  const restarted = begun.flatMap((event) => (event.kind === "activity_restarted" ? [event.task.name] : []));
  return { through: cut.through, dropped, restarted, given, left };
}
