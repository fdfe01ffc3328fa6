/** What a test sees and changes of the activities of its workers: calls, stand-ins, failures on demand. */
import type { AnyActivity } from "../activity.ts";
import type { ActivityContext } from "../runtime/activity.ts";
import { SESSION_ACTIVITY } from "../runtime/session.ts";

export type StandIn = (input: never, ctx: ActivityContext) => unknown;

export class TestActivities {
  readonly all: readonly AnyActivity[];
  readonly #standIns = new Map<string, StandIn>();
  readonly #failures = new Map<string, Error[]>();
  readonly #attempts = new Map<string, number>();

  constructor(all: readonly AnyActivity[]) {
    this.all = all;
  }

  replace(activity: AnyActivity, fn: StandIn): void {
    this.#standIns.set(this.#nameOf(activity), fn);
  }

  fail(activity: AnyActivity, error: Error, times: number): void {
    const name = this.#nameOf(activity);
    this.#failures.set(name, [...(this.#failures.get(name) ?? []), ...Array<Error>(times).fill(error)]);
  }

  /** Those of the SDK itself are on every worker, but that of `onOneWorker`, which only a worker of sticky activities has. */
  mayRun(name: string): boolean {
    if (name === SESSION_ACTIVITY) return this.all.some(({ sticky }) => sticky);
    return name.startsWith("__") || this.all.some((activity) => activity.name === name);
  }

  attempts(activity: AnyActivity): number {
    return this.#attempts.get(this.#nameOf(activity)) ?? 0;
  }

  /** The activity as a worker runs it in this test; `running` holds the calls of its function that have not ended. */
  intercepted(activity: AnyActivity, running: Set<object>): AnyActivity {
    const fn = async (input: never, ctx: ActivityContext) => {
      running.add(ctx);
      try {
        this.#attempts.set(activity.name, (this.#attempts.get(activity.name) ?? 0) + 1);
        const error = this.#failures.get(activity.name)?.shift();
        if (error) throw error;
        return await (this.#standIns.get(activity.name) ?? activity.fn)(input, ctx);
      } finally {
        running.delete(ctx);
      }
    };
    return new Proxy(activity, { get: (target, name) => (name === "fn" ? fn : Reflect.get(target, name)) });
  }

  #nameOf({ name }: AnyActivity): string {
    if (this.all.some((activity) => activity.name === name)) return name;
    throw new TypeError(`activity '${name}' is not among the activities of this environment`);
  }
}
