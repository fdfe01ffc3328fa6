/** Code that is loaded at its first use. */

let underWay = 0;

/** Loads that are under way in this process: work of the server that no timer and no call of a worker shows. */
export const loadsUnderWay = (): number => underWay;

/** `load`, counted among the loads under way. */
export const lazy = <T>(load: () => Promise<T>): (() => Promise<T>) => counted(load);

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
