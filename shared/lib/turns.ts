/** Lets work that takes long in one process share the event loop. */

/** Longest time, ms, that such work runs before other callbacks do. */
const SLICE_MS = 5;

/** When the slice of the present iteration of the event loop began; 0: none has. */
let began = 0;
/** Those whose slice is over, in the order of asking. */
const waiting: (() => void)[] = [];

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Resolves at once, or in a later iteration of the event loop if work that calls this has run for 5 ms in the present one. All
 * callers share the 5 ms, and an iteration gives them to one of those that wait, so that many requests together do not hold the
 * loop for longer than one.
 */
export function pause(): Promise<void> {
  if (began === 0) {
    began = performance.now();
    setImmediate(nextSlice);
  } else if (performance.now() - began >= SLICE_MS) return new Promise((resolve) => waiting.push(resolve));
  return Promise.resolve();
}

function nextSlice(): void {
  const next = waiting.shift();
  began = next ? performance.now() : 0;
  if (!next) return;
  next();
  setImmediate(nextSlice);
}
