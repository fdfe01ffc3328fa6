import { type Schema, Validator } from "@cfworker/json-schema";
import { Validator as OpenApiValidator } from "@seriousme/openapi-schema-validator";
import { describe, expect, test } from "vitest";
import { type OpenApiOperation, openapiDocument } from "./openapi.ts";
import { needOf } from "./rights.ts";
import { ROUTES, type Route } from "./routes.ts";

const document = openapiDocument({ version: "1.2.3" });
const rows: readonly Route[] = ROUTES;
const operation = (route: Pick<Route, "method" | "path">): OpenApiOperation => {
  const found = (document.paths[route.path] as Record<string, OpenApiOperation>)[route.method.toLowerCase()];
  return found ?? expect.fail(`${route.method} ${route.path} is missing`);
};

/** Every object within a JSON value. */
function* objects(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const inner of Object.values(value)) yield* objects(inner);
}

const validatorOf = (schema: object) =>
  new Validator({ ...schema, components: document.components } as Schema, "2020-12", false);
const contentOf = (media: Record<string, { schema: object; example?: unknown }> | undefined) =>
  Object.values(media ?? {})[0];

describe("the OpenAPI document", () => {
  test("is valid OpenAPI 3.1 by an independent validator", async () => {
    const checked = await new OpenApiValidator().validate(JSON.parse(JSON.stringify(document)));
    expect(checked).toMatchObject({ valid: true });
  });

  test.each(
    rows.map((row) => [row.operation, row] as const),
  )("has an example of %s that fits its schemas", (_, row) => {
    const described = operation(row);
    for (const parameter of described.parameters.filter((p) => p.in === "path")) expect(parameter.example).toBeTruthy();
    const parts = {
      request: contentOf(described.requestBody?.content),
      response: contentOf(described.responses[row.success]?.content),
    };
    const wanted = {
      request: row.body !== undefined,
      response: row.kind === "json" && row.unavailable === undefined && row.operation !== "getOpenApi",
    };
    for (const part of ["request", "response"] as const) {
      const content = parts[part];
      if (wanted[part]) expect(content?.example, part).toBeDefined();
      if (content?.example === undefined) continue;
      const { valid, errors } = validatorOf(content.schema).validate(content.example as never);
      expect(valid ? [] : errors).toEqual([]);
      const zod = part === "request" ? row.body : row.response;
      expect(zod?.safeParse(content.example).error?.issues ?? []).toEqual([]);
    }
  });

  test("is version 3.1, carries the server's version, and is plain JSON", () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toMatchObject({ title: "Sirocco", version: "1.2.3" });
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });

  test.each(rows.map((row) => [row.operation, row] as const))("describes %s", (name, row) => {
    const described = operation(row);
    expect(described.operationId).toBe(name);
    expect(described.security).toEqual(row.auth ? [{ bearer: [] }] : []);
    expect(Object.keys(described.responses)).toContain(String(row.success));

    const inPath = described.parameters.filter((parameter) => parameter.in === "path");
    expect(inPath.map((parameter) => `{${parameter.name}}`)).toEqual(row.path.match(/\{\w+\}/g) ?? []);
    expect(inPath.every((parameter) => parameter.required)).toBe(true);
    const names = described.parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
    expect(new Set(names).size).toBe(names.length);

    expect(described.requestBody?.required).toBe(row.body ? !row.optionalBody : undefined);
    const content = described.responses[row.success]?.content;
    const media = {
      json: ["application/json"],
      sse: ["text/event-stream"],
      empty: [],
      file: ["application/vnd.sqlite3"],
    }[row.kind];
    expect(Object.keys(content ?? {})).toEqual(media);
    for (const error of ["400", "500", "503"]) expect(Object.keys(described.responses)).toContain(error);
    expect("304" in described.responses).toBe(row.cache !== undefined);
    expect("501" in described.responses).toBe(row.unavailable !== undefined || name === "createBackup");
    expect(described["x-unavailable"]).toBe(row.unavailable);
    expect(described["x-right"]).toBe(row.auth ? needOf(row) : undefined);
    expect("403" in described.responses).toBe(row.auth && needOf(row) !== "any");
  });

  test("has no path or method beyond the table", () => {
    const described = Object.values(document.paths).flatMap((item) => Object.keys(item));
    expect(described.length).toBe(rows.length);
  });

  test("refers only to schemas that it has, and to each of them", () => {
    const pointed = new Set([...objects(document)].map((object) => object.$ref).filter((ref) => ref !== undefined));
    const present = new Set(Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`));
    expect(present).toEqual(pointed);
  });

  test("forbids unknown keys only where the server refuses a request for them", () => {
    const strict = Object.entries(document.components.schemas)
      .filter(([, schema]) => [...objects(schema)].some((object) => object.additionalProperties === false))
      .map(([name]) => name);
    expect(strict.sort()).toEqual([
      "CreateJobRequest",
      "CreateKeyRequest",
      "HardenRequest",
      "HoldRequest",
      "JobFilter",
      "PromoteRequest",
      "ReleaseRequest",
      "RollBackRequest",
      "ScheduleBackfillRequest",
      "SchedulePreviewRequest",
    ]);
  });

  test("states types, limits and defaults of query parameters", () => {
    const { parameters } = operation({ method: "GET", path: "/v1/workflows/runs" });
    const of = (name: string) => parameters.find((parameter) => parameter.name === name);
    expect(of("page_size")).toMatchObject({
      in: "query",
      required: false,
      schema: { type: "integer", minimum: 1, maximum: 1000, default: 50 },
    });
    expect(of("start_time_after")?.schema).toEqual({ type: "string", format: "date-time" });
    expect(of("workflow_tags")?.schema).toMatchObject({ type: "array", maxItems: 20 });
  });

  test("describes answers with every key required, null where it may be null", () => {
    const execution = document.components.schemas.WorkflowExecutionResponse as {
      properties: Record<string, unknown>;
      required: string[];
    };
    expect(execution.required.sort()).toEqual(Object.keys(execution.properties).sort());
    expect(execution.properties.end_time).toMatchObject({ anyOf: [{ format: "date-time" }, { type: "null" }] });
  });
});
