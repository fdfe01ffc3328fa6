/** The list in the body of a 422: one item per problem, in the shape that the official clients parse. */
import type * as z from "zod";

export interface DetailItem {
  /** The place: `body`, `query` or `path`, then keys and indexes. */
  readonly loc: readonly (string | number)[];
  /** The problem, for a person. */
  readonly msg: string;
  /** The problem, for a program: a stable word such as `missing`, `enum`, `too_long`. */
  readonly type: string;
  /** The value at that place, if it is short. */
  readonly input?: unknown;
}

type Issue = z.core.$ZodIssue;

/**
 * The problems that a schema found. `input` needs a parse with `{ reportInput: true }`. It leaves out long values and
 * objects, so that no answer repeats a secret or a megabyte.
 */
export function zodToDetail(error: z.core.$ZodError, where: "body" | "query" | "path"): DetailItem[] {
  return error.issues.flatMap((issue) => items(issue, [where, ...place(issue)]));
}

function items(issue: Issue, loc: (string | number)[]): DetailItem[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      loc: [...loc, key],
      msg: `${key} is not a field here`,
      type: "extra_forbidden",
    }));
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const nearest = nearestBranch(issue.errors);
    return nearest.flatMap((inner) => items(inner, [...loc, ...place(inner)]));
  }
  if (isMissing(issue)) return [{ loc, msg: "Field required", type: "missing" }];
  const item = { loc, msg: issue.message, type: word(issue) };
  return [isShort(issue.input) ? { ...item, input: issue.input } : item];
}

/** The branch of a union that matched furthest, because the caller most likely meant that one. */
function nearestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const depth = (issues: readonly Issue[]) => Math.max(0, ...issues.map((issue) => issue.path.length));
  return branches.reduce((best, next) => (depth(next) > depth(best) ? next : best));
}

function place(issue: Issue): (string | number)[] {
  return issue.path.map((step) => (typeof step === "number" ? step : String(step)));
}

function isMissing(issue: Issue): boolean {
  return issue.code === "invalid_type" && "input" in issue && issue.input === undefined;
}

function isShort(value: unknown): boolean {
  if (typeof value === "string") return value.length <= 100;
  return typeof value === "number" || typeof value === "boolean" || value === null;
}

function word(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return `${issue.expected}_type`;
    case "too_small":
      if (issue.origin === "string") return "string_too_short";
      return issue.origin === "array" ? "too_short" : issue.inclusive === false ? "greater_than" : "greater_than_equal";
    case "too_big":
      if (issue.origin === "string") return "string_too_long";
      return issue.origin === "array" ? "too_long" : issue.inclusive === false ? "less_than" : "less_than_equal";
    case "invalid_value":
      return issue.values.length > 1 ? "enum" : "literal_error";
    case "invalid_format":
      return issue.format === "regex" ? "string_pattern_mismatch" : `${issue.format}_parsing`;
    case "invalid_union":
      return "union_tag_invalid";
    default:
      return "value_error";
  }
}
