/** What happens when a run is due while another one is active: each policy with a picture and a sentence. */
import { useId } from "react";
import { OVERLAPS } from "./definition.ts";

type Look = "whole" | "cut" | "waits";
/** A run in the picture. Its row, where it begins and how long it is. */
type Bar = readonly [row: number, from: number, length: number, look: Look];

/** Runs are due at 0, 16 and 32, and take 24. */
const DUE = [0, 16, 32] as const;
const PICTURES: Readonly<Record<number, readonly Bar[]>> = {
  1: [
    [0, 0, 24, "whole"],
    [0, 32, 24, "whole"],
  ],
  2: [
    [0, 0, 24, "whole"],
    [1, 16, 8, "waits"],
    [0, 25, 24, "whole"],
  ],
  3: [
    [0, 0, 24, "whole"],
    [1, 16, 8, "waits"],
    [0, 25, 24, "whole"],
    [2, 32, 17, "waits"],
    [0, 50, 14, "whole"],
  ],
  4: [
    [0, 0, 16, "whole"],
    [0, 16, 4, "cut"],
    [1, 20, 12, "whole"],
    [1, 32, 4, "cut"],
    [2, 36, 24, "whole"],
  ],
  5: [
    [0, 0, 16, "whole"],
    [1, 16, 16, "whole"],
    [2, 32, 24, "whole"],
  ],
  6: [
    [0, 0, 24, "whole"],
    [1, 16, 24, "whole"],
    [2, 32, 24, "whole"],
  ],
};
const LOOKS: Readonly<Record<Look, string>> = {
  whole: "fill-running",
  cut: "fill-warn",
  waits: "fill-none stroke-warn [stroke-dasharray:2_1]",
};

function Picture({ overlap }: { overlap: number }) {
  return (
    <svg viewBox="-1 0 68 24" width={102} height={36} aria-hidden="true" className="shrink-0">
      {DUE.map((at) => (
        <path key={at} d={`M${at},1V23`} className="stroke-line" strokeWidth={0.75} />
      ))}
      {PICTURES[overlap]?.map(([row, from, length, look]) => (
        <rect
          key={`${row} ${from}`}
          x={from + 0.5}
          y={3 + row * 7}
          width={length - 1}
          height={4.5}
          rx={1}
          className={LOOKS[look]}
        />
      ))}
    </svg>
  );
}

export function OverlapField({ overlap, change }: { overlap: number; change: (overlap: number) => void }) {
  const name = useId();
  return (
    <fieldset className="space-y-1">
      <legend className="text-xs font-semibold">When a run is due while another is active</legend>
      <div className="grid grid-cols-1 gap-2 sm:grid-cols-2">
        {OVERLAPS.map(([value, title, does]) => (
          <label
            key={value}
            className="flex cursor-pointer items-center gap-3 rounded-md border border-line px-3 py-2 text-sm has-checked:border-accent has-checked:bg-sunken"
          >
            <input
              type="radio"
              name={name}
              checked={overlap === value}
              onChange={() => change(value)}
              aria-describedby={`${name}${value}`}
              aria-label={title}
              className="size-4 shrink-0 accent-accent"
            />
            <span className="min-w-0 flex-1">
              <span className="block font-medium">{title}</span>
              <span id={`${name}${value}`} className="block text-xs text-soft">
                {does}
              </span>
            </span>
            <Picture overlap={value} />
          </label>
        ))}
      </div>
      <p className="text-xs text-soft">
        In the pictures a run is due at each line. Dashed: it waits. The other colour: it is asked to cancel, and cleans
        up.
      </p>
    </fieldset>
  );
}
