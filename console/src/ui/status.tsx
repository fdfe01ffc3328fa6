/** The status of an execution, by icon, word and colour: no one of them alone carries it. */
import clsx from "clsx";
import { Check, CircleDot, Hourglass, type LucideIcon, Minus, RefreshCw, Square, X } from "lucide-react";

export type Tone = "running" | "good" | "bad" | "warn" | "still";

/** The signs of the timeline too. Their outlines have little in common: circles around them could hardly be told apart without colours. */
const STATUSES: Readonly<Record<string, { word: string; tone: Tone; icon: LucideIcon }>> = {
  RUNNING: { word: "Running", tone: "running", icon: CircleDot },
  COMPLETED: { word: "Completed", tone: "good", icon: Check },
  FAILED: { word: "Failed", tone: "bad", icon: X },
  TIMED_OUT: { word: "Timed out", tone: "bad", icon: Hourglass },
  CANCELED: { word: "Cancelled", tone: "warn", icon: Minus },
  TERMINATED: { word: "Terminated", tone: "warn", icon: Square },
  CONTINUED_AS_NEW: { word: "Continued", tone: "still", icon: RefreshCw },
};
/** In the order in which lists and filters show them. */
export const STATUS_WORDS = Object.entries(STATUSES).map(([status, { word }]) => ({ status, word }));

const TONES: Record<Tone, string> = {
  running: "bg-running-bg text-running",
  good: "bg-good-bg text-good",
  bad: "bg-bad-bg text-bad",
  warn: "bg-warn-bg text-warn",
  still: "bg-still-bg text-still",
};

export function Status({ status }: { status: string | null }) {
  const known = STATUSES[status ?? ""];
  const Icon = known?.icon ?? CircleDot;
  return (
    <Tag tone={known?.tone ?? "still"} status={status ?? ""}>
      <Icon aria-hidden size={13} strokeWidth={2.8} />
      {known?.word ?? status ?? "Unknown"}
    </Tag>
  );
}

export function Tag({ tone, status, children }: { tone: Tone; status?: string; children: React.ReactNode }) {
  return (
    <span
      data-status={status}
      className={clsx(
        "inline-flex items-center gap-1 rounded px-1.5 py-0.5 text-xs font-semibold whitespace-nowrap",
        TONES[tone],
      )}
    >
      {children}
    </span>
  );
}
