/** The real things, taken before anything is replaced. Import this before `install`. */

const performanceNow = performance.now.bind(performance);
const { setImmediate: immediate } = globalThis;
const { nextTick } = process;
const { random } = Math;
const dateNow = Date.now;
const randomUUID = crypto.randomUUID.bind(crypto);

/** Monotonic milliseconds. */
export const realNow = (): number => performanceNow();
/** Milliseconds since the epoch. */
export const realTime = (): number => dateNow();
export const realFraction = (): number => random();
export const realUuid = (): string => randomUUID();

/**
 * Resolves when every promise reaction that is ready, and those that follow from them, has run. A tick that is queued by
 * a reaction runs only after all reactions have, so this takes under a microsecond and never waits for input/output.
 */
export const drained = (): Promise<void> =>
  new Promise((resolve) => {
    Promise.resolve().then(() => nextTick(resolve));
  });

/** Lets the event loop do everything else that is due. */
export const turn = (): Promise<void> => new Promise((resolve) => immediate(resolve));
