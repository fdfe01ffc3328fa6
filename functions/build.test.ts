import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FUNCTION_NAMES } from "../infra/names.ts";
import { type Bundles, bundle } from "./build.ts";

const entries = path.join(import.meta.dirname, "..", "localstack", "test-handlers");

describe("bundles", () => {
  let out: string;
  let made: Bundles;
  beforeAll(async () => {
    // Outside the project: a bundle that needs something from node_modules does not find it there.
    out = await mkdtemp(path.join(tmpdir(), "sirocco-bundle-"));
    made = await bundle({ entries, out });
  });
  afterAll(() => rm(out, { recursive: true }));

  it("are made for every function, each with its size and a source map", async () => {
    expect(Object.keys(made.bytes).sort()).toEqual([...FUNCTION_NAMES].sort());
    for (const name of FUNCTION_NAMES) {
      expect(made.bytes[name]).toBe((await stat(path.join(out, name, "index.mjs"))).size);
      expect((await stat(path.join(out, name, "index.mjs.map"))).size).toBeGreaterThan(0);
    }
  });

  it("hold all that a handler needs, the AWS SDK included", async () => {
    const loaded = (await import(path.join(out, "registration", "index.mjs"))) as Record<string, unknown>;
    expect(loaded.handler).toBeTypeOf("function");
  });

  it("leave out the SDK's search for credentials in places that a Lambda does not have", async () => {
    const code = await readFile(path.join(out, "worker", "index.mjs"), "utf8");
    expect(code).toContain("AWS_SESSION_TOKEN");
    expect(code).not.toMatch(/sso_session|AWS_CONTAINER_CREDENTIALS_RELATIVE_URI/);
  });

  it("are not made at all when an entry point is missing, which is named", async () => {
    const nothing = await mkdtemp(path.join(tmpdir(), "sirocco-entries-"));
    await expect(bundle({ entries: nothing, out })).rejects.toThrow(/lacks executions\.ts, registration\.ts/);
    await rm(nothing, { recursive: true });
  });
});
