/**
 * Checks inputs against the JSON Schemas that workers register, and answers problems as the list of a 422. The validator
 * interprets schemas and never compiles them to code, because they come from outside. Registration refuses patterns that
 * backtrack exponentially (`slow-pattern.ts`). Other patterns, references and large inputs may still take long: such a check
 * holds the event loop for 15 ms at most, then goes on in a thread with a time limit.
 */
import { dereference, type OutputUnit, type Schema, type ValidationResult, Validator } from "@cfworker/json-schema";
import { Aside } from "../lib/aside.ts";
import { counted } from "../lib/lazy.ts";
import { withinTime } from "../lib/time-limit.ts";
import { nextTurn, pause } from "../lib/turns.ts";
import type { DetailItem } from "../protocol/detail.ts";
import type { Millis } from "../protocol/history.ts";
import { wordsFor } from "./problem-words.ts";
import { visitsOf } from "./schema-visits.ts";
import { isSlow } from "./slow-pattern.ts";

interface Compiled {
  readonly schema: Schema;
  /** Stops at the first problem. */
  readonly quick: Validator;
  /** Finds all. */
  readonly full: Validator;
  readonly text: string;
  /** Whether a check takes no longer than schema and input are long. */
  readonly isPlain: boolean;
}

/** How long the check of one input may hold the event loop. */
const HOLD_MS = 15;
/** How long it may take in a thread of its own. */
export const CHECK_LIMIT_MS = 10_000;
/** An input with so many values may take longer than `HOLD_MS`, so a thread checks it at once. */
const MANY_VALUES = 10_000;
/**
 * Characters of a plain schema times values of the input. Up to here a check has no time limit, which costs a quarter of a
 * millisecond: the slowest schema, of many alternatives that each value misses, takes some 15 ms.
 */
const LITTLE_WORK = 30_000;
/** Keywords whose check may take longer than schema and input are long. */
const COSTLY = /"(?:pattern|patternProperties|format|\$ref|\$dynamicRef|\$recursiveRef|uniqueItems)":/;

const MAX_CACHED = 500;
/** By the text of the schema: a store may answer fresh objects each time. */
const cache = new Map<string, Compiled>();
/** By the object: the store on one machine answers the same one. */
const byObject = new WeakMap<object, Compiled>();

function compiled(schema: Record<string, unknown>): Compiled {
  const known = byObject.get(schema) ?? compiledByText(schema);
  byObject.set(schema, known);
  return known;
}

function compiledByText(schema: Record<string, unknown>): Compiled {
  const text = JSON.stringify(schema);
  const known = cache.get(text);
  if (known) return known;
  const own = JSON.parse(text) as Schema; // the validator writes into the schema
  const fresh = {
    schema: own,
    quick: new Validator(own, "2020-12", true),
    full: new Validator(own, "2020-12", false),
    text,
    isPlain: !COSTLY.test(text),
  };
  if (cache.size >= MAX_CACHED) cache.delete(cache.keys().next().value as string);
  cache.set(text, fresh);
  return fresh;
}

/** The problems of an input; none = it fits. An absent input and null fit where `{}` or null fits. */
export async function inputProblems(
  schema: Record<string, unknown>,
  input: unknown,
  limitMs: Millis = CHECK_LIMIT_MS,
): Promise<DetailItem[]> {
  try {
    const check = compiled(schema);
    const values = countValues(input, MANY_VALUES);
    if (check.isPlain && values * check.text.length <= LITTLE_WORK) return problemsOf(check, input);
    if (values < MANY_VALUES) {
      const checked = withinTime(HOLD_MS, () => problemsOf(check, input));
      if (checked !== "late") return checked.value;
      await nextTurn();
    }
    return await checkedAside(check, input, limitMs);
  } catch {
    return []; // an endless $ref that registration has not found: the worker checks the input as well
  }
}

/** A check for the thread: the texts of schema and input, because copies of large objects would hold the event loop. */
export interface AsideCheck {
  readonly schema: string;
  readonly input: string;
}

const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const thread = new Aside<AsideCheck, DetailItem[]>(new URL(`./schema-thread.${extension}`, import.meta.url));

const checkedAside = counted(async (check: Compiled, input: unknown, limitMs: Millis): Promise<DetailItem[]> => {
  if (!thread.isAvailable) {
    // A function on AWS, which serves one request at a time.
    const checked = withinTime(limitMs, () => problemsOf(check, input));
    return checked === "late" ? [TOO_SLOW] : checked.value;
  }
  const result = await thread.run({ schema: check.text, input: JSON.stringify(input) }, limitMs);
  if (result === "late") return [TOO_SLOW];
  return "value" in result ? result.value : [];
});

export const problemsByText = ({ schema, input }: AsideCheck): DetailItem[] =>
  problemsOf(compiled(JSON.parse(schema)), JSON.parse(input));

const TOO_SLOW: DetailItem = {
  loc: ["body", "input"],
  msg: `the check of this input against the workflow's schema takes longer than ${CHECK_LIMIT_MS / 1000} s: shorten the input, or let the author of the workflow simplify patterns, references and uniqueItems in the schema`,
  type: "check_too_slow",
};

/** Values of an input, as far as `most`. */
function countValues(value: unknown, most: number): number {
  if (typeof value !== "object" || value === null) return 1;
  let count = 1;
  for (const key in value) {
    count += countValues((value as Record<string, unknown>)[key], most - count);
    if (count >= most) break;
  }
  return count;
}

/** More problems than a client reads take time that grows with their square. */
const MAX_UNITS = 500;

function problemsOf({ quick, full, schema }: Compiled, input: unknown): DetailItem[] {
  if (input === null && quick.validate(null).valid) return [];
  const value = input ?? {};
  const first = quick.validate(value);
  if (first.valid) return [];
  // A large input may have a problem in each of its rows.
  const { errors } = countValues(value, MANY_VALUES) < MANY_VALUES ? allProblems(full, value, first) : first;
  const leaves = leavesOf(errors.slice(0, MAX_UNITS));
  return leaves.slice(0, 50).map((unit) => itemOf(unit, ["body", "input"], schema));
}

/** `first`: instead, where all are more than the stack holds. The validator passes those of a value on as arguments. */
function allProblems(full: Validator, value: unknown, first: ValidationResult): ValidationResult {
  try {
    return full.validate(value);
  } catch {
    return first;
  }
}

const BACKTRACKS =
  "backtracks exponentially: repeat no group that contains a repetition of the same characters, and no two alternatives that both fit";

/** Schemas that the check of an empty input may visit: some 20 ms. */
const MOST_VISITS = 20_000;
const SLOW_REFERENCES =
  "its check takes too long even for an empty input: let no definition refer to another one twice, again and again";

/** Says why inputs cannot be checked against this JSON Schema; null = they can. */
export async function schemaProblem(schema: Record<string, unknown>): Promise<string | null> {
  try {
    const own = JSON.parse(JSON.stringify(schema)) as Schema;
    const lookup = dereference(own);
    for (const part of Object.values(lookup)) {
      if (typeof part !== "object") continue;
      const { $ref, __absolute_ref__: target, pattern, patternProperties } = part;
      if ($ref !== undefined && lookup[target ?? $ref] === undefined) return `there is nothing at ${$ref}`;
      for (const each of [...(pattern === undefined ? [] : [pattern]), ...Object.keys(patternProperties ?? {})]) {
        new RegExp(each, "u");
        await pause(); // a schema may have thousands of patterns
        if (isSlow(each)) return `the pattern ${each} ${BACKTRACKS}`;
      }
    }
    if (visitsOf(own, lookup) > MOST_VISITS) return SLOW_REFERENCES;
    compiled(schema).full.validate({});
    return null;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/** The validator also reports every object around a problem; only the innermost reports name the problem. */
function leavesOf(units: readonly OutputUnit[]): OutputUnit[] {
  const leaves = units.filter(
    (unit) =>
      !units.some(
        (other) =>
          other.keywordLocation !== unit.keywordLocation && isInside(other.keywordLocation, unit.keywordLocation),
      ) &&
      !isSummary(unit, units) &&
      // A format says more than the pattern that stands for it.
      !(unit.keyword === "pattern" && units.some((other) => other.keyword === "format" && isSamePlace(unit, other))),
  );
  return leaves.length > 0 ? leaves : units.slice(0, 1);
}

const isSamePlace = (one: OutputUnit, other: OutputUnit) => one.instanceLocation === other.instanceLocation;
const isInside = (inner: string, outer: string) => inner.startsWith(`${outer}/`);
/** The validator reports `additionalProperties: false` twice, once at the place of the key itself. */
const isSummary = (unit: OutputUnit, units: readonly OutputUnit[]) =>
  SUMMARIES.has(unit.keyword) &&
  units.some((other) => other !== unit && isInside(other.instanceLocation, unit.instanceLocation));
const SUMMARIES = new Set(["properties", "items", "prefixItems", "additionalProperties", "unevaluatedProperties"]);

function itemOf(unit: OutputUnit, loc: readonly (string | number)[], schema: unknown): DetailItem {
  const place = [...loc, ...pathOf(unit.instanceLocation)];
  if (unit.keyword === "required") {
    const name = /property "(.*)"/.exec(unit.error)?.[1];
    return { loc: name === undefined ? place : [...place, name], msg: "Field required", type: "missing" };
  }
  return { loc: place, ...wordsFor(unit, place.at(-1)!, patternAt(schema, unit.keywordLocation)) };
}

/** The pattern that a problem is about; undefined where its place in the schema lies behind a reference. */
function patternAt(schema: unknown, location: string): string | undefined {
  let at = schema;
  for (const step of pathOf(location))
    at = typeof at === "object" && at !== null ? (at as Record<string, unknown>)[step] : at;
  return typeof at === "string" ? at : undefined;
}

/** `#/items/0/a~1b` -> `["items", 0, "a/b"]`. */
function pathOf(pointer: string): (string | number)[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^(0|[1-9]\d*)$/.test(part) ? Number(part) : part));
}
