/**
 * What the server will say about an input: the same reader of JSON, and the same validator with the same settings, loaded
 * when a form needs them.
 */
import { useEffect, useState } from "react";
import { writeJson } from "../api/json.ts";
import type { Schema } from "./schema.ts";

const MOST = 5;

export interface Problem {
  /** Keys and indexes that lead to the value. */
  readonly place: readonly (string | number)[];
  readonly text: string;
}

export const problemWords = ({ place, text }: Problem): string => `${place.join(".") || "value"}: ${text}`;

/** Without a schema: only of what no input may be. */
export async function problemsOf(schema: Schema | undefined, value: unknown): Promise<readonly Problem[]> {
  const [{ readJson }, { Validator }] = await Promise.all([
    import("../../../shared/protocol/json-text.ts"),
    import("@cfworker/json-schema"),
  ]);
  const read = readJson(writeJson(value));
  if ("problem" in read) return [{ place: read.problem.loc, text: read.problem.msg }];
  if (!schema) return [];
  // The validator writes into its schema, so it gets a copy.
  const { valid, errors } = new Validator(JSON.parse(JSON.stringify(schema)), "2020-12", false).validate(read.value);
  if (valid) return [];
  const deepest = errors.filter(({ keyword }) => !OUTER.has(keyword));
  return (deepest.length > 0 ? deepest : errors)
    .slice(0, MOST)
    .map(({ instanceLocation, error }) => ({ place: placeOf(instanceLocation), text: error }));
}

/** They report a problem that another report names with its place. */
const OUTER = new Set(["properties", "items", "prefixItems", "$ref", "additionalProperties", "allOf"]);

const placeOf = (pointer: string): (string | number)[] =>
  pointer
    .split("/")
    .slice(1)
    .map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^(0|[1-9]\d*)$/.test(part) ? Number(part) : part));

export function useProblems(schema: Schema | undefined, value: unknown): readonly Problem[] {
  const [problems, setProblems] = useState<readonly Problem[]>([]);
  useEffect(() => {
    if (value === undefined) {
      setProblems([]);
      return;
    }
    let isCurrent = true;
    problemsOf(schema, value).then(
      (found) => isCurrent && setProblems(found),
      () => isCurrent && setProblems([]), // a schema that the validator cannot read is the server's to refuse
    );
    return () => {
      isCurrent = false;
    };
  }, [schema, value]);
  return problems;
}
