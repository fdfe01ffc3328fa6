/**
 * Where a moment stands in the timeline. Gaps in which nothing happens can be folded: each then takes a small fixed part of
 * the width, whatever its length.
 */
import type { Millis } from "../../../shared/protocol/history.ts";

export interface Gap {
  readonly from: Millis;
  readonly to: Millis;
}

/** Part of the width that a folded gap takes. */
const FOLDED = 0.04;
const SHORTEST_GAP_MS = 60_000;

/** Long stretches between moments at which something happens. */
export function gapsOf(moments: readonly Millis[], [start, end]: readonly [Millis, Millis]): Gap[] {
  const sorted = [start, ...moments.filter((at) => at > start && at < end).toSorted((a, b) => a - b), end];
  const least = Math.max(SHORTEST_GAP_MS, (end - start) * 0.15);
  const gaps: Gap[] = [];
  for (let i = 1; i < sorted.length; i++) {
    const from = sorted[i - 1] as number;
    const to = sorted[i] as number;
    if (to - from >= least) gaps.push({ from, to });
  }
  return gaps;
}

/** From 0 at the start to 1 at the end. */
export function scaleOf([start, end]: readonly [Millis, Millis], folded: readonly Gap[]): (at: Millis) => number {
  const hidden = folded.reduce((sum, { from, to }) => sum + (to - from), 0);
  const unit = (1 - FOLDED * folded.length) / Math.max(1, end - start - hidden);
  return (at) => {
    const moment = Math.min(end, Math.max(start, at));
    let position = 0;
    let cursor = start;
    for (const { from, to } of folded) {
      if (moment <= from) break;
      position += (from - cursor) * unit;
      position += moment >= to ? FOLDED : (FOLDED * (moment - from)) / (to - from);
      cursor = Math.min(moment, to);
    }
    return moment > cursor ? position + (moment - cursor) * unit : position;
  };
}
