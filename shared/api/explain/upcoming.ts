/** The coming times of all schedules of a workspace in a window. */
import { UnreadableSchedule } from "../../ports.ts";
import { invalidAt, type Refusal } from "../../protocol/errors.ts";
import { timestamp } from "../../protocol/http/fields.ts";
import type { QueryOf, ResponseOf } from "../../protocol/routes.ts";
import {
  comingTimes,
  type DueTime,
  PREVIEW_STEPS,
  type ScheduleState,
  Uncomputable,
} from "../../schedule/rules/index.ts";
import type { RequestContext } from "../request-context.ts";
import { schedulesAfter } from "../schedules.ts";

const DAY_MS = 86_400_000;
/** Of all schedules together; between two times the process does other work. */
const MOST_STEPS = 5 * PREVIEW_STEPS;
const MOST_LEFT_OUT = 100;
/** A later time has no form that its readers know. */
const LATEST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Without the schedule's input, which may be long: a thousand of these are kept at once. */
interface Coming extends Pick<ScheduleState, "schedule_id" | "workflow_name" | "deployment_name"> {
  readonly time: DueTime;
}

export async function upcomingTimes(
  context: RequestContext,
  query: QueryOf<"listUpcomingTimes">,
): Promise<ResponseOf<"listUpcomingTimes"> | Refusal> {
  const { ports } = context;
  const now = ports.clock.now();
  const from = Math.max(query.from ?? now, now);
  const to = Math.min(query.to ?? from + DAY_MS, LATEST);
  if (to <= from) return invalidAt(["query", "to"], "it must be later than `from`, and than now");
  const kept = new Earliest(query.limit);
  const leftOut: string[] = [];
  const leaveOut = (id: string) => leftOut.length < MOST_LEFT_OUT && leftOut.push(id);
  let steps = 0;
  for await (const state of schedulesAfter(context, undefined)) {
    await ports.pause?.();
    if (context.signal.aborted) break;
    if (state instanceof UnreadableSchedule || steps > MOST_STEPS) {
      leaveOut(state.schedule_id);
      continue;
    }
    const { schedule_id, workflow_name, deployment_name } = state;
    try {
      for (const found of comingTimes(state, { from, to })) {
        steps += found.steps;
        if (found.time.actual > LATEST || !kept.add({ schedule_id, workflow_name, deployment_name, time: found.time }))
          break;
        if (steps > MOST_STEPS) {
          leaveOut(state.schedule_id);
          break;
        }
        await ports.pause?.();
      }
    } catch (error) {
      if (!(error instanceof Uncomputable)) throw error;
      leaveOut(state.schedule_id);
    }
  }
  return {
    from: timestamp(from),
    to: timestamp(to),
    times: kept.sorted().map(({ time, ...schedule }) => ({
      ...schedule,
      nominal_at: timestamp(time.nominal),
      scheduled_at: timestamp(time.actual),
    })),
    complete: !kept.cut && leftOut.length === 0,
    left_out: leftOut,
  };
}

const order = (a: Coming, b: Coming): number =>
  a.time.nominal - b.time.nominal || (a.schedule_id < b.schedule_id ? -1 : 1);

/** The earliest `limit` times of those that were added. */
class Earliest {
  readonly #limit: number;
  #times: Coming[] = [];
  /** No later time belongs to the answer. */
  #last = Number.POSITIVE_INFINITY;
  cut = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False: neither this time nor a later one belongs to the answer. */
  add(coming: Coming): boolean {
    if (coming.time.nominal > this.#last) {
      this.cut = true;
      return false;
    }
    this.#times.push(coming);
    if (this.#times.length >= 2 * this.#limit) this.#trim();
    return true;
  }

  sorted(): Coming[] {
    this.#trim();
    return this.#times;
  }

  #trim(): void {
    this.#times.sort(order);
    if (this.#times.length > this.#limit) this.cut = true;
    this.#times = this.#times.slice(0, this.#limit);
    if (this.#times.length === this.#limit) this.#last = this.#times.at(-1)!.time.nominal;
  }
}
