/**
 * Builds the published package into `dist`: one ESM file per entry with a common chunk (both must share one copy of the
 * runtime), `shared/` inlined, other packages left to npm; and the declarations that the entries reach.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as esbuild from "esbuild";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SDK = join(ROOT, "sdk");
const DIST = join(SDK, "dist");
/** The oldest Node that the manifest allows. */
const TARGET = "node22.18";

export interface BuildOptions {
  /** Relative to `sdk`, such as `./index.ts`. */
  readonly entries: readonly string[];
  /** Packages that the manifest names; importing any other fails the build. */
  readonly packages: readonly string[];
}

export async function build(options: BuildOptions): Promise<void> {
  rmSync(DIST, { recursive: true, force: true });
  mkdirSync(DIST, { recursive: true });
  await Promise.all([scripts(options), declarations(options)]);
}

async function scripts({ entries, packages }: BuildOptions): Promise<void> {
  const { metafile } = await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: entries.map((entry) => join("sdk", entry)),
    outbase: "sdk",
    outdir: DIST,
    chunkNames: "chunk-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: TARGET,
    packages: "external",
    metafile: true,
    logLevel: "warning",
  });
  for (const output of Object.values(metafile.outputs)) {
    for (const { path, external } of output.imports) {
      if (!external || path.startsWith("node:") || packages.includes(packageOf(path))) continue;
      throw new Error(
        `the SDK imports '${path}', which sdk/package.json names neither under dependencies nor under peerDependencies`,
      );
    }
  }
}

/** `@scope/name/part` -> `@scope/name`. */
const packageOf = (path: string): string => path.split("/", path.startsWith("@") ? 2 : 1).join("/");

async function declarations({ entries }: BuildOptions): Promise<void> {
  const all = mkdtempSync(join(tmpdir(), "sirocco-types-"));
  try {
    const tsc = fileURLToPath(new URL("./bin/tsc", import.meta.resolve("typescript/package.json")));
    const args = ["-p", join(SDK, "scripts", "tsconfig.json"), "--outDir", all, "--rootDir", ROOT];
    await promisify(execFile)(process.execPath, [tsc, ...args]).catch((error) => {
      throw new Error(`the declarations of the SDK could not be made:\n${error.stdout}${error.stderr}`);
    });
    for (const file of reachable(entries.map((entry) => join(all, "sdk", entry.replace(/\.ts$/, ".d.ts"))))) {
      const to = join(DIST, "types", relative(all, file));
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(
        to,
        readFileSync(file, "utf8").replace(IMPORT, (text, path) => text.replace(path, toJs(path))),
      );
    }
  } finally {
    rmSync(all, { recursive: true, force: true });
  }
}

/** A relative module in `import … from "./x.ts"`, `export … from "./x.ts"` or `import("./x.ts")`. */
const IMPORT = /\b(?:from|import)\s*\(?\s*"(\.[^"]+\.ts)"/g;
const toJs = (path: string): string => path.replace(/\.ts$/, ".js");

/** These declaration files and all that they import. */
function reachable(entries: readonly string[]): Set<string> {
  const found = new Set<string>();
  const waiting = [...entries];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    const text = readFileSync(file, "utf8");
    for (const [, path] of text.matchAll(IMPORT)) waiting.push(resolve(dirname(file), path!.replace(/\.ts$/, ".d.ts")));
  }
  return found;
}
