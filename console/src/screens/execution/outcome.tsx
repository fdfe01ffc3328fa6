/** What became of a step: its word, and its sign beside the step's name. */
import type { Outcome } from "../../history/steps.ts";

export const WORDS: Record<Outcome, string> = {
  open: "open",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
};

export function Mark({ outcome }: { outcome: Outcome }) {
  const sign = { open: "●", completed: "✓", failed: "✕", cancelled: "–" }[outcome];
  const tone = { open: "text-running", completed: "text-good", failed: "text-bad", cancelled: "text-still" }[outcome];
  return (
    <span aria-hidden className={`w-3 font-bold ${tone}`}>
      {sign}
    </span>
  );
}
