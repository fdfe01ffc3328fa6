/** When a silent stream must show that its connection lives. */
import type { Clock } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { KEEP_ALIVE_SECONDS } from "../protocol/limits.ts";

const KEEP_ALIVE_MS: Millis = KEEP_ALIVE_SECONDS * 1000;

/** Says when the stream has been silent for so long that a comment must show that the connection lives. */
export class KeepAlive {
  readonly #clock: Clock;
  #lastFrame: Millis;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastFrame = clock.now();
  }
  get due(): Millis {
    return this.#lastFrame + KEEP_ALIVE_MS;
  }
  frameSent(): void {
    this.#lastFrame = this.#clock.now();
  }
  /** True once the comment is due; the caller then sends it. */
  isDue(): boolean {
    if (this.#clock.now() < this.due) return false;
    this.frameSent();
    return true;
  }
}
