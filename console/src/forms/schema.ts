/** Reads JSON schemas for forms: follows references, tells what a form can show, and makes the first value. */

export type Schema = { readonly [key: string]: unknown };

export const isSchema = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Follows `$ref` inside the document. A reference that leads nowhere, or in a circle, is any value. */
export function resolve(schema: Schema, root: Schema): Schema {
  let at = schema;
  for (let steps = 0; typeof at.$ref === "string" && steps < 20; steps++) {
    const { $ref, ...beside } = at;
    const target = find(root, $ref as string);
    if (!target) return {};
    at = { ...target, ...beside };
  }
  return typeof at.$ref === "string" ? {} : at;
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

/** What a form shows for a schema. `json`: a text field, because no other control can hold every value that fits. */
export type Control =
  | { readonly kind: "text" | "number" | "boolean" | "json" }
  | { readonly kind: "choice"; readonly options: readonly { readonly value: unknown; readonly title: string }[] }
  | { readonly kind: "nullable"; readonly inner: Schema }
  | { readonly kind: "variants"; readonly variants: readonly Schema[] }
  | {
      readonly kind: "object";
      readonly properties: readonly (readonly [name: string, schema: Schema])[];
      readonly required: ReadonlySet<string>;
    }
  | { readonly kind: "record"; readonly values: Schema }
  | { readonly kind: "list"; readonly items: Schema };

const titleOf = (schema: Schema, value: unknown): string =>
  typeof schema.title === "string" ? schema.title : typeof value === "string" ? value : JSON.stringify(value);

export function controlOf(given: Schema, root: Schema): Control {
  const schema = resolve(given, root);
  if (Array.isArray(schema.enum)) {
    return { kind: "choice", options: schema.enum.map((value) => ({ value, title: titleOf({}, value) })) };
  }
  if ("const" in schema)
    return { kind: "choice", options: [{ value: schema.const, title: titleOf(schema, schema.const) }] };
  const any = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(any)) return variantsOf(any.filter(isSchema), root);
  if (Array.isArray(schema.allOf) || schema.not !== undefined || schema.if !== undefined) return { kind: "json" };
  const type = Array.isArray(schema.type) ? schema.type : [schema.type];
  if (type.length === 2 && type.includes("null")) {
    return { kind: "nullable", inner: { ...schema, type: type.find((one) => one !== "null") } };
  }
  if (type.length > 1) return { kind: "json" };
  switch (type[0]) {
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
      return isSchema(schema.items) && !schema.prefixItems ? { kind: "list", items: schema.items } : { kind: "json" };
    case "object": {
      if (isSchema(schema.properties)) {
        const properties = Object.entries(schema.properties).filter((entry): entry is [string, Schema] =>
          isSchema(entry[1]),
        );
        return {
          kind: "object",
          properties,
          required: new Set(Array.isArray(schema.required) ? (schema.required as string[]) : []),
        };
      }
      return isSchema(schema.additionalProperties)
        ? { kind: "record", values: schema.additionalProperties }
        : { kind: "json" };
    }
    default:
      return { kind: "json" };
  }
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
      return [];
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
    default:
      return null;
  }
}
