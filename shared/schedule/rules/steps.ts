/**
 * The budget of one computation: one command, one view or one preview. It is counted in steps and not in time, so that a
 * definition is accepted or refused alike on every machine and under every load.
 *
 * STEPS-1. A step is a piece of the search with a bounded cost, 0.1 to 0.2 µs: one source, one month, a few skip calendars.
 * STEPS-2. A computation over its budget ends with `TooCostly`. Only a definition whose calendars, intervals or skips are
 *     many, or whose times are almost all skipped, comes near it.
 */

/** Of a command or a view, which keeps the process from other work while it runs: some 20 ms. */
const COMMAND_STEPS = 100_000;
/** Of all times of a preview. Each of them has the budget of a command, and between them the process does other work. */
export const PREVIEW_STEPS = 1_000_000;
/** Building one piece of a zone (`zone.ts`) from `Intl`. */
const PIECE_STEPS = 300;

/** The times of a definition cannot be computed. `message` is a clause about the definition. */
export class Uncomputable extends Error {}

export class TooCostly extends Uncomputable {
  constructor() {
    super(
      "finding its times takes too many steps: skip excludes nearly all of them, or it has too many calendars; " +
        "allowed is a definition with fewer calendars, or one whose calendars and intervals leave out what skip excludes",
    );
  }
}

export class Steps {
  readonly #limit: number;
  #left: number;
  #last: object | undefined;
  readonly #pieces = new Set<object>();

  constructor(limit: number = COMMAND_STEPS) {
    this.#limit = limit;
    this.#left = limit;
  }

  /** Gives the whole budget again, and answers the steps taken since it was last given. */
  renew(): number {
    const taken = this.#limit - this.#left;
    this.#left = this.#limit;
    return taken;
  }

  take(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new TooCostly();
  }

  /** Counts a piece of a zone once, whether or not an earlier computation has built it. */
  takePiece(piece: object): void {
    if (piece === this.#last) return;
    this.#last = piece;
    if (this.#pieces.has(piece)) return;
    this.#pieces.add(piece);
    this.take(PIECE_STEPS);
  }
}
