/** Compares the bundles' form of zod with the classic one, for every schema that parses input from outside. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type * as z from "zod";
import * as history from "../../shared/protocol/history.ts";
import * as events from "../../shared/protocol/http/events.ts";
import * as ids from "../../shared/protocol/ids.ts";
import * as routes from "../../shared/protocol/routes.ts";
import * as worker from "../../shared/protocol/worker.ts";
import * as definition from "../../shared/schedule/rules/definition.ts";
import { forSchemas } from "./schemas.ts";

const sources = { definition, events, history, ids, routes, worker };
type Sources = typeof sources;
const FILES: Record<keyof Sources, string> = {
  definition: "schedule/rules/definition.ts",
  events: "protocol/http/events.ts",
  history: "protocol/history.ts",
  ids: "protocol/ids.ts",
  routes: "protocol/routes.ts",
  worker: "protocol/worker.ts",
};

let folder: string;
let bundled: Sources;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "sirocco-zod-"));
  const lines = Object.entries(FILES).map(
    ([name, file]) =>
      `export * as ${name} from ${JSON.stringify(path.join(import.meta.dirname, "..", "..", "shared", file))};`,
  );
  await writeFile(path.join(folder, "entry.ts"), lines.join("\n"));
  const outfile = path.join(folder, "schemas.mjs");
  await build({
    entryPoints: [path.join(folder, "entry.ts")],
    bundle: true,
    format: "esm",
    platform: "node",
    plugins: [...forSchemas],
    outfile,
    logLevel: "warning",
  });
  bundled = (await import(outfile)) as Sources;
});
afterAll(() => rm(folder, { recursive: true }));

/** By name: bodies and queries of both tables, and every exported schema. */
function schemasOf(of: Sources): Map<string, z.ZodType> {
  const found = new Map<string, z.ZodType>();
  for (const route of of.routes.ROUTES as readonly routes.Route[]) {
    for (const part of ["query", "body"] as const) {
      const schema = route[part];
      if (schema) found.set(`${route.operation}.${part}`, schema);
    }
  }
  for (const [name, { body }] of Object.entries(of.worker.WORKER_ROUTES)) found.set(`worker.${name}`, body);
  for (const module of [of.definition, of.events, of.history, of.ids, of.worker]) {
    for (const [name, value] of Object.entries(module)) {
      if (typeof value === "object" && value !== null && "_zod" in value)
        found.set(name, value as unknown as z.ZodType);
    }
  }
  return found;
}

const TEXTS = [
  "",
  " ",
  "x",
  "a-b_c",
  "17",
  "deployments",
  "key:value",
  "2026-01-31T09:30:00Z",
  "2026-01-31",
  "{}",
  "local:0198c0de-0000-7000-8000-000000000001",
];
const junk = fc.constantFrom<unknown>(
  null,
  undefined,
  true,
  -1,
  0,
  1.5,
  1e16,
  ...TEXTS,
  "y".repeat(300),
  [],
  [1],
  {},
  { k: 1 },
);

interface Definition {
  readonly type: string;
  readonly shape?: Record<string, z.ZodType>;
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly innerType?: z.ZodType;
  readonly in?: z.ZodType;
  readonly items?: readonly z.ZodType[];
  readonly options?: readonly z.ZodType[];
  readonly values?: readonly unknown[];
  readonly entries?: Record<string, unknown>;
  readonly getter?: () => z.ZodType;
}

/** Values that mostly fit the schema, with a wrong value in some places. */
function near(schema: z.ZodType, depth = 0): fc.Arbitrary<unknown> {
  if (depth > 8) return junk;
  const def = schema.def as unknown as Definition;
  const inside = (one: z.ZodType) => near(one, depth + 1);
  const fitting = (): fc.Arbitrary<unknown> => {
    if (def.shape) {
      const fields = Object.entries(def.shape).map(([key, field]) => [key, inside(field)] as const);
      const known = fc.record(Object.fromEntries(fields), { noNullPrototype: true });
      const stranger = fc.dictionary(fc.constantFrom("stranger", "k"), junk, { maxKeys: 1, noNullPrototype: true });
      return fc.tuple(known, stranger).map(([a, b]) => ({ ...b, ...a }));
    }
    if (def.element) return fc.array(inside(def.element), { maxLength: 3 });
    if (def.items) return fc.tuple(...def.items.map(inside));
    if (def.valueType) return fc.dictionary(fc.constantFrom("k", "some.key"), inside(def.valueType), { maxKeys: 2 });
    if (def.options) return fc.oneof(...def.options.map(inside));
    if (def.values) return fc.constantFrom(...def.values);
    if (def.entries) return fc.constantFrom(...Object.values(def.entries));
    if (def.innerType) return inside(def.innerType);
    if (def.in) return inside(def.in);
    if (def.type === "lazy") return junk;
    if (def.type === "boolean") return fc.boolean();
    if (def.type === "number") return fc.constantFrom(1, 2, 1_700_000_000_000, 0, -3, 2.5, 100_000);
    if (def.type === "string") {
      return fc.oneof(
        fc.constantFrom(...TEXTS, "b".repeat(40)),
        fc.uuid({ version: 7 }),
        fc.date({ noInvalidDate: true }).map(String),
      );
    }
    return junk;
  };
  return fc.oneof({ weight: 12, arbitrary: fitting() }, { weight: 1, arbitrary: junk });
}

/** The parts of a result that our code reads. */
function outcomeOf(schema: z.ZodType, value: unknown): unknown {
  const { success, data, error } = schema.safeParse(value, { reportInput: true });
  return JSON.parse(JSON.stringify({ success, data: data ?? null, issues: error?.issues ?? [] }));
}

test("both forms accept and refuse the same values, with the same messages", () => {
  const classic = schemasOf(sources);
  const small = schemasOf(bundled);
  expect([...small.keys()].sort()).toEqual([...classic.keys()].sort());
  expect(classic.size).toBeGreaterThan(80);
  let taken = 0;
  for (const [name, schema] of classic) {
    const values = fc.sample(near(schema), { numRuns: 60, seed: 7 });
    for (const value of values) {
      const expected = outcomeOf(schema, value) as { success: boolean };
      if (expected.success) taken += 1;
      expect(outcomeOf(small.get(name)!, value), `${name} of ${JSON.stringify(value)}`).toEqual(expected);
    }
  }
  expect(taken).toBeGreaterThan(500);
});
