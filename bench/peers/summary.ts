/** Medians over the rounds, and ratios to the best other engine. */
import { round } from "../harness.ts";
import { FIGURES, type Sample } from "./figures.ts";

export interface Row {
  readonly figure: string;
  readonly peer: string;
  readonly median: number;
  /** The smallest and the largest of the rounds. */
  readonly least: number;
  readonly most: number;
  /** The median divided by that of the best other engine; `null` for the engines compared with, and if there are none. */
  readonly ratio: number | null;
  readonly processorUs: Readonly<Record<string, number>>;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (i: number) => sorted[i] ?? Number.NaN;
  return (at((sorted.length - 1) >> 1) + at(sorted.length >> 1)) / 2;
}

/** A row for each figure and engine. `subjects`: each of them is compared with the other engines. */
export function summary(samples: readonly Sample[], subjects: readonly string[]): Row[] {
  return FIGURES.flatMap(({ name, better }) => {
    const of = samples.filter((sample) => sample.figure === name);
    const rows = [...new Set(of.map(({ peer }) => peer))].map((peer) => {
      const own = of.filter((sample) => sample.peer === peer);
      const values = own.map(({ value }) => value);
      const processes = Object.keys(own[0]?.processorUs ?? {});
      return {
        figure: name,
        peer,
        median: median(values),
        least: Math.min(...values),
        most: Math.max(...values),
        processorUs: Object.fromEntries(
          processes.map((each) => [each, median(own.map(({ processorUs }) => processorUs[each] ?? 0))]),
        ),
      };
    });
    const others = rows.filter(({ peer }) => !subjects.includes(peer)).map((row) => row.median);
    const best = better === "less" ? Math.min(...others) : Math.max(...others);
    return rows.map((row) => ({
      ...row,
      ratio: subjects.includes(row.peer) && others.length > 0 ? row.median / best : null,
    }));
  });
}

/** The rows as they are printed, by figure. */
export function table(rows: readonly Row[]) {
  return FIGURES.map(({ name }) => ({
    figure: name,
    rows: rows
      .filter(({ figure }) => figure === name)
      .map(({ peer, median, least, most, ratio, processorUs }) => ({
        engine: peer,
        median: round(median, 2),
        "least to most": `${round(least, 2)} to ${round(most, 2)}`,
        "x best other": ratio === null ? "" : round(ratio, 2),
        "processor us": Object.entries(processorUs)
          .map(([process, us]) => `${process} ${round(us, 0)}`)
          .join(", "),
      })),
  }));
}
