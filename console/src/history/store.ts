/**
 * The events of one run, read in parts. Ids are 1, 2, 3 …, so a list of any length knows which event stands at which
 * place, and reads it when it is shown.
 */
import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { HistoryEvent } from "../../../shared/protocol/history.ts";
import { call } from "../api/call.ts";

/** Of an event with long values, which are cut: their places. */
export type Shown = HistoryEvent & { readonly cut?: readonly string[] };

const PART = 200;
/** What shows steps draws so many of the newest events. */
export const DRAWN = 4_000;

export class HistoryStore {
  readonly #run: string;
  readonly #events = new Map<number, Shown>();
  readonly #loading = new Set<number>();
  readonly #listeners = new Set<() => void>();
  #last = 0;
  #version = 0;
  #error: unknown = null;
  #extending: Promise<void> | null = null;
  #extendAgain = false;

  /** `whole`: all events of the run, where they are known and nothing is to be read. */
  constructor(run: string, whole: readonly Shown[] = []) {
    this.#run = run;
    for (const event of whole) this.#events.set(event.id, event);
    this.#last = whole.length;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  version = (): number => this.#version;

  /** The highest id known. */
  get last(): number {
    return this.#last;
  }
  get error(): unknown {
    return this.#error;
  }
  get(id: number): Shown | undefined {
    return this.#events.get(id);
  }
  /** The events read so far, ascending. */
  all(): Shown[] {
    return [...this.#events.values()].sort((a, b) => a.id - b.id);
  }
  /** Of the newest `count` events those read so far, ascending. */
  recent(count: number): Shown[] {
    return this.all().filter(({ id }) => id > this.#last - count);
  }
  /** Every event is read. */
  get isWhole(): boolean {
    return this.#last > 0 && this.#events.size === this.#last;
  }

  /** Reads the newest events, or those after the last one known. */
  extend(): Promise<void> {
    if (this.#run === "") return Promise.resolve(); // the execution is not known yet
    if (this.#extending) {
      this.#extendAgain = true;
      return this.#extending;
    }
    this.#extending = this.#extend().finally(() => {
      this.#extending = null;
      if (this.#extendAgain) {
        this.#extendAgain = false;
        void this.extend();
      }
    });
    return this.#extending;
  }

  async #extend(): Promise<void> {
    if (this.#last === 0) {
      await this.#read({ order: "desc" });
      return;
    }
    let next: number | null = this.#last;
    while (next !== null) next = await this.#read({ order: "asc", after: next });
  }

  /** Reads the part in which the event lies, unless that has happened. */
  need(id: number): void {
    const part = Math.floor((id - 1) / PART);
    if (id < 1 || id > this.#last || this.#events.has(id) || this.#loading.has(part)) return;
    this.#loading.add(part);
    void this.#readPart(part).finally(() => this.#loading.delete(part));
  }

  async #readPart(part: number): Promise<void> {
    const end = Math.min(this.#last, (part + 1) * PART);
    let after: number | null = part * PART;
    while (after !== null && after < end) {
      // A page may be shorter than its limit, because its bytes are limited too.
      after = await this.#read({ order: "asc", after, limit: end - after });
      if (this.#error) return;
    }
  }

  /** Reads the first `count` events. */
  async oldest(count: number): Promise<void> {
    for (let part = 0; part * PART < Math.min(count, this.#last); part++) {
      const end = Math.min(this.#last, (part + 1) * PART);
      for (let id = part * PART + 1; id <= end; id++) {
        if (this.#events.has(id)) continue;
        await this.#readPart(part);
        break;
      }
      if (this.#error) return;
    }
  }

  /** The events from the first one on, up to one that has not been read. */
  beginning(): Shown[] {
    const events: Shown[] = [];
    for (let event = this.#events.get(1); event; event = this.#events.get(event.id + 1)) events.push(event);
    return events;
  }

  /** The id of the first event at or after a moment; of the last event where none is as late. Reads on the way what it compares. */
  async firstSince(at: number): Promise<number | null> {
    let [low, high] = [1, this.#last];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (!this.#events.has(middle)) await this.#readPart(Math.floor((middle - 1) / PART));
      const event = this.#events.get(middle);
      if (!event) return null; // the page tells the error
      if (event.at < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The newest `count` events, for what draws many of them. */
  async newest(count: number): Promise<void> {
    for (let id = this.#last; id > Math.max(0, this.#last - count); id -= PART) {
      const part = Math.floor((id - 1) / PART);
      const first = part * PART + 1;
      const isRead = Array.from({ length: Math.min(PART, this.#last - first + 1) }, (_, i) => first + i).every((one) =>
        this.#events.has(one),
      );
      if (!isRead) await this.#readPart(part);
      if (this.#error) return;
    }
  }

  async #read(query: { order: "asc" | "desc"; after?: number; limit?: number }): Promise<number | null> {
    try {
      const { events, next_after } = await call("getRunHistory", {
        params: { run_id: this.#run },
        query: { limit: PART, cut_payloads: true, decode_payloads: true, ...query },
      });
      for (const event of events as unknown as Shown[]) {
        this.#events.set(event.id, event);
        this.#last = Math.max(this.#last, event.id);
      }
      this.#error = null;
      this.#changed();
      return next_after ?? null;
    } catch (error) {
      this.#error = error;
      this.#changed();
      return null;
    }
  }

  #changed(): void {
    this.#version++;
    for (const listener of this.#listeners) listener();
  }
}

/** `moment` changes when the run may have further events. */
export function useHistory(run: string, moment: unknown): HistoryStore {
  const store = useMemo(() => new HistoryStore(run), [run]);
  useSyncExternalStore(store.subscribe, store.version);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `moment` says when to look again
  useEffect(() => void store.extend(), [store, moment]);
  return store;
}

/** Reads the event whole, with its long values. */
export async function wholeEvent(run: string, id: number): Promise<Shown> {
  const { event } = await call("getRunEvent", {
    params: { run_id: run, event_id: String(id) },
    query: { decode_payloads: true },
  });
  return event as unknown as Shown;
}

/** The input of the run that the event has started. */
export function inputOf(started: Shown): unknown {
  const input = "input" in started ? started.input : null;
  const [given] = Array.isArray(input) ? input : [input];
  return given ?? {};
}
