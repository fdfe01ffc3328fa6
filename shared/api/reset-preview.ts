/** What a reset would keep, throw away and give again. Nothing is written. */
import { type ResetTarget, resetPoints } from "../core/reset.ts";
import { previewReset } from "../core/reset-preview.ts";
import { isRefusal, type Refusal } from "../protocol/errors.ts";
import { startedOf } from "../protocol/head.ts";
import { type HistoryEvent, isDecision, isStimulus } from "../protocol/history.ts";
import type { ResetInvocationBody } from "../protocol/http/executions.ts";
import { timestamp } from "../protocol/http/fields.ts";
import { MAX_PREVIEW_EVENTS } from "../protocol/limits.ts";
import type { ResponseOf } from "../protocol/routes.ts";
import { Unreadable } from "../protocol/unreadable.ts";
import { damagedExecution, headOf } from "./executions.ts";
import { type RequestContext, refTo } from "./request-context.ts";
import { describedPoints, excludedBy, nameIn, targetOf, whyNoPoint } from "./reset.ts";

type Preview = ResponseOf<"previewReset">;

export async function previewOfReset(
  context: RequestContext,
  execution: string,
  body: ResetInvocationBody,
): Promise<Preview | Refusal> {
  const target = targetOf(body);
  if (isRefusal(target)) return target;
  const head = await headOf(context, execution);
  if (isRefusal(head)) return head;
  try {
    const { ports } = context;
    await context.room.take("whole run");
    const batches = await ports.executions.batches(refTo(context, execution), head.run, 1);
    const events = [startedOf(head), ...batches.flatMap((batch) => batch.events)];
    const terms = { target, excluded: excludedBy(body), now: ports.clock.now() };
    const preview = await previewReset(events, terms, async () => ports.pause?.());
    if (!preview) return impossible(target, head.run, events);
    const steps = preview.dropped.filter((event) => isDecision(event) || isStimulus(event));
    const lists = [steps, preview.restarted, preview.given, preview.left];
    return {
      run_id: head.run,
      kept_through: preview.through,
      dropped_events: preview.dropped.length,
      dropped: steps.slice(0, MAX_PREVIEW_EVENTS).map(shown),
      restarted_activities: preview.restarted.slice(0, MAX_PREVIEW_EVENTS),
      given_again: preview.given.slice(0, MAX_PREVIEW_EVENTS).map(shown),
      left_out: preview.left.slice(0, MAX_PREVIEW_EVENTS).map(shown),
      complete: lists.every(({ length }) => length <= MAX_PREVIEW_EVENTS),
      refusal: null,
      reset_points: [],
    };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return damagedExecution(context, execution, { call: "preview of a reset", cannot: "reset", error });
  }
}

function impossible(target: ResetTarget, run: string, events: readonly HistoryEvent[]): Preview {
  const points = resetPoints(events);
  return {
    run_id: run,
    kept_through: events.length,
    dropped_events: 0,
    dropped: [],
    restarted_activities: [],
    given_again: [],
    left_out: [],
    complete: true,
    refusal: whyNoPoint(target, run, points),
    reset_points: describedPoints(points),
  };
}

const shown = (event: HistoryEvent): Preview["dropped"][number] => ({
  event_id: event.id,
  at: timestamp(event.at),
  kind: event.kind,
  name: nameIn(event),
});
