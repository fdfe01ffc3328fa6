/** Gives the page its live events, and their state for the dot in the frame. */
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { StreamEventPayload } from "../../../shared/protocol/http/events.ts";
import { serverNow } from "../api/clock.ts";
import { Live, type LiveStatus } from "./live.ts";
import { isPaused, onPause } from "./pause.ts";
import { Rates } from "./rates.ts";
import { Refresh } from "./refresh.ts";

const Context = createContext<{ live: Live; held: Held; refresh: Refresh; rates: Rates } | null>(null);

/** The events, which wait here while the person holds changes back. */
class Held {
  readonly #waiting: StreamEventPayload[] = [];
  readonly #listeners = new Set<(event: StreamEventPayload) => void>();

  readonly #off = onPause(() => {
    if (!isPaused()) for (const event of this.#waiting.splice(0)) this.take(event);
  });

  take(event: StreamEventPayload): void {
    if (isPaused()) this.#waiting.push(event);
    else for (const listener of this.#listeners) listener(event);
  }

  onEvent(listener: (event: StreamEventPayload) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#off();
  }
}

export function LiveProvider({ name, children }: { name: string; children: ReactNode }) {
  const parts = useMemo(
    () => ({ live: new Live(name), held: new Held(), refresh: new Refresh(), rates: new Rates() }),
    [name],
  );
  useEffect(() => {
    const { live, held, refresh, rates } = parts;
    const ends = [
      live.onEvent((event) => held.take(event)),
      live.onStatus(() => {
        if (live.status.state === "live") rates.begin(serverNow());
      }),
      held.onEvent((event) => refresh.take(event)),
      held.onEvent((event) => rates.take(event)),
    ];
    return () => {
      for (const end of ends) end();
      for (const part of [live, held, refresh]) part.close();
    };
  }, [parts]);
  return <Context value={parts}>{children}</Context>;
}

function useParts() {
  const parts = useContext(Context);
  if (!parts) throw new Error("there is no LiveProvider above");
  return parts;
}

export function useLiveStatus(): LiveStatus {
  const { live } = useParts();
  return useSyncExternalStore(
    (listener) => live.onStatus(listener),
    () => live.status,
  );
}

/** What it counts changes with each event; its reader looks again by its own clock. */
export const useRates = (): Rates => useParts().rates;

/** Grows with each change of the execution that the stream tells. */
export function useChanges(execution: string): number {
  const { refresh } = useParts();
  const [count, setCount] = useState(0);
  useEffect(
    () =>
      refresh.onChanged((ids) => {
        if (ids.has(execution)) setCount((before) => before + 1);
      }),
    [refresh, execution],
  );
  return count;
}

export function useLiveEvents(listener: (event: StreamEventPayload) => void): void {
  const { held } = useParts();
  useEffect(() => held.onEvent(listener), [held, listener]);
}
