/** Reads JSON schemas for forms: follows references, tells what a form can show, and makes the first value. */

export type Schema = { readonly [key: string]: unknown };

export const isSchema = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const MOST_REFERENCES = 20;

/** Follows `$ref` inside the document, and takes an `allOf` together where that is one schema. A reference that leads nowhere, or in a circle, is any value. */
export function resolve(schema: Schema, root: Schema): Schema {
  let at = schema;
  for (let steps = 0; steps < MOST_REFERENCES; steps++) {
    if (typeof at.$ref === "string") {
      const { $ref, ...beside } = at;
      const target = find(root, $ref as string);
      if (!target) return {};
      at = { ...target, ...beside };
    } else if (Array.isArray(at.allOf)) {
      const { allOf, ...beside } = at;
      const together = merged([...(allOf as unknown[]), beside], root);
      if (!together) return at;
      at = together;
    } else return at;
  }
  return {};
}

function find(root: Schema, ref: string): Schema | undefined {
  if (!ref.startsWith("#")) return undefined;
  let at: unknown = root;
  for (const part of ref.slice(1).split("/").slice(1)) {
    if (!isSchema(at)) return undefined;
    at = at[decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return isSchema(at) ? at : undefined;
}

/** One schema for all of them. Undefined: two of them say different things under one key. */
function merged(parts: readonly unknown[], root: Schema): Schema | undefined {
  const all: Record<string, unknown> = {};
  for (const part of parts) {
    if (part === true) continue;
    if (!isSchema(part)) return undefined;
    const { $ref, $defs, ...own } = part;
    const target = typeof $ref === "string" ? find(root, $ref) : {};
    if (!target || "$ref" in target || "allOf" in target || "allOf" in own) return undefined;
    for (const [key, value] of Object.entries({ ...target, ...own })) {
      const before = all[key];
      if (key === "properties" && isSchema(before) && isSchema(value)) {
        if (Object.keys(value).some((name) => name in before)) return undefined;
        all[key] = { ...before, ...value };
      } else if (key === "required" && Array.isArray(before) && Array.isArray(value)) {
        all[key] = [...new Set([...before, ...value])];
      } else if (before !== undefined && !WORDS.has(key) && JSON.stringify(before) !== JSON.stringify(value)) {
        return undefined;
      } else all[key] = value;
    }
  }
  return all;
}

/** They describe a schema and refuse no value. */
const WORDS = new Set(["title", "description", "default", "examples"]);

/** What a form shows for a schema. `json`: a text field, because no other control can hold every value that fits. */
export type Control =
  | { readonly kind: "text" | "number" | "boolean" }
  | { readonly kind: "json"; readonly why: string }
  | { readonly kind: "choice"; readonly options: readonly { readonly value: unknown; readonly title: string }[] }
  | { readonly kind: "nullable"; readonly inner: Schema }
  | { readonly kind: "variants"; readonly variants: readonly Schema[] }
  | {
      readonly kind: "object";
      readonly properties: readonly (readonly [name: string, schema: Schema])[];
      readonly required: ReadonlySet<string>;
      /** The schema of fields that have no name in the schema; null: such fields are not offered. */
      readonly further: Schema | null;
    }
  | { readonly kind: "record"; readonly values: Schema }
  | { readonly kind: "list"; readonly items: Schema }
  | { readonly kind: "tuple"; readonly items: readonly Schema[] };

const json = (why: string): Control => ({ kind: "json", why });

const titleOf = (schema: Schema, value: unknown): string =>
  typeof schema.title === "string" ? schema.title : typeof value === "string" ? value : JSON.stringify(value);

/** What stands beside alternatives and does not change what fits. */
const BESIDE = new Set([...WORDS, "anyOf", "oneOf", "$defs", "definitions", "$schema", "$id", "discriminator"]);
/** What says that two schemas hold at once, or one under a condition. */
const COMBINING = ["not", "if", "patternProperties", "dependentSchemas", "unevaluatedItems", "contains", "$dynamicRef"];

export function controlOf(given: Schema, root: Schema): Control {
  const schema = resolve(given, root);
  if (Array.isArray(schema.enum)) {
    return { kind: "choice", options: schema.enum.map((value) => ({ value, title: titleOf({}, value) })) };
  }
  if ("const" in schema)
    return { kind: "choice", options: [{ value: schema.const, title: titleOf(schema, schema.const) }] };
  const combining = COMBINING.find((keyword) => schema[keyword] !== undefined);
  if (combining) return json(`its schema uses '${combining}'`);
  if (Array.isArray(schema.allOf)) return json("its schema joins several with 'allOf'");
  const any = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(any)) {
    const strange = Object.keys(schema).find(
      (key) => !BESIDE.has(key) && !(key === "type" && schema.type === "object"),
    );
    if (strange) return json(`its schema has alternatives beside '${strange}'`);
    return variantsOf(any.filter(isSchema), root);
  }
  const types = typesOf(schema);
  if (types.length === 2 && types.includes("null")) {
    return { kind: "nullable", inner: { ...schema, type: types.find((one) => one !== "null") } };
  }
  if (types.length > 1) return { kind: "variants", variants: types.map((type) => ({ ...schema, type, title: type })) };
  switch (types[0]) {
    case "string":
      return { kind: "text" };
    case "integer":
    case "number":
      return { kind: "number" };
    case "boolean":
      return { kind: "boolean" };
    case "null":
      return { kind: "choice", options: [{ value: null, title: "null" }] };
    case "array":
      return listOf(schema);
    case "object":
      return objectOf(schema);
    default:
      return json("its schema allows any value");
  }
}

function typesOf(schema: Schema): readonly unknown[] {
  if (Array.isArray(schema.type)) return schema.type;
  if (schema.type !== undefined) return [schema.type];
  if (isSchema(schema.properties)) return ["object"];
  return isSchema(schema.items) ? ["array"] : [];
}

function listOf({ items, prefixItems }: Schema): Control {
  if (Array.isArray(prefixItems)) {
    if (items !== undefined && items !== false) return json("its schema has more items after the first ones");
    return { kind: "tuple", items: prefixItems.map((one) => (isSchema(one) ? one : {})) };
  }
  return { kind: "list", items: isSchema(items) ? items : {} };
}

function objectOf({ properties, required, additionalProperties }: Schema): Control {
  const further = isSchema(additionalProperties) ? additionalProperties : null;
  if (isSchema(properties)) {
    const named = Object.entries(properties).flatMap(([name, one]): [string, Schema][] =>
      isSchema(one) ? [[name, one]] : one === true ? [[name, {}]] : [],
    );
    const names = Array.isArray(required) ? (required as string[]) : [];
    // A required field without a schema of its own may have any value.
    const others = names.filter((name) => !(name in properties)).map((name): [string, Schema] => [name, further ?? {}]);
    return { kind: "object", properties: [...named, ...others], required: new Set(names), further };
  }
  return further ? { kind: "record", values: further } : json("its schema names no fields");
}

function variantsOf(variants: readonly Schema[], root: Schema): Control {
  const resolved = variants.map((one) => resolve(one, root));
  if (resolved.every((one) => "const" in one)) {
    return { kind: "choice", options: resolved.map((one) => ({ value: one.const, title: titleOf(one, one.const) })) };
  }
  const others = variants.filter((_, i) => resolved[i]?.type !== "null");
  if (others.length === 1 && others.length < variants.length) return { kind: "nullable", inner: others[0] as Schema };
  return { kind: "variants", variants };
}

/** The value with which a form begins: defaults, and what is required. `undefined`: the field is left out. */
export function firstValue(given: Schema, root: Schema, depth = 0): unknown {
  const schema = resolve(given, root);
  if ("default" in schema) return schema.default;
  const control = controlOf(schema, root);
  if (depth > 12) return null;
  switch (control.kind) {
    case "object": {
      const value: Record<string, unknown> = {};
      for (const [name, property] of control.properties) {
        const isGiven = control.required.has(name) || "default" in resolve(property, root);
        if (isGiven) value[name] = firstValue(property, root, depth + 1);
      }
      return value;
    }
    case "record":
      return {};
    case "list":
      return Array.from({ length: Math.min(100, whole(schema.minItems)) }, () =>
        firstValue(control.items, root, depth + 1),
      );
    case "tuple":
      return control.items.map((one) => firstValue(one, root, depth + 1));
    case "text":
      return "";
    case "number":
      return typeof schema.minimum === "number" ? schema.minimum : 0;
    case "boolean":
      return false;
    case "choice":
      return control.options[0]?.value ?? null;
    case "variants":
      return firstValue(control.variants[0] as Schema, root, depth + 1);
    case "json":
      return schema.type === "object" ? {} : null;
    case "nullable":
      return null;
  }
}

const whole = (value: unknown): number => (typeof value === "number" && value > 0 ? Math.floor(value) : 0);
