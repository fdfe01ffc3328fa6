/** How much work a schema makes of one value. It is counted, because a time would depend on the load of the machine. */
import type { Schema } from "@cfworker/json-schema";

/** Schemas that a validator applies to the value itself; those of properties and items go to its parts. */
const ONE = ["not", "if", "then", "else"] as const;
const MANY = ["allOf", "anyOf", "oneOf"] as const;

/**
 * How many schemas a validator visits for one value without parts. References multiply: 30 definitions that each refer to the
 * next one twice are 2^30 visits. A circle counts once: its check ends at once, where the stack does.
 * `lookup`: the answer of `dereference`.
 */
export function visitsOf(schema: Schema, lookup: Readonly<Record<string, Schema | boolean>>): number {
  const known = new Map<Schema, number>();
  const visits = (part: Schema | boolean | undefined): number => {
    if (typeof part !== "object") return 1;
    const counted = known.get(part);
    if (counted !== undefined) return counted;
    known.set(part, 0); // while it is being counted: a circle
    const { $ref, __absolute_ref__: target } = part;
    let sum = 1;
    if ($ref !== undefined) sum += visits(lookup[target ?? $ref]);
    for (const keyword of ONE) if (part[keyword] !== undefined) sum += visits(part[keyword]);
    for (const keyword of MANY) for (const each of part[keyword] ?? []) sum += visits(each);
    known.set(part, sum);
    return sum;
  };
  return visits(schema);
}
