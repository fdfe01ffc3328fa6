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

describe("the OpenAPI document", () => {
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
    const media = { json: ["application/json"], sse: ["text/event-stream"], empty: [] }[row.kind];
    expect(Object.keys(content ?? {})).toEqual(media);
    expect("501" in described.responses).toBe(row.unavailable !== undefined);
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
      "JobFilter",
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
