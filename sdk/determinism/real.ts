/** The functions of the platform that `install` replaces, taken before it does: import this file first. */

const { Promise: RealPromise } = globalThis;
const { then } = RealPromise.prototype;
const { apply } = Reflect;
const resolved = RealPromise.resolve();
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
 * Resolves when all promise reactions that are ready, and all that follow from them, have run. Node runs a tick that a
 * reaction queues only after all reactions, so this takes under a microsecond and never waits for input or output. It relies
 * on nothing that the code may have replaced (INTACT-1). `before`: called in that tick.
 */
export const drained = (before?: () => void): Promise<void> =>
  new RealPromise((resolve) => {
    const tick = () => {
      before?.();
      resolve();
    };
    apply(then, resolved, [() => nextTick(tick)]);
  });

let waiting: (() => void)[] | null = null;

/**
 * Resolves after Node has reported the promises that were rejected until now and that no code awaits. Node reports them
 * before the next callback of its event loop. All callers of one iteration share one callback, so that they go on together:
 * the appends of their executions travel in one call.
 */
export const rejectionsReported = (): Promise<void> =>
  new Promise((resolve) => {
    if (waiting !== null) {
      waiting.push(resolve);
      return;
    }
    waiting = [resolve];
    immediate(() => {
      const all = waiting!;
      waiting = null;
      for (const each of all) each();
    });
  });

/** Resolves after the event loop has done everything else that is due. */
export const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => immediate(resolve));
