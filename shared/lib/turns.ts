/** Lets work that takes long in one process share the event loop. */

/** Longest time, ms, that such work runs before other callbacks do. */
const SLICE_MS = 5;

/** When the first pause of the present iteration of the event loop was asked for; 0: none was. */
let began = 0;

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Resolves at once, or in the next iteration of the event loop if work that calls this has run for 5 ms in the present one.
 * All callers share the 5 ms, so that many requests together do not hold the loop for longer than one.
 */
export async function pause(): Promise<void> {
  if (began === 0) {
    began = performance.now();
    setImmediate(() => {
      began = 0;
    });
  } else if (performance.now() - began >= SLICE_MS) await nextTurn();
}
