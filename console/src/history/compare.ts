/**
 * Two runs of the same workflow, step by step and event by event.
 *
 * COMPARE-1. A step of one run is the same as a step of the other if both have the kind, the name and the place among those of
 *     this kind and name: the third call of `charge` is compared with the third one.
 * COMPARE-2. Histories differ at the first place at which the events are of another kind, or about another activity, timer,
 *     child, message or patch. Times, ids of messages and values do not count: the values have a place of their own.
 */

import type { HistoryEvent } from "../../../shared/protocol/history.ts";
import { serverNow } from "../api/clock.ts";
import { attemptsOf, type Outcome, type Step, type StepKind } from "./steps.ts";

interface Side {
  readonly outcome: Outcome;
  readonly attempts: number;
  /** Null: it is open. */
  readonly ms: number | null;
  readonly step: Step;
}
export interface Pair {
  readonly key: string;
  readonly kind: StepKind;
  readonly name: string;
  /** Among the steps of this kind and name, from 1. */
  readonly nth: number;
  readonly a: Side | undefined;
  readonly b: Side | undefined;
  /** In what they differ, except for their durations. */
  readonly differs: readonly ("only in the first" | "only in the second" | "outcome" | "attempts")[];
}

/** COMPARE-1. In the order of the first run; what only the second one has comes after the step that it follows there. */
export function pairsOf(a: readonly Step[], b: readonly Step[]): Pair[] {
  const left = numbered(a);
  const right = numbered(b);
  const pairs: Pair[] = [...left].map(([key, one]) => pairOf(key, one, right.get(key)));
  let at = 0;
  for (const [key, one] of right) {
    const found = pairs.findIndex((pair) => pair.key === key);
    if (found >= 0) at = found + 1;
    else pairs.splice(at++, 0, pairOf(key, undefined, one));
  }
  return pairs;
}

interface Numbered {
  readonly step: Step;
  readonly nth: number;
}

function numbered(steps: readonly Step[]): Map<string, Numbered> {
  const counts = new Map<string, number>();
  const all = new Map<string, Numbered>();
  for (const step of steps) {
    // Timers are called by their numbers, which the same code gives again.
    const name = `${step.kind} ${step.name}`;
    const nth = (counts.get(name) ?? 0) + 1;
    counts.set(name, nth);
    all.set(`${name} ${nth}`, { step, nth });
  }
  return all;
}

const sideOf = (step: Step): Side => ({
  outcome: step.outcome,
  attempts: attemptsOf(step, serverNow()).length,
  ms: step.end === null ? null : step.end - step.start,
  step,
});

function pairOf(key: string, a: Numbered | undefined, b: Numbered | undefined): Pair {
  const { step, nth } = (a ?? b) as Numbered;
  const left = a && sideOf(a.step);
  const right = b && sideOf(b.step);
  const differs: Pair["differs"] =
    left === undefined
      ? ["only in the second"]
      : right === undefined
        ? ["only in the first"]
        : [
            ...(left.outcome !== right.outcome ? (["outcome"] as const) : []),
            ...(left.attempts !== right.attempts ? (["attempts"] as const) : []),
          ];
  return { key, kind: step.kind, name: step.name, nth, a: left, b: right, differs };
}

/** The ids of the first events that differ (COMPARE-2); null: one ended where the other goes on, or they are alike so far. */
export function firstDifference(
  a: readonly HistoryEvent[],
  b: readonly HistoryEvent[],
  shapeOf: (event: HistoryEvent) => string = shape,
): { readonly a: HistoryEvent | undefined; readonly b: HistoryEvent | undefined } | null {
  const length = Math.max(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a[i];
    const right = b[i];
    if (left && right && shapeOf(left) === shapeOf(right)) continue;
    return { a: left, b: right };
  }
  return null;
}

/** Fields that say what an event is about. */
const ABOUT = ["activity", "name", "timer", "child", "workflow", "patch", "task_type", "event", "reason", "attempt"];

function shape(event: HistoryEvent): string {
  const own = event as unknown as Record<string, unknown>;
  return JSON.stringify([event.kind, ...ABOUT.map((field) => own[field] ?? null)]);
}

/** Values that people compare: what went in, what came out, and how it failed. */
export function valuesOf(event: HistoryEvent): string {
  const { input, result, failure, attributes } = event as unknown as Record<string, unknown>;
  const message = (failure as { message?: string } | undefined)?.message;
  return JSON.stringify([event.kind, input ?? null, result ?? null, message ?? null, attributes ?? null]);
}
