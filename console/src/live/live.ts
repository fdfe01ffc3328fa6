/**
 * The events of the workspace as they happen, over one connection for all tabs of the browser.
 *
 * LIVE-1. The tab that holds the lock reads the stream and tells the others; when it closes, the browser gives the lock to
 *     another tab. Browsers open six connections to a host over HTTP/1.1, so a stream for each tab would use them up.
 * LIVE-2. Every tab remembers the sequence of the last event. The tab that takes over continues there, so that no tab misses
 *     an event or is told one twice.
 * LIVE-3. A stream that has been silent for longer than two keep-alives counts as lost.
 */

import { frames } from "../../../shared/lib/sse.ts";
import type { StreamEventPayload } from "../../../shared/protocol/http/events.ts";
import { open } from "../api/call.ts";
import { CallFailed, messageOf } from "../api/failure.ts";

export type LiveState = "connecting" | "live" | "reconnecting" | "paused";
export interface LiveStatus {
  readonly state: LiveState;
  /** When the state began, by the clock of the browser. */
  readonly since: number;
  /** Why the stream was lost. */
  readonly why?: string;
}

type Note =
  | { readonly kind: "event"; readonly event: StreamEventPayload }
  | { readonly kind: "position"; readonly sequence: number }
  | { readonly kind: "status"; readonly status: LiveStatus }
  /** A new tab asks for status and position. */
  | { readonly kind: "hello" };

const SILENCE_MS = 35_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

export class Live {
  #status: LiveStatus = { state: "connecting", since: Date.now() };
  #sequence: number | null = null;
  #leads = false;
  readonly #channel: BroadcastChannel;
  readonly #stop = new AbortController();
  readonly #onEvent = new Set<(event: StreamEventPayload) => void>();
  readonly #onStatus = new Set<() => void>();

  /** `name`: the same for all tabs that show this workspace of this server. */
  constructor(name: string) {
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => this.#hear(data as Note);
    this.#channel.postMessage({ kind: "hello" } satisfies Note);
    const { signal } = this.#stop;
    navigator.locks.request(name, { signal }, () => this.#lead()).catch(() => {});
  }

  get status(): LiveStatus {
    return this.#status;
  }

  onEvent(listener: (event: StreamEventPayload) => void): () => void {
    this.#onEvent.add(listener);
    return () => this.#onEvent.delete(listener);
  }

  onStatus(listener: () => void): () => void {
    this.#onStatus.add(listener);
    return () => this.#onStatus.delete(listener);
  }

  close(): void {
    this.#stop.abort();
    this.#channel.close();
  }

  async #lead(): Promise<void> {
    this.#leads = true;
    let pauseMs = FIRST_PAUSE_MS;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#read(() => {
          pauseMs = FIRST_PAUSE_MS;
        });
        this.#say({ state: "reconnecting", since: Date.now() });
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (error instanceof CallFailed && error.status === 401) return;
        this.#say({ state: "reconnecting", since: this.#lostSince(), why: messageOf(error) });
      }
      await this.#pause(pauseMs);
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
    }
  }

  #lostSince(): number {
    return this.#status.state === "reconnecting" ? this.#status.since : Date.now();
  }

  async #read(onAlive: () => void): Promise<void> {
    const silence = new AbortController();
    const tooLong = () => silence.abort(new Error("the stream was silent for too long"));
    let timer = setTimeout(tooLong, SILENCE_MS);
    const alive = (id: string) => {
      clearTimeout(timer);
      timer = setTimeout(tooLong, SILENCE_MS);
      onAlive();
      if (id !== "" && this.#sequence === null) this.#move(Number(id));
    };
    try {
      const query = this.#sequence === null ? { from_now: true } : { last_event_id: String(this.#sequence) };
      const body = await open(query, AbortSignal.any([this.#stop.signal, silence.signal]));
      this.#say({ state: "live", since: Date.now() });
      for await (const frame of frames(body, alive)) {
        if (frame.event === "error") throw new Error((JSON.parse(frame.data) as { error: string }).error);
        const event = JSON.parse(frame.data) as StreamEventPayload;
        this.#channel.postMessage({ kind: "event", event } satisfies Note);
        this.#take(event);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #hear(note: Note): void {
    switch (note.kind) {
      case "event":
        this.#take(note.event);
        break;
      case "position":
        this.#sequence ??= note.sequence;
        break;
      case "status":
        this.#become(note.status);
        break;
      case "hello":
        if (!this.#leads) return;
        this.#channel.postMessage({ kind: "status", status: this.#status } satisfies Note);
        if (this.#sequence !== null) this.#move(this.#sequence);
    }
  }

  #move(sequence: number): void {
    this.#sequence = sequence;
    this.#channel.postMessage({ kind: "position", sequence } satisfies Note);
  }

  /** LIVE-2. */
  #take(event: StreamEventPayload): void {
    if (this.#sequence !== null && event.broker_sequence <= this.#sequence) return;
    this.#sequence = event.broker_sequence;
    for (const listener of this.#onEvent) listener(event);
  }

  #say(status: LiveStatus): void {
    this.#channel.postMessage({ kind: "status", status } satisfies Note);
    this.#become(status);
  }

  #become(status: LiveStatus): void {
    this.#status = status;
    for (const listener of this.#onStatus) listener();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#stop.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
