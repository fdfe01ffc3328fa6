/** The pinned queries of an execution, as its address holds them. */
import { readJson } from "../../api/json.ts";

export interface Pin {
  readonly name: string;
  readonly input: unknown;
}

const isPin = (value: unknown): value is Pin =>
  typeof value === "object" && value !== null && typeof (value as Pin).name === "string" && "input" in value;

/** What is no pin is left out. */
export function pinsOf(text: string | undefined): readonly Pin[] {
  if (text === undefined) return [];
  try {
    const value = readJson(text);
    return Array.isArray(value) ? value.filter(isPin).map(({ name, input }) => ({ name, input })) : [];
  } catch {
    return [];
  }
}
