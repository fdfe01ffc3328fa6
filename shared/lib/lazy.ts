/** Code that is loaded at its first use. */

let underWay = 0;

/** Loads that are under way in this process: work of the server that no timer and no call of a worker shows. */
export const loadsUnderWay = (): number => underWay;

/** `load`, counted among the loads under way. */
export const lazy =
  <T>(load: () => Promise<T>): (() => Promise<T>) =>
  async () => {
    underWay += 1;
    try {
      return await load();
    } finally {
      underWay -= 1;
    }
  };
