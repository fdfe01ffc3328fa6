/** What the server's validator will say about a value: the same library, with the same settings, loaded when a form needs it. */
import { useEffect, useState } from "react";
import type { Schema } from "./schema.ts";

const MOST = 5;

export async function problemsOf(schema: Schema, value: unknown): Promise<string[]> {
  // The validator writes into its schema, so it gets a copy.
  const { Validator } = await import("@cfworker/json-schema");
  // Numbers that JavaScript does not hold exactly are objects here; the server sees them as numbers.
  const plain = JSON.parse(JSON.stringify(value, (_, one) => (isBig(one) ? Number(one.value) : one)) ?? "null");
  const { valid, errors } = new Validator(JSON.parse(JSON.stringify(schema)), "2020-12", false).validate(plain);
  if (valid) return [];
  const deepest = errors.filter(
    ({ keyword }) => !["properties", "items", "$ref", "additionalProperties"].includes(keyword),
  );
  return (deepest.length > 0 ? deepest : errors)
    .slice(0, MOST)
    .map(
      ({ instanceLocation, error }) =>
        `${instanceLocation.replace(/^#\/?/, "").replaceAll("/", ".") || "value"}: ${error}`,
    );
}

const isBig = (value: unknown): value is { value: string } =>
  typeof value === "object" && value !== null && "isLosslessNumber" in value;

export function useProblems(schema: Schema | undefined, value: unknown): readonly string[] {
  const [problems, setProblems] = useState<readonly string[]>([]);
  useEffect(() => {
    if (!schema || value === undefined) {
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
