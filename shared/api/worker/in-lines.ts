/** An answer of lines of JSON, each of which leaves as it comes. */
export interface InLines {
  readonly lines: AsyncIterable<unknown>;
}

export const isInLines = (value: unknown): value is InLines =>
  typeof value === "object" && value !== null && "lines" in value;
