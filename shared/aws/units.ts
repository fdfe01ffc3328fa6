/** Sizes and units of items, by DynamoDB's rules, and the totals that batches carry. */
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { Item } from "./table.ts";

/** Running totals of the log of a run. */
export interface Used {
  readonly writes: number;
  readonly reads: number;
  readonly tasks: number;
  readonly calls: number;
}
const WRITE_BYTES = 1024;
export const writeUnits = (bytes: number): number => Math.max(1, Math.ceil(bytes / WRITE_BYTES));

export function itemBytes(item: Item): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(item)) bytes += Buffer.byteLength(name) + valueBytes(value);
  return bytes;
}
function valueBytes({ S, N, B, M }: AttributeValue): number {
  if (S !== undefined) return Buffer.byteLength(S);
  if (N !== undefined) return Math.ceil(N.length / 2) + 1;
  if (B !== undefined) return B.length;
  return M === undefined ? 1 : 3 + itemBytes(M) + Object.keys(M).length;
}

export const usedText = ({ writes, reads, tasks, calls }: Used): string => `${writes} ${reads} ${tasks} ${calls}`;
export const plus = (a: Used, b: Partial<Used>): Used => ({
  writes: a.writes + (b.writes ?? 0),
  reads: a.reads + (b.reads ?? 0),
  tasks: a.tasks + (b.tasks ?? 0),
  calls: a.calls + (b.calls ?? 0),
});

/** Absent: nothing. */
export function usedIn(text: string | undefined): Used {
  const [writes = 0, reads = 0, tasks = 0, calls = 0] = (text ?? "").split(" ").map(Number);
  return { writes, reads, tasks, calls };
}
