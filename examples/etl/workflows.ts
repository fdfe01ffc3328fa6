/** A fan-out: a list of files is split into partitions, each a child execution, and their sums are added up. */
import { activity, child, parallel, workflow } from "@sirocco/sdk";
import * as z from "zod";

const File = z.object({ file: z.string() });

export const list = activity(
  { name: "list", input: z.object({ day: z.string() }), output: z.array(z.string()) },
  ({ day }) => Array.from({ length: 25 }, (_, n) => `${day}/${n}.csv`),
);
export const extract = activity(
  { name: "extract", input: File, output: z.array(z.number()), retry: { maxAttempts: 5, first: "1s" } },
  ({ file }) => [file.length, 1],
);
export const load = activity(
  { name: "load", input: z.object({ part: z.int(), rows: z.int(), sum: z.number() }) },
  async () => {},
);

const Totals = z.object({ rows: z.int(), sum: z.number() });

/** A partition has a history of its own, so the parent's stays short however many files there are. */
export const partition = workflow(
  { name: "partition", input: z.object({ part: z.int(), files: z.array(z.string()) }), output: Totals },
  async ({ part, files }) => {
    const tables = await parallel(files, (file) => extract({ file }), { concurrency: 4 });
    const numbers = tables.flat();
    const totals = { rows: numbers.length, sum: numbers.reduce((a, b) => a + b, 0) };
    await load({ part, ...totals });
    return totals;
  },
);

const FILES_A_PARTITION = 10;

export const nightly = workflow(
  {
    name: "nightly",
    input: z.object({ day: z.string() }),
    output: Totals.extend({ partitions: z.int() }),
    timeout: "6h",
  },
  async ({ day }) => {
    const files = await list({ day });
    const parts = Array.from({ length: Math.ceil(files.length / FILES_A_PARTITION) }, (_, part) => ({
      part,
      files: files.slice(part * FILES_A_PARTITION, (part + 1) * FILES_A_PARTITION),
    }));
    const totals = await parallel(parts, (input) => child(partition, input), { concurrency: 3 });
    return {
      partitions: totals.length,
      rows: totals.reduce((sum, { rows }) => sum + rows, 0),
      sum: totals.reduce((all, { sum }) => all + sum, 0),
    };
  },
);
