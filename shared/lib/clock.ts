/** The clock as a port, and the machine's clock. */
import type { Millis } from "../protocol/history.ts";

export interface Clock {
  now(): Millis;
  /**
   * Rises with the time that passes, whatever is done to the machine's clock, and differs from `now` only by what was done
   * to that clock since the process began. For lengths of time: leases, silence of workers, waits. Default: `now`.
   */
  steady?(): Millis;
  /** Calls `fn` once, at `at` or soon after. The returned function cancels the call. */
  at(at: Millis, fn: () => void): () => void;
}

export const steadyOf = (clock: Clock): Millis => clock.steady?.() ?? clock.now();

const MAX_TIMEOUT_MS = 2 ** 31 - 1; // setTimeout fires at once for a longer wait

/** Read once: it never changes, and the getter costs more than the clock. */
const { timeOrigin } = performance;

export const realClock: Clock = machineClock({ keepsProcessAlive: true });

/** The real clock for a process that something else keeps alive, such as a server: its timers do not. */
export const backgroundClock: Clock = machineClock({ keepsProcessAlive: false });

function machineClock({ keepsProcessAlive }: { readonly keepsProcessAlive: boolean }): Clock {
  return {
    now: () => Date.now(),
    steady: () => Math.floor(timeOrigin + performance.now()),
    at(at, fn) {
      let timer: NodeJS.Timeout;
      const arm = () => {
        const wait = at - Date.now();
        timer = wait > MAX_TIMEOUT_MS ? setTimeout(arm, MAX_TIMEOUT_MS) : setTimeout(fn, Math.max(0, wait));
        if (!keepsProcessAlive) timer.unref();
      };
      arm();
      return () => clearTimeout(timer);
    },
  };
}
