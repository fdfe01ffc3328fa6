/**
 * The worker's side of a poll that is answered in parts (PARTS-1).
 *
 * FLOW-1. A proxy that buffers answers would hold the tasks of a poll in parts back until the poll ends. So the worker asks for
 *     parts only while it knows that they arrive as they leave. It learns this by a trial (PARTS-3) beside an ordinary poll: the
 *     first line must come well before the last. An older server ends the session's polls instead, and answers in one piece.
 * FLOW-2. After a poll in parts that fails the worker polls as before, until another trial succeeds: there may be another
 *     server, or another way to it.
 */
import { type Clock, steadyOf } from "../../shared/lib/clock.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import type { Delivery } from "../../shared/protocol/worker.ts";

/** Length of a trial. */
export const TRIAL_MS = 500;
/** The first line of a trial comes this long before its last one, at least. */
const APART_MS = TRIAL_MS / 2;
/** Until the next trial: where parts do not flow, and where the trial failed. */
const AGAIN_MS = 600_000;
const RETRY_MS = 10_000;

/** Makes the call of a trial, and calls `line` at each line of its answer. */
type Call = (line: () => void) => Promise<unknown>;

export class PartsTrial {
  readonly #clock: Clock;
  readonly #call: Call;
  #flow = false;
  #nextAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, call: Call) {
    this.#clock = clock;
    this.#call = call;
  }

  /** Parts arrive as they leave. */
  get flow(): boolean {
    return this.#flow;
  }

  /** FLOW-2. */
  failed(): void {
    this.#flow = false;
    this.#nextAt = Number.NEGATIVE_INFINITY;
  }

  /** The server can be reached: begins a trial if it is time for one. */
  begin(): void {
    const now = steadyOf(this.#clock);
    if (this.#flow || now < this.#nextAt) return;
    this.#nextAt = now + AGAIN_MS;
    let first: Millis | undefined;
    this.#call(() => {
      first ??= steadyOf(this.#clock);
    }).then(
      () => {
        this.#flow = first !== undefined && steadyOf(this.#clock) - first >= APART_MS;
      },
      () => {
        this.#nextAt = Math.min(this.#nextAt, steadyOf(this.#clock) + RETRY_MS);
      },
    );
  }
}

/** Splits bytes into lines as they come. */
export class LineReader {
  #rest: Buffer[] = [];
  readonly #onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  read(part: Buffer): void {
    let from = 0;
    for (let end = part.indexOf(10); end >= 0; end = part.indexOf(10, from)) {
      this.#rest.push(part.subarray(from, end));
      from = end + 1;
      const line = this.#rest.length === 1 ? this.#rest[0]! : Buffer.concat(this.#rest);
      this.#rest = [];
      this.#onLine(line.toString());
    }
    if (from < part.length) this.#rest.push(part.subarray(from));
  }
}

/** Reads the lines of one answer, and gives their tasks to `onPart`. */
export class PartReader {
  readonly #lines: LineReader;
  readonly #onPart: (deliveries: Delivery[]) => void;
  /** The server has answered in parts. */
  isUsed = false;
  /** The last line has come. */
  isComplete = false;

  constructor(onPart: (deliveries: Delivery[]) => void) {
    this.#onPart = onPart;
    this.#lines = new LineReader((line) => this.readLine(line));
  }

  readLine(line: string): void {
    const { deliveries, end } = JSON.parse(line) as { deliveries: Delivery[]; end?: true };
    this.isUsed = true;
    this.isComplete = end === true;
    this.#onPart(deliveries);
  }

  read(part: Buffer): void {
    this.#lines.read(part);
  }
}
