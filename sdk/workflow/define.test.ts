import { describe, expect, test } from "vitest";
import * as z from "zod";
import { WorkflowDefinition } from "../../shared/protocol/worker.ts";
import { query, signal, update, workflow } from "../index.ts";
import { definitionOf } from "./definitions.ts";
import { unwrapResult, wrapResult } from "./result.ts";

describe("the registration of a workflow", () => {
  test("carries names, schemas, handlers and limits", () => {
    const order = workflow(
      {
        name: "order",
        title: "Order",
        description: "Takes an order.",
        input: z.object({ id: z.string(), size: z.int().default(1), at: z.coerce.date().optional() }),
        output: z.object({ total: z.number() }),
        timeout: "2h",
        searchKeys: ["id"],
        handlers: [
          signal("approve", z.object({ by: z.string() }), { description: "Lets it go on." }),
          query("status", z.string()),
          update("set", z.object({ n: z.number() }), z.object({ was: z.number() })),
        ],
      },
      async () => ({ total: 1 }),
    );
    const definition = definitionOf(order);
    expect(definition).toEqual({
      name: "order",
      display_name: "Order",
      description: "Takes an order.",
      input_schema: {
        type: "object",
        properties: {
          id: { type: "string" },
          size: { type: "integer", default: 1, minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
          at: { type: "string", format: "date-time" },
        },
        required: ["id"],
      },
      output_schema: {
        type: "object",
        properties: { total: { type: "number" } },
        required: ["total"],
        additionalProperties: false,
      },
      signals: [
        {
          name: "approve",
          description: "Lets it go on.",
          input_schema: { type: "object", properties: { by: { type: "string" } }, required: ["by"] },
        },
      ],
      queries: [
        {
          name: "status",
          description: null,
          input_schema: { type: "object", properties: {} },
          output_schema: { type: "object", properties: { result: { type: "string" } }, required: ["result"] },
        },
      ],
      updates: [
        {
          name: "set",
          description: null,
          input_schema: { type: "object", properties: { n: { type: "number" } }, required: ["n"] },
          output_schema: {
            type: "object",
            properties: { was: { type: "number" } },
            required: ["was"],
            additionalProperties: false,
          },
        },
      ],
      enforce_determinism: true,
      is_technical: false,
      execution_timeout: 7200,
      search_keys: ["id"],
      schedules: [],
    });
    expect(WorkflowDefinition.parse(definition)).toEqual(definition);
  });

  test("of a workflow without options carries the defaults", () => {
    const bare = definitionOf(workflow({ name: "bare" }, async () => 1));
    expect(bare).toMatchObject({
      display_name: null,
      input_schema: { type: "object" },
      output_schema: null,
      execution_timeout: 3600,
      enforce_determinism: true,
    });
    const free = definitionOf(workflow({ name: "free", timeout: null, deterministic: false }, async () => 1));
    expect(free).toMatchObject({ execution_timeout: null, enforce_determinism: false });
  });

  test("an interactive workflow carries the reserved handlers", () => {
    const definition = definitionOf(workflow({ name: "ask", interactive: true }, async () => 1));
    expect(definition.queries.map((q) => q.name)).toEqual(["__get_pending_inputs"]);
    expect(definition.updates.map((u) => u.name)).toEqual(["__submit_input"]);
    expect(WorkflowDefinition.parse(definition)).toEqual(definition);
  });

  test("a strict input stays strict, and a wrapped result keeps the definitions that it references", () => {
    const Tree = z.object({
      value: z.number(),
      get children() {
        return z.array(Tree);
      },
    });
    const tree = definitionOf(
      workflow({ name: "tree", input: z.strictObject({ a: z.string() }), output: z.array(Tree) }, async () => []),
    );
    expect(tree.input_schema).toMatchObject({ additionalProperties: false });
    expect(tree.output_schema).toMatchObject({ type: "object", required: ["result"], $defs: expect.anything() });
  });

  test.each([
    [{ name: "" }, "use 1 to 128"],
    [{ name: "a/b" }, "use 1 to 128"],
    [{ name: "schedules" }, "is a word of the API's own paths"],
    [{ name: "a", input: z.string() }, "the input schema must describe an object"],
    [{ name: "a", input: z.array(z.string()) }, "the input schema must describe an object"],
    [{ name: "a", output: z.object({ at: z.date() }) }, "at is a date"],
    [{ name: "a", timeout: "soon" }, 'workflow "a", timeout: "soon" is not a duration'],
    [{ name: "a", handlers: [signal("x"), signal("x")] }, 'workflow "a" declares signal "x" twice'],
    [{ name: "a", handlers: [signal("x", z.object({ at: z.date() }))] }, 'signal "x", input: JSON cannot hold'],
    [{ name: "a", searchKeys: Array.from({ length: 21 }, String) }, "at most 20 searchKeys, found 21"],
  ])("%# is refused with the reason", (options, message) => {
    expect(() => workflow(options as never, async () => null as never)).toThrow(message);
  });

  test("handler names that begin with __ are reserved", () => {
    expect(() => signal("__mine")).toThrow("names that begin with __ are reserved");
  });

  test("a query that is given its schemas as an update is refused", () => {
    expect(() => query("status", z.object({ deep: z.boolean() }), z.string() as never)).toThrow(
      'query("status", …): the schema of the input is an option: query(name, output, { input })',
    );
  });

  test("a signal, a query and an update may share a name", () => {
    expect(() =>
      workflow({ name: "a", handlers: [signal("x"), query("x"), update("x")] }, async () => {}),
    ).not.toThrow();
  });
});

describe("results", () => {
  test.each([
    [{ a: 1 }, { a: 1 }],
    [null, null],
    ["text", { result: "text" }],
    [5, { result: 5 }],
    [false, { result: false }],
    [[1], { result: [1] }],
  ])("%j is sent as %j and read back", (value, sent) => {
    expect(wrapResult(value as never)).toEqual(sent);
    expect(unwrapResult(sent, null)).toEqual(value);
  });

  test("the schema tells an object with a key `result` from a wrapped value", () => {
    expect(unwrapResult({ result: 5 }, { type: "object" })).toEqual({ result: 5 });
    expect(unwrapResult({ result: 5 }, { type: "number" })).toBe(5);
    expect(unwrapResult({ result: { a: 1 } }, null)).toEqual({ result: { a: 1 } });
    expect(unwrapResult({ result: 5, more: 1 }, null)).toEqual({ result: 5, more: 1 });
    expect(unwrapResult(null, { anyOf: [{ type: "string" }, { type: "null" }] })).toBeNull();
  });
});
