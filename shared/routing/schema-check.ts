/**
 * Checks inputs against the JSON Schemas that workers register, and answers problems as the list of a 422. The validator
 * interprets schemas and never compiles them to code, because they come from outside. Their patterns are regular
 * expressions. Registration refuses those that backtrack exponentially (`slow-pattern.ts`). Others may still take too long
 * for a long text, so a check with patterns has a time limit.
 */
import { dereference, type OutputUnit, type Schema, Validator } from "@cfworker/json-schema";
import { withinTime } from "../lib/time-limit.ts";
import { nextTurn, pause } from "../lib/turns.ts";
import type { DetailItem } from "../protocol/detail.ts";
import { wordsFor } from "./problem-words.ts";
import { isSlow } from "./slow-pattern.ts";

interface Compiled {
  readonly schema: Schema;
  /** Stops at the first problem. */
  readonly quick: Validator;
  /** Finds all. */
  readonly full: Validator;
  /** Whether it uses regular expressions. */
  readonly patterns: boolean;
}

/** How long the patterns of a schema may hold the event loop for an input. */
export const PATTERN_LIMIT_MS = 15;
/** In so many turns of the event loop, because another process may have had the processor. Then the input is refused. */
const TURNS = 3;

const MAX_CACHED = 500;
/** By the text of the schema: the store answers fresh objects each time. */
const cache = new Map<string, Compiled>();

function compiled(schema: Record<string, unknown>): Compiled {
  const text = JSON.stringify(schema);
  const known = cache.get(text);
  if (known) return known;
  const own = JSON.parse(text) as Schema; // the validator writes into the schema
  const fresh = {
    schema: own,
    quick: new Validator(own, "2020-12", true),
    full: new Validator(own, "2020-12", false),
    patterns: /"(?:pattern|patternProperties|format)":/.test(text),
  };
  if (cache.size >= MAX_CACHED) cache.delete(cache.keys().next().value as string);
  cache.set(text, fresh);
  return fresh;
}

/** The problems of an input; none = it fits. An absent input and null fit where `{}` or null fits. */
export async function inputProblems(schema: Record<string, unknown>, input: unknown): Promise<DetailItem[]> {
  try {
    const check = compiled(schema);
    if (!check.patterns) return problemsOf(check, input);
    for (let turn = 1; ; turn++) {
      const checked = withinTime(PATTERN_LIMIT_MS, () => problemsOf(check, input));
      if (checked !== "late") return checked.value;
      if (turn === TURNS) return [TOO_SLOW];
      await nextTurn();
    }
  } catch {
    return []; // an endless $ref that registration has not found: the worker checks the input as well
  }
}

const TOO_SLOW: DetailItem = {
  loc: ["body", "input"],
  msg: `the patterns of the workflow's schema take longer than ${PATTERN_LIMIT_MS} ms for this input: shorten the input, or let the author of the workflow write patterns without nested repetition`,
  type: "pattern_too_slow",
};

function problemsOf({ quick, full, schema }: Compiled, input: unknown): DetailItem[] {
  if (input === null && quick.validate(null).valid) return [];
  const value = input ?? {};
  if (quick.validate(value).valid) return [];
  const leaves = leavesOf(full.validate(value).errors);
  return leaves.slice(0, 50).map((unit) => itemOf(unit, ["body", "input"], schema));
}

const BACKTRACKS =
  "backtracks exponentially: repeat no group that contains a repetition of the same characters, and no two alternatives that both fit";

/** Says why inputs cannot be checked against this JSON Schema; null = they can. */
export async function schemaProblem(schema: Record<string, unknown>): Promise<string | null> {
  try {
    const lookup = dereference(JSON.parse(JSON.stringify(schema)) as Schema);
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
