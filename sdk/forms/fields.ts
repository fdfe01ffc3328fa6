/** Fields of a form. Their descriptions are the labels. A prefilled value is shown at first, and the field stays required. */
import * as z from "zod";
import { UsageError } from "../errors.ts";
import { present, shownAs } from "./json-schema.ts";

export interface TextOptions {
  readonly pattern?: RegExp | string;
  readonly prefilled?: string;
  /** Shown instead of the sentence about the pattern. */
  readonly errorMessage?: string;
}

export function textField(description: string, options: TextOptions = {}): z.ZodString {
  const { prefilled, errorMessage } = options;
  const pattern = options.pattern instanceof RegExp ? options.pattern.source : options.pattern;
  const schema = pattern === undefined ? z.string() : z.string().regex(new RegExp(pattern), errorMessage);
  checkPrefilled("textField()", schema, prefilled);
  return shownAs(schema, present({ type: "string", description, pattern, default: prefilled, errorMessage }));
}

export interface NumberOptions {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly prefilled?: number;
}

export function numberField(description: string, { prefilled, ...limits }: NumberOptions = {}): z.ZodNumber {
  let schema = z.number();
  if (limits.minimum !== undefined) schema = schema.gte(limits.minimum);
  if (limits.maximum !== undefined) schema = schema.lte(limits.maximum);
  if (limits.exclusiveMinimum !== undefined) schema = schema.gt(limits.exclusiveMinimum);
  if (limits.exclusiveMaximum !== undefined) schema = schema.lt(limits.exclusiveMaximum);
  checkPrefilled("numberField()", schema, prefilled);
  return shownAs(schema, present({ type: "number", description, ...limits, default: prefilled }));
}

/** A day, as `2026-01-31`. */
export function dateField(description: string, { prefilled }: { readonly prefilled?: string } = {}): z.ZodISODate {
  const schema = z.iso.date();
  checkPrefilled("dateField()", schema, prefilled);
  return shownAs(schema, present({ type: "string", format: "date", description, default: prefilled }));
}

/** A point in time, as `2026-01-31T09:30:00Z`; without an offset it is that of whoever fills the form in. */
export function dateTimeField(
  description: string,
  { prefilled }: { readonly prefilled?: string } = {},
): z.ZodISODateTime {
  const schema = z.iso.datetime({ offset: true, local: true });
  checkPrefilled("dateTimeField()", schema, prefilled);
  return shownAs(schema, present({ type: "string", format: "date-time", description, default: prefilled }));
}

function checkPrefilled(what: string, schema: z.core.$ZodType, prefilled: unknown): void {
  if (prefilled === undefined) return;
  const { error } = z.safeParse(schema, prefilled);
  if (error) throw new UsageError(`${what}: the prefilled value does not fit the field: ${error.issues[0]?.message}.`);
}

const FileWithMetadata = z.object({ filename: z.string(), url: z.url(), content_type: z.string() });
export type FileWithMetadata = z.output<typeof FileWithMetadata>;

const FILE = { type: "string", format: "uri", title: "File" } as const;
const FILE_WITH_METADATA = {
  title: "FileWithMetadata",
  type: "object",
  properties: {
    filename: { type: "string" },
    url: { type: "string", format: "uri" },
    content_type: { type: "string" },
  },
  required: ["filename", "url", "content_type"],
} as const;

/** An uploaded file: its URL. */
export const fileField = (description: string): z.ZodURL => shownAs(z.url(), { ...FILE, description });
/** Uploaded files: their URLs. */
export const filesField = (description: string): z.ZodArray<z.ZodURL> =>
  shownAs(z.array(z.url()), { type: "array", items: FILE, description });
/** An uploaded file with its name and type. */
export const fileWithMetadataField = (description: string): typeof FileWithMetadata =>
  shownAs(FileWithMetadata.clone(), { ...FILE_WITH_METADATA, description });
/** Uploaded files with their names and types. */
export const filesWithMetadataField = (description: string): z.ZodArray<typeof FileWithMetadata> =>
  shownAs(z.array(FileWithMetadata), { type: "array", items: FILE_WITH_METADATA, description });
