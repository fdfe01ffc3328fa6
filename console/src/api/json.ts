/** JSON whose numbers keep every digit: 3544790567247868102 and 0.23456789012345678 are shown and sent as they came. */
import { isLosslessNumber, isSafeNumber, LosslessNumber, parse, stringify } from "lossless-json";

export type Json =
  | null
  | boolean
  | number
  | string
  | LosslessNumber
  | readonly Json[]
  | { readonly [key: string]: Json };

/** Throws `SyntaxError`. */
export const readJson = (text: string): unknown =>
  parse(text, undefined, (digits) => (isSafeNumber(digits) ? Number(digits) : new LosslessNumber(digits)));

export const writeJson = (value: unknown, indent?: number): string => stringify(value, undefined, indent) ?? "null";

export const isBigNumber = isLosslessNumber;

/** Why a text is no JSON, with the place as editors count it. */
export function syntaxProblem(text: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [, position] = /at position (\d+)$/.exec(message) ?? [];
  if (position === undefined) return `This is not JSON: ${message}`;
  const before = text.slice(0, Number(position)).split("\n");
  const place = `line ${before.length}, column ${(before.at(-1) as string).length + 1}`;
  return `This is not JSON: ${message.replace(/ at position \d+$/, "")}, at ${place}`;
}
