/** The body of a close besides its batch: the reason of a failure, the outbox for the children, the message ids to carry. */
import type { OutboxEntry } from "../protocol/head.ts";
import type { Batch, HistoryEvent, Millis } from "../protocol/history.ts";
import { rootMessage } from "../protocol/history.ts";
import { childrenOutbox } from "./effects.ts";
import { fold, type RunState } from "./state.ts";

/** A message may be delivered again for so long after it was taken in. */
const CARRY_MS: Millis = 15 * 60_000;
/** A continued run gets at most so many ids of messages taken in lately, because the head carries them to every claim. */
const MAX_CARRIED = 1_000;

export interface CloseTerms {
  readonly failure: string | null;
  readonly outbox: OutboxEntry[];
  readonly carried: string[];
}

/** `unconfirmed`: the message is still in the inbox, as far as the worker knows. All of these are carried over. */
export function closeTerms(
  state: RunState,
  events: Batch["events"],
  now: Millis,
  unconfirmed: (message: string) => boolean,
): CloseTerms {
  const last = events.at(-1)!;
  const after = closedState(state, events);
  return {
    failure: reasonOf(last),
    outbox: childrenOutbox(after),
    carried: last.kind === "execution_continued" ? carriedIds([...after.taken], now, unconfirmed) : [],
  };
}

function reasonOf(last: HistoryEvent): string | null {
  if (last.kind === "execution_failed") return rootMessage(last.failure);
  return last.kind === "execution_cancelled" ? (last.reason ?? "cancelled") : null;
}

/** The state after these events, in the parts that a close needs. The worker keeps the state before, for a close may fail. */
function closedState(state: RunState, events: readonly HistoryEvent[]): RunState {
  const copy: RunState = {
    ...state,
    activities: new Map(),
    timers: new Map(),
    updates: new Map(),
    taskFailures: new Map(),
    flags: new Set(),
    children: new Map(state.children),
    taken: new Map(state.taken),
  };
  return fold(copy, events);
}

/** `taken`: ids of messages, with the times at which they were taken in. */
export function carriedIds(
  taken: readonly (readonly [message: string, at: Millis])[],
  now: Millis,
  unconfirmed: (message: string) => boolean,
): string[] {
  const recent = taken.filter(([id, at]) => at > now - CARRY_MS && !unconfirmed(id)).slice(-MAX_CARRIED);
  return [...taken.filter(([id]) => unconfirmed(id)), ...recent].map(([id]) => id);
}
