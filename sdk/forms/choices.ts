/** Choices of a form: each is a value, or a value with its label. */
import * as z from "zod";
import { UsageError } from "../errors.ts";
import { present, shownAs } from "./json-schema.ts";

export type Option<V extends string> = V | readonly [value: V, label: string];

/** Throws `UsageError` for no options, and for a value that is there twice. */
export function valuesOf<V extends string>(what: string, options: readonly Option<V>[]): V[] {
  const values = options.map((option) => (typeof option === "string" ? option : option[0]));
  if (values.length === 0) throw new UsageError(`${what} needs at least one option.`);
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined) throw new UsageError(`${what} has the option "${twice}" twice.`);
  return values;
}

const listed = (options: readonly Option<string>[]) =>
  options.map((option) =>
    typeof option === "string"
      ? { type: "string", const: option }
      : { type: "string", const: option[0], description: option[1] },
  );

export interface ChoiceOptions<V> {
  readonly description?: string;
  /** Shown as chosen at first. The field stays required. */
  readonly prefilled?: V;
}

/** One of these values. */
export function singleChoice<const V extends string>(
  options: readonly Option<V>[],
  { description, prefilled }: ChoiceOptions<V> = {},
): z.ZodType<V, V> {
  const values = valuesOf("singleChoice()", options);
  if (prefilled !== undefined && !values.includes(prefilled)) throw noOption("singleChoice()", prefilled);
  const json = present({ oneOf: listed(options), description, default: prefilled });
  return shownAs(z.enum(values as [V, ...V[]]), json) as unknown as z.ZodType<V, V>;
}

/** Some of these values, at least one, each once. */
export function multiChoice<const V extends string>(
  options: readonly Option<V>[],
  { description, prefilled }: ChoiceOptions<readonly V[]> = {},
): z.ZodType<V[], V[]> {
  const values = valuesOf("multiChoice()", options);
  const unknown = prefilled?.find((value) => !values.includes(value));
  if (unknown !== undefined) throw noOption("multiChoice()", unknown);
  const schema = z
    .array(z.enum(values as [V, ...V[]]))
    .min(1)
    .refine((chosen) => new Set(chosen).size === chosen.length, { error: "each choice may be there once" });
  const json = present({
    type: "array",
    items: { anyOf: listed(options) },
    minItems: 1,
    uniqueItems: true,
    description,
    default: prefilled,
  });
  return shownAs(schema, json) as unknown as z.ZodType<V[], V[]>;
}

const noOption = (what: string, value: string) =>
  new UsageError(`${what}: "${value}" is to be chosen at first, and is none of the options.`);
