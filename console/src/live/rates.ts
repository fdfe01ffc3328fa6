/** Starts and ends of executions in the last minute, as the stream has told them: no query counts them. */
import type { StreamEventPayload } from "../../../shared/protocol/http/events.ts";

export const WINDOW_SECONDS = 60;
/** Terminations and time limits have no event; a run that continues as new is neither a start nor an end. */
const ENDS: ReadonlySet<string> = new Set([
  "WORKFLOW_EXECUTION_COMPLETED",
  "WORKFLOW_EXECUTION_FAILED",
  "WORKFLOW_EXECUTION_CANCELED",
]);

interface Second {
  started: number;
  ended: number;
}

export class Rates {
  /** When the stream was live for the first time, ms of the server; null: it never was. */
  #since: number | null = null;
  /** By seconds since the epoch. Only those of the window are kept. */
  readonly #seconds = new Map<number, Second>();

  begin(now: number): void {
    this.#since ??= now;
  }

  get since(): number | null {
    return this.#since;
  }

  take({ data }: Pick<StreamEventPayload, "data">): void {
    const isStart = data.event_type === "WORKFLOW_EXECUTION_STARTED";
    if (!isStart && !ENDS.has(data.event_type)) return;
    const second = Math.floor(data.event_timestamp / 1_000_000);
    const counted = this.#seconds.get(second) ?? { started: 0, ended: 0 };
    if (isStart) counted.started++;
    else counted.ended++;
    this.#seconds.set(second, counted);
    for (const one of this.#seconds.keys()) if (one <= second - WINDOW_SECONDS) this.#seconds.delete(one);
  }

  /** The seconds of the window that ends with `now`, ms, the oldest first. */
  window(now: number): readonly Readonly<Second>[] {
    const last = Math.floor(now / 1_000);
    return Array.from(
      { length: WINDOW_SECONDS },
      (_, i) => this.#seconds.get(last - WINDOW_SECONDS + 1 + i) ?? { started: 0, ended: 0 },
    );
  }
}
