/** The issues of a definition, in the form of the API's 422 answers. */

import type * as z from "zod";
import { cutText } from "../../protocol/cut-text.ts";

export interface SpecIssue {
  /** Path from the definition's root. */
  readonly loc: (string | number)[];
  /** Names the field, its value and what is allowed. */
  readonly msg: string;
  readonly type: string;
  readonly input?: unknown;
}

/** `calendars[0].hour[1].start` */
function nameOf(loc: readonly (string | number)[]): string {
  if (loc.length === 0) return "the schedule";
  return loc.map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? part : `.${part}`)).join("");
}

function show(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 120 ? `${cutText(text, 117)}...` : text;
}

/** An issue about the value found at `loc`. A long value is not repeated in `input`: an answer could exceed its request. */
export function issue(loc: (string | number)[], input: unknown, rule: string, type = "value_error"): SpecIssue {
  const short = input === null || (typeof input === "string" ? input.length <= 100 : typeof input !== "object");
  return { loc, msg: `${nameOf(loc)} is ${show(input)}; ${rule}`, type, ...(short && { input }) };
}

/** An issue about a list or text at `loc` that is too long. */
export function lengthIssue(loc: (string | number)[], length: number, unit: string, limit: number): SpecIssue {
  return { loc, msg: `${nameOf(loc)} has ${length} ${unit}; allowed are at most ${limit}`, type: "too_long" };
}

/** Issues that one answer lists; the first ones say enough. */
const LISTED = 50;

export function firstIssues(issues: readonly SpecIssue[]): SpecIssue[] {
  return issues.slice(0, LISTED);
}

const EXPECTED: Readonly<Record<string, string>> = {
  int: "allowed is a whole number",
  number: "allowed is a whole number",
  string: "allowed is a string",
  boolean: "allowed is true or false",
  array: "allowed is a list",
  object: "allowed is an object",
};

/** The issues that zod found in the shape. The definition must be parsed with `reportInput`. */
export function shapeIssues(error: z.ZodError): SpecIssue[] {
  return error.issues.map((each) => {
    const loc = each.path.map((part) => (typeof part === "number" ? part : String(part)));
    switch (each.code) {
      case "invalid_type":
        return each.input === undefined
          ? issue(loc, undefined, EXPECTED[each.expected] ?? `allowed is ${each.expected}`, "missing")
          : issue(loc, each.input, EXPECTED[each.expected] ?? `allowed is ${each.expected}`, `${each.expected}_type`);
      case "invalid_value":
        return issue(loc, each.input, each.message, "literal_error");
      default:
        return issue(loc, each.input, each.message, each.code);
    }
  });
}
