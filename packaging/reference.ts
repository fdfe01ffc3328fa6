/**
 * Writes the REST reference, `docs/reference.md`, from the OpenAPI document, and `llms.txt` from the README's list of pages:
 * `npm run reference`. A test compares both with what this makes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { type OpenApiDocument, type OpenApiOperation, openapiDocument } from "../shared/protocol/openapi.ts";

const ROOT = new URL("../", import.meta.url);
type Schema = Record<string, unknown>;

/** In the order of the page; the tags of the document. */
const AREAS: Readonly<Record<string, string>> = {
  executions: "Executions, runs and jobs",
  registration: "Workflows, deployments and keys",
  streams: "Events and logs",
  schedules: "Schedules",
  system: "Server",
};

export function reference(): string {
  const document = openapiDocument({ version: "" });
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const parts = Object.entries(AREAS).map(([tag, title]) => {
    const rows = all.filter(({ operation }) => operation.tags[0] === tag);
    const list = rows.map(
      ({ method, path, operation }) =>
        `| [\`${method} ${path}\`](#${operation.operationId.toLowerCase()}) | ${operation.summary} |`,
    );
    const sections = rows.map(({ method, path, operation }) => section(document, method, path, operation));
    return `## ${title}\n\n| | |\n|---|---|\n${list.join("\n")}\n\n${sections.join("\n")}`;
  });
  return `# REST reference

Made from \`/openapi.json\`, which has all schemas and examples; [the API page](api.md) tells what holds for all operations: addresses, [errors](api.md#errors), starting once.
Each call needs \`Authorization: Bearer <key>\` unless it says otherwise, and each refusal is \`{"detail", "code"}\`.

${parts.join("\n")}`;
}

function section(document: OpenApiDocument, method: string, path: string, operation: OpenApiOperation): string {
  const { operationId, description, parameters, requestBody, responses } = operation;
  const right = operation["x-right"];
  const needs = right === undefined ? "Needs no key." : right === "any" ? "Any key." : `Right: \`${right}\`.`;
  const lines = [
    `### ${operationId}`,
    "",
    `\`${method} ${path}\``,
    "",
    `${description ? `${description} ` : ""}${needs}`,
    "",
  ];
  if (parameters.length > 0) {
    lines.push("| parameter | in | |", "|---|---|---|");
    for (const p of parameters) {
      const text = [p.required ? "required" : "", typeOf(p.schema), oneLine(p.description)].filter(Boolean).join("; ");
      lines.push(`| \`${p.name}\` | ${p.in} | ${text} |`);
    }
    lines.push("");
  }
  const body = requestBody?.content["application/json"];
  if (body) lines.push(...fields(document, body.schema), ...example("Body", body.example));
  const [status, answer] = Object.entries(responses).find(([code]) => code.startsWith("2"))!;
  const content = Object.values(answer.content ?? {})[0];
  lines.push(`Answers ${status}${content ? ` with ${typeOf(content.schema)}` : ""}.`, "");
  return lines.join("\n");
}

function fields(document: OpenApiDocument, schema: Schema): string[] {
  const named = schema.$ref ? schema : ((schema.anyOf as Schema[] | undefined)?.find(({ $ref }) => $ref) ?? schema);
  const found = named.$ref ? document.components.schemas[nameOf(named.$ref as string)] : named;
  const properties = Object.entries((found?.properties ?? {}) as Record<string, Schema>);
  if (properties.length === 0) return [];
  const required = new Set((found?.required ?? []) as string[]);
  const rows = properties.map(([name, of]) => {
    const text = [required.has(name) ? "required" : "", typeOf(of), oneLine(of.description)].filter(Boolean).join("; ");
    return `| \`${name}\` | ${text} |`;
  });
  return ["| field | |", "|---|---|", ...rows, ""];
}

function example(what: string, value: unknown): string[] {
  return value === undefined ? [] : [`${what}, for example:`, "", "```json", JSON.stringify(value, null, 2), "```", ""];
}

const nameOf = (ref: string): string => ref.split("/").at(-1) as string;
const oneLine = (text: unknown): string =>
  typeof text === "string" ? text.replace(/\s+/g, " ").replaceAll("|", "\\|") : "";

/** A schema in a few words. */
function typeOf(schema: Schema): string {
  if (typeof schema.$ref === "string") return `\`${nameOf(schema.$ref)}\``;
  const options = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined;
  if (options) {
    const names = new Set(options.map(typeOf).filter(Boolean));
    return [...names].join(" or ");
  }
  const values = schema.enum as unknown[] | undefined;
  if (values) return values.length > 8 ? `one of ${values.length} values` : values.map((v) => `\`${v}\``).join(", ");
  if ("const" in schema) return `\`${schema.const}\``;
  const type = Array.isArray(schema.type) ? schema.type.join(" or ") : (schema.type as string | undefined);
  const rest = [];
  if (type === "array" && schema.items) return `list of ${typeOf(schema.items as Schema)}`;
  if (schema.minimum !== undefined && schema.maximum !== undefined && Number(schema.maximum) < 1e9)
    rest.push(`${schema.minimum} to ${schema.maximum}`);
  if (schema.maxLength !== undefined) rest.push(`at most ${schema.maxLength} characters`);
  if (schema.default !== undefined) rest.push(`default \`${JSON.stringify(schema.default)}\``);
  return [type ?? "any JSON value", ...rest].join(", ");
}

/** An index of the documents for programs that read them: https://llmstxt.org. */
export function llms(): string {
  const readme = readFileSync(new URL("README.md", ROOT), "utf8");
  const rows = [...readme.split("## Read on")[1]!.matchAll(/^\| \[([^\]]+)\]\(([^)]+)\) \| (.*) \|$/gm)];
  const list = rows.map(
    ([, title, path, text]) => `- [${title}](${path}): ${text!.replace(/\[([^\]]+)\]\([^)]+\)/g, "$1")}`,
  );
  return `# Sirocco

> Durable workflows in TypeScript and Python, on an AWS account of your own or on one machine with nothing but Node. It serves the public Workflows API of Mistral AI; the SDK is \`@sirocco/sdk\`, the command \`sirocco\`.

A workflow is a deterministic async function that is replayed; everything that reaches outside belongs into an activity. Write \`workflow\`, \`activity\`, \`signal\`, \`query\` and \`update\` with zod schemas, run them with \`runWorker\`, test them with
\`@sirocco/sdk/testing\`, call them with \`createClient\` of \`@sirocco/sdk/client\`.

## Documents

- [README](README.md): what it is, and the first steps
${list.join("\n")}

## Optional

- [Changelog](CHANGELOG.md): what each release changed
- [Contributing](CONTRIBUTING.md): tests, prose, rules
`;
}

if (import.meta.main) {
  writeFileSync(new URL("docs/reference.md", ROOT), reference());
  writeFileSync(new URL("llms.txt", ROOT), llms());
}
