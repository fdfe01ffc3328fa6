/** Bugs of workflow code that only the runtime can detect. */

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** Workflow code blocked the event loop, and with it every other execution of the worker. */
export class BlockedLoopError extends Error {
  constructor(workflow: string, tookMs: number, budgetMs: number) {
    super(
      `workflow "${workflow}" ran for ${seconds(tookMs)} without waiting for anything; the limit is ${seconds(budgetMs)}. ` +
        "While it computes, its worker can do nothing else. Move the computation into an activity.",
    );
    this.name = "BlockedLoopError";
  }
}

/** Workflow code waits for, or was continued by, something that a replay cannot repeat. */
export class NotDurableError extends Error {
  /** `decision`: the decision that code took although no stimulus was being given to it. */
  constructor(workflow: string, decision?: string) {
    super(
      decision === undefined
        ? `workflow "${workflow}" has not ended and waits for nothing durable: no activity, timer, child, condition or handler. ` +
            "It awaits something that a replay cannot bring back, such as a promise of another library. Move that into an activity."
        : `workflow "${workflow}" took the decision ${decision} while no event was being delivered to it: something that is not ` +
            "durable continued its code, such as a promise of another library. Move that into an activity.",
    );
    this.name = "NotDurableError";
  }
}
