import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FUNCTION_NAMES } from "../../shared/aws/names.ts";
import "../../localstack/lambda-runtime.cjs"; // handlers that stream need its global when they load
import { type Bundles, bundle, MAX_STATIC_BYTES } from "./bundle.ts";

describe("bundles", () => {
  let out: string;
  let made: Bundles;
  beforeAll(async () => {
    // Outside the project, where a bundle that needs a package of node_modules does not find it.
    out = await mkdtemp(path.join(tmpdir(), "sirocco-bundle-"));
    made = await bundle({ out });
  });
  afterAll(() => rm(out, { recursive: true }));

  const codeOf = async (name: string) =>
    (await readdir(path.join(out, name)))
      .filter((file) => file.endsWith(".mjs"))
      .map((file) => path.join(out, name, file));
  /** The files that Node loads with the entry. */
  async function staticFiles(name: string): Promise<string[]> {
    const found = new Set([path.join(out, name, "index.mjs")]);
    for (const file of found) {
      const code = await readFile(file, "utf8");
      for (const [, to] of code.matchAll(/(?:^|[;}])(?:import|export)\b[^;"'()]*"(\.\/[^"]+)"/gm)) {
        found.add(path.join(out, name, to!));
      }
    }
    return [...found];
  }
  const bytesOf = async (files: string[]) =>
    (await Promise.all(files.map((file) => stat(file)))).reduce((sum, { size }) => sum + size, 0);

  it("exist for every function, each with its size and source maps, and without unreachable files", async () => {
    expect(Object.keys(made.sizes).sort()).toEqual([...FUNCTION_NAMES].sort());
    for (const name of FUNCTION_NAMES) {
      const files = await codeOf(name);
      const size = made.sizes[name];
      expect(await bytesOf(files)).toBe(size.static + size.lazy);
      for (const file of files) {
        const code = await readFile(file, "utf8");
        const map = /(?:^|\n)\/\/# sourceMappingURL=(.+)\n$/.exec(code)?.[1];
        expect((await stat(path.join(out, name, map!))).size).toBeGreaterThan(0);
        for (const [, to] of code.matchAll(/import\("\.\/([^"]+)"\)/g))
          expect(files).toContain(path.join(out, name, to!));
      }
    }
  });

  it.each(FUNCTION_NAMES)("stay below the limit of a cold start: %s", async (name) => {
    expect(await bytesOf(await staticFiles(name))).toBe(made.sizes[name].static);
    expect(made.sizes[name].static).toBeLessThanOrEqual(MAX_STATIC_BYTES);
  });

  it.each(FUNCTION_NAMES)("contain all that a function needs, including the AWS SDK: %s", async (name) => {
    for (const file of await codeOf(name)) await import(file);
    const loaded = (await import(path.join(out, name, "index.mjs"))) as Record<string, unknown>;
    expect(loaded.handler).toBeTypeOf("function");
  });

  it("have source maps whose sources exist", async () => {
    const map = path.join(out, "feed", "index.mjs.map");
    const { sources } = JSON.parse(await readFile(map, "utf8")) as { sources: string[] };
    const folder = path.dirname(map);
    expect(sources.map((source) => path.resolve(folder, source))).toContain(
      path.join(import.meta.dirname, "..", "feed.ts"),
    );
  });

  it.each([
    ["the search for credentials in places that a Lambda does not have", /sso_session|AWS_CONTAINER_CREDENTIALS_/],
    ["a home folder's configuration, and the region of an EC2 machine", /AWS_CONFIG_FILE|169\.254\.169\.254/],
    ["the rest of a client's package.json", /devDependencies/],
    ["hashes in JavaScript", /1116352408|3614090360/],
    ["retries that hold back all calls for one", /lastTxRateBucket/],
    ["classes of errors that no code distinguishes", /PointInTimeRecoveryUnavailableException|QueueDeletedRecently/],
  ])("leave out of the AWS SDK %s", async (_what, sign) => {
    for (const name of FUNCTION_NAMES) {
      const all = (await Promise.all((await codeOf(name)).map((file) => readFile(file, "utf8")))).join("");
      expect(all).toContain("AWS_SESSION_TOKEN");
      expect(all).not.toMatch(sign);
    }
  });

  it("are refused with the name of a missing entry point", async () => {
    const nothing = await mkdtemp(path.join(tmpdir(), "sirocco-entries-"));
    await expect(bundle({ entries: nothing, out })).rejects.toThrow(
      /lacks executions\.ts, commands\.ts, registration\.ts/,
    );
    await rm(nothing, { recursive: true });
  });
});
