/** One event of a history as one line. */
import type { Shown } from "../../history/store.ts";
import { lineOf } from "../../history/words.ts";
import type { Tone } from "../../ui/status.tsx";
import { visible } from "../../ui/text.tsx";
import { Time } from "../../ui/time.tsx";

const COLOURS: Record<Tone, string> = {
  running: "text-running",
  good: "text-good",
  bad: "text-bad",
  warn: "text-warn",
  still: "text-ink",
};

interface Props {
  readonly id: number;
  /** Undefined: it is not read yet. */
  readonly event: Shown | undefined;
  readonly nameOf: (activity: number) => string;
  readonly isSelected: boolean;
  readonly select: (event: number) => void;
}

export function EventLine({ id, event, nameOf, isSelected, select }: Props) {
  const line = event && lineOf(event, nameOf);
  return (
    <button
      type="button"
      aria-pressed={isSelected}
      onClick={() => select(id)}
      className="flex h-full w-full items-center gap-3 px-3 text-left text-sm hover:bg-sunken aria-pressed:bg-sunken"
    >
      <span className="w-12 shrink-0 text-right text-xs text-soft tabular-nums">{id}</span>
      <span className="hidden shrink-0 text-xs text-soft sm:inline">{event && <Time at={event.at} />}</span>
      {line ? (
        <span className="truncate">
          <span className={COLOURS[line.tone]}>{visible(line.text)}</span>
          {line.more && <span className="text-soft"> {visible(line.more)}</span>}
        </span>
      ) : (
        <span className="h-3 w-40 animate-pulse rounded bg-sunken" />
      )}
    </button>
  );
}
