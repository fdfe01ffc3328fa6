/**
 * Checking inputs against the JSON Schemas that workers register. The validator interprets schemas instead of compiling
 * them to code: they come from outside. Problems are answered in the list form of a 422.
 */
import { dereference, type OutputUnit, type Schema, Validator } from "@cfworker/json-schema";
import type { DetailItem } from "../protocol/http/detail.ts";

interface Compiled {
  /** Stops at the first problem. */
  readonly quick: Validator;
  /** Finds all. */
  readonly full: Validator;
}

const MOST = 500;
/** By the text of the schema: definitions are read from the store as fresh objects each time. */
const cache = new Map<string, Compiled>();

function compiled(schema: Record<string, unknown>): Compiled {
  const text = JSON.stringify(schema);
  const known = cache.get(text);
  if (known) return known;
  const own = JSON.parse(text) as Schema; // the validator marks the objects it is given
  const fresh = { quick: new Validator(own, "2020-12", true), full: new Validator(own, "2020-12", false) };
  if (cache.size >= MOST) cache.delete(cache.keys().next().value as string);
  cache.set(text, fresh);
  return fresh;
}

/** The problems of an input, none = it fits. Absent or null is no input at all: it fits where `{}` or null does. */
export function inputProblems(schema: Record<string, unknown>, input: unknown): DetailItem[] {
  try {
    const { quick, full } = compiled(schema);
    if (input === null && quick.validate(null).valid) return [];
    const value = input ?? {};
    if (quick.validate(value).valid) return [];
    const leaves = leavesOf(full.validate(value).errors);
    return leaves.slice(0, 50).map((unit) => itemOf(unit, ["body", "input"]));
  } catch {
    return []; // a schema that runs in circles, which registration could not see: the worker checks the input as well
  }
}

/** Why this is no JSON Schema that inputs can be checked against; null = it is one. */
export function schemaProblem(schema: Record<string, unknown>): string | null {
  try {
    const lookup = dereference(JSON.parse(JSON.stringify(schema)) as Schema);
    for (const part of Object.values(lookup)) {
      if (typeof part !== "object") continue;
      const { $ref, __absolute_ref__: target, pattern, patternProperties } = part;
      if ($ref !== undefined && lookup[target ?? $ref] === undefined) return `there is nothing at ${$ref}`;
      if (pattern !== undefined) new RegExp(pattern, "u");
      for (const key of Object.keys(patternProperties ?? {})) new RegExp(key, "u");
    }
    compiled(schema).full.validate({});
    return null;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/** The validator also reports every object around a problem; only the innermost say what is wrong. */
function leavesOf(units: readonly OutputUnit[]): OutputUnit[] {
  const leaves = units.filter(
    (unit) =>
      !units.some(
        (other) =>
          other.keywordLocation !== unit.keywordLocation && isInside(other.keywordLocation, unit.keywordLocation),
      ) && !isSummary(unit, units),
  );
  return leaves.length > 0 ? leaves : units.slice(0, 1);
}

const isInside = (inner: string, outer: string) => inner.startsWith(`${outer}/`);
/** `additionalProperties: false` is told twice, once by the place of the key itself. */
const isSummary = (unit: OutputUnit, units: readonly OutputUnit[]) =>
  SUMMARIES.has(unit.keyword) &&
  units.some((other) => other !== unit && isInside(other.instanceLocation, unit.instanceLocation));
const SUMMARIES = new Set(["properties", "items", "prefixItems", "additionalProperties", "unevaluatedProperties"]);

function itemOf(unit: OutputUnit, loc: readonly (string | number)[]): DetailItem {
  const place = [...loc, ...pathOf(unit.instanceLocation)];
  if (unit.keyword === "required") {
    const name = /property "(.*)"/.exec(unit.error)?.[1];
    return { loc: name === undefined ? place : [...place, name], msg: "Field required", type: "missing" };
  }
  if (unit.keyword === "false") {
    return { loc: place, msg: "This field is not part of the schema", type: "extra_forbidden" };
  }
  return { loc: place, msg: unit.error, type: unit.keyword };
}

/** `#/items/0/a~1b` -> `["items", 0, "a/b"]`. */
function pathOf(pointer: string): (string | number)[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^(0|[1-9]\d*)$/.test(part) ? Number(part) : part));
}
