/** Texts that are marked for encryption within a payload that stays readable otherwise. */

export const MARK = "__encrypted_str__";

/** A text that `mode: "partial"` encrypts. */
export interface MarkedText {
  readonly field_type: typeof MARK;
  readonly data: string;
}

export const isMarked = (value: object): value is MarkedText =>
  "field_type" in value && value.field_type === MARK && "data" in value && typeof value.data === "string";

export function hasMark(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return isMarked(value) || Object.values(value).some(hasMark);
}

/** A copy with other texts under the marks. What lies within a mark is content. */
export function mapMarks(value: unknown, change: (data: string) => string): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => mapMarks(each, change));
  if (isMarked(value)) return { ...value, data: change(value.data) };
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapMarks(each, change)]));
}
