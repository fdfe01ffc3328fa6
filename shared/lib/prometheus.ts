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

  value(name: keyof T & string, labels: Labels | string, value: number): void {
    this.#line(name, name, typeof labels === "string" ? labels : labelsOf(labels), value);
  }

  histogram(name: keyof T & string, labels: Labels | string, { read }: Histogram): void {
    const own = typeof labels === "string" ? labels : labelsOf(labels);
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

/** Values by their labels, which only grow. */
export class Counter {
  readonly #values = new Map<string, number>();

  add(labels: Labels): void {
    const key = labelsOf(labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + 1);
  }

  /** Labels as they are written. */
  get values(): Iterable<readonly [labels: string, value: number]> {
    return this.#values;
  }
}

const labelsOf = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`))}"`)
    .join(",");
