/** What workflow code can do wrong that only the runtime sees. */

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** Workflow code held the event loop, and with it every other execution of the worker. */
export class BlockedLoopError extends Error {
  constructor(workflow: string, tookMs: number, budgetMs: number) {
    super(
      `workflow "${workflow}" ran for ${seconds(tookMs)} without waiting for anything; the limit is ${seconds(budgetMs)}. ` +
        "While it computes, its worker can do nothing else. Move the computation into an activity.",
    );
    this.name = "BlockedLoopError";
  }
}

/** Workflow code waits for, or was woken by, something that no history can repeat. */
export class NotDurableError extends Error {
  /** `asked`: what code asked for at a time when nothing had happened. */
  constructor(workflow: string, asked?: string) {
    super(
      asked === undefined
        ? `workflow "${workflow}" has not ended, and waits for nothing durable: no activity, timer, child, condition or handler. ` +
            "It awaits something that a replay cannot bring back, such as a promise of another library. Move that into an activity."
        : `workflow "${workflow}" asked for ${asked} at a time when nothing had happened to it: something that is not durable ` +
            "woke it, such as a promise of another library. Move that into an activity.",
    );
    this.name = "NotDurableError";
  }
}
