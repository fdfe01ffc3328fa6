/** The text format of Prometheus, for the metrics of servers and workers. */
import type { Histogram } from "./histogram.ts";

/** Type and meaning of each metric, by its name. */
export type MetricTable = Readonly<Record<string, readonly ["gauge" | "counter" | "histogram", string]>>;
type Labels = Readonly<Record<string, string>>;

/** The lines of one answer, in the order of the table. */
export class Exposition<T extends MetricTable> {
  readonly #table: T;
  readonly #lines = new Map<string, string[]>();

  constructor(table: T) {
    this.#table = table;
  }

  value(name: keyof T & string, labels: Labels, value: number): void {
    this.#line(name, name, labelsOf(labels), value);
  }

  histogram(name: keyof T & string, labels: Labels, { read }: Histogram): void {
    const own = labelsOf(labels);
    const joined = own === "" ? "" : `${own},`;
    for (const [le, count] of read.buckets) this.#line(name, `${name}_bucket`, `${joined}le="${le}"`, count);
    this.#line(name, `${name}_sum`, own, read.sum);
    this.#line(name, `${name}_count`, own, read.count);
  }

  #line(of: string, name: string, labels: string, value: number): void {
    const lines = this.#lines.get(of) ?? [];
    this.#lines.set(of, lines);
    lines.push(`${name}${labels === "" ? "" : `{${labels}}`} ${value}`);
  }

  get text(): string {
    return Object.entries(this.#table)
      .filter(([name]) => this.#lines.has(name))
      .map(([name, [type, help]]) => {
        return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${this.#lines.get(name)!.join("\n")}\n`;
      })
      .join("");
  }
}

/** Counts by the values of its labels, which only grow. Labels are written for a scrape, not for each count. */
export class Counter {
  readonly #names: readonly string[];
  readonly #counts = new Map<string, number>();

  constructor(...names: readonly string[]) {
    this.#names = names;
  }

  /** The values are in the order of the names. */
  add(...values: readonly string[]): void {
    const key = values.length === 1 ? values[0]! : values.join("\0");
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  *[Symbol.iterator](): IterableIterator<readonly [Labels, number]> {
    for (const [key, count] of this.#counts) {
      const values = key.split("\0");
      yield [Object.fromEntries(this.#names.map((name, i) => [name, values[i]!])), count];
    }
  }
}

const labelsOf = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`))}"`)
    .join(",");
