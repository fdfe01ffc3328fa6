/** Code that is loaded at its first use. */

let underWay = 0;

/** Loads that are under way in this process: work of the server that no timer and no call of a worker shows. */
export const loadsUnderWay = (): number => underWay;

/** `load`, counted among the loads under way, and called once: `import()` looks its module up anew each time. A load that fails is repeated. */
export function lazy<T>(load: () => Promise<T>): () => Promise<T> {
  const loaded = counted(load);
  let once: Promise<T> | null = null;
  return () => {
    once ??= loaded().catch((error) => {
      once = null;
      throw error;
    });
    return once;
  };
}

/** Work of a thread, which is counted among the loads. */
export const counted =
  <A extends unknown[], T>(work: (...args: A) => Promise<T>): ((...args: A) => Promise<T>) =>
  async (...args) => {
    underWay += 1;
    try {
      return await work(...args);
    } finally {
      underWay -= 1;
    }
  };
