/** Real time. */
import type { Clock } from "./ports.ts";

const LONGEST = 2 ** 31 - 1; // setTimeout fires at once beyond this

export const realClock: Clock = {
  now: () => Date.now(),
  at(at, fn) {
    let timer: NodeJS.Timeout;
    const arm = () => {
      const wait = at - Date.now();
      timer = wait > LONGEST ? setTimeout(arm, LONGEST) : setTimeout(fn, Math.max(0, wait));
    };
    arm();
    return () => clearTimeout(timer);
  },
};
