/**
 * The steps of a run, made from its events: what a timeline draws and what the details of a step show. Steps whose
 * beginning is not among the events are left out.
 */
import type { Failure, HistoryEvent, Millis } from "../../../shared/protocol/history.ts";
import { isClosing } from "./closing.ts";

export type StepKind = "activity" | "timer" | "child" | "task" | "signal" | "update" | "code";
export type Outcome = "open" | "completed" | "failed" | "cancelled";

/** Part of a step's time: something works on it, or it waits for its next attempt. */
export interface Segment {
  from: Millis;
  /** Null: until now. */
  to: Millis | null;
  readonly kind: "run" | "wait";
  readonly attempt: number;
  failure?: Failure;
  /** The attempt begins then, and no event says that it has begun: a worker that has the activity at hand records none. */
  isDue?: boolean;
}

export interface Step {
  readonly key: string;
  readonly kind: StepKind;
  readonly name: string;
  readonly start: Millis;
  end: Millis | null;
  outcome: Outcome;
  readonly segments: Segment[];
  readonly events: number[];
  /** Of a child. */
  readonly execution?: string;
  /** Of a step of a child that is shown in place: the key of the child. */
  readonly within?: string;
  failure?: Failure;
}

export function stepsOf(events: readonly HistoryEvent[]): Step[] {
  const steps = new Map<string, Step>();
  const begin = (kind: StepKind, id: string | number, name: string, e: HistoryEvent, execution?: string): Step => {
    const key = `${kind}-${id}`;
    const step: Step = {
      key,
      kind,
      name,
      start: e.at,
      end: null,
      outcome: "open",
      segments: [{ from: e.at, to: null, kind: "run", attempt: 1 }],
      events: [e.id],
      ...(execution !== undefined && { execution }),
    };
    steps.set(key, step);
    return step;
  };
  const of = (kind: StepKind, id: string | number, e: HistoryEvent): Step | undefined => {
    const step = steps.get(`${kind}-${id}`);
    step?.events.push(e.id);
    return step;
  };
  const end = (step: Step | undefined, e: HistoryEvent, outcome: Outcome, failure?: Failure) => {
    if (!step) return;
    step.end = e.at;
    step.outcome = outcome;
    if ((step.segments.at(-1)?.from ?? 0) > e.at) withdrawDue(step, e.at);
    const last = step.segments.at(-1);
    if (last && last.to === null) last.to = e.at;
    if (failure) step.failure = failure;
    if (failure && last) last.failure = failure;
  };
  const instant = (kind: StepKind, id: string | number, name: string, e: HistoryEvent, outcome: Outcome) =>
    end(begin(kind, id, name, e), e, outcome);

  for (const e of events) {
    switch (e.kind) {
      case "activity_scheduled":
        begin("activity", e.activity, e.name, e);
        break;
      case "activity_restarted":
        begin("activity", e.activity, e.task.name, e);
        break;
      case "activity_attempt_failed": {
        const step = of("activity", e.activity, e);
        const last = step?.segments.at(-1);
        if (!step || !last) break;
        last.to = e.at;
        last.failure = e.failure;
        const attempt = e.attempt + 1;
        step.segments.push({ from: e.at, to: e.retry_at, kind: "wait", attempt });
        step.segments.push({ from: e.retry_at, to: null, kind: "run", attempt, isDue: true });
        break;
      }
      case "activity_attempt_started": {
        const step = of("activity", e.activity, e);
        const last = step?.segments.at(-1);
        if (!step || !last) break;
        withdrawDue(step, e.at);
        step.segments.push({ from: e.at, to: null, kind: "run", attempt: e.attempt });
        break;
      }
      case "activity_completed":
        end(of("activity", e.activity, e), e, "completed");
        break;
      case "activity_failed":
        end(of("activity", e.activity, e), e, e.reason === "cancelled" ? "cancelled" : "failed", e.failure);
        break;
      case "activity_cancel_requested":
        of("activity", e.activity, e);
        break;
      case "timer_started":
        begin("timer", e.timer, `Timer ${e.timer}`, e);
        break;
      case "timer_fired":
        end(of("timer", e.timer, e), e, "completed");
        break;
      case "timer_cancelled":
        end(of("timer", e.timer, e), e, "cancelled");
        break;
      case "child_scheduled":
        begin("child", e.child, e.workflow, e, e.execution);
        break;
      case "child_completed":
        end(of("child", e.child, e), e, "completed");
        break;
      case "child_failed":
        end(of("child", e.child, e), e, "failed", e.failure);
        break;
      case "child_cancel_requested":
        of("child", e.child, e);
        break;
      case "custom_task":
        if (e.event === "started") begin("task", e.task, e.task_type, e);
        else if (e.event === "in_progress") of("task", e.task, e);
        else end(of("task", e.task, e), e, e.event === "completed" ? "completed" : "failed");
        break;
      case "signal_received":
        instant("signal", e.message, e.name, e, e.ignored === undefined ? "completed" : "failed");
        break;
      case "update_accepted":
        begin("update", e.message, e.name, e);
        break;
      case "update_completed":
        end(of("update", e.message, e), e, "completed");
        break;
      case "update_failed":
        end(of("update", e.message, e), e, "failed", e.failure);
        break;
      case "workflow_task_failed": {
        const step = begin("code", e.id, "Workflow code", e);
        end(step, e, "failed", e.failure);
        break;
      }
      default:
        if (isClosing(e)) for (const step of steps.values()) if (step.end === null) end(step, e, "cancelled");
    }
  }
  return [...steps.values()];
}

/** The attempt that was due has begun at another moment, or never does. */
function withdrawDue({ segments }: Step, at: Millis): void {
  if (segments.at(-1)?.isDue) segments.pop();
  const last = segments.at(-1);
  if (last && (last.kind === "wait" || last.to === null)) last.to = at;
}

/** The attempts that have begun. */
export const attemptsOf = ({ segments }: Step, now: Millis): readonly Segment[] =>
  segments.filter(({ kind, isDue, from }) => kind === "run" && !(isDue && from > now));

/** The first and the last moment of the steps; of one that is open: `now`. */
export function boundsOf(steps: readonly Step[], start: Millis, closed: Millis | null, now: Millis): [Millis, Millis] {
  let end = closed ?? now;
  for (const step of steps) end = Math.max(end, step.end ?? (closed === null ? now : step.start));
  return [start, Math.max(end, start + 1)];
}
