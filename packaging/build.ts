/**
 * Builds a package of this repository into its `dist`: one ESM file per entry, with common chunks (entries of a package
 * share one copy of each module) and `shared/` inlined; and, for a library, the declarations that its entries reach.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as esbuild from "esbuild";
import { laterBuiltins } from "./later-builtins.ts";
import { notices } from "./notices.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

export interface BuildOptions {
  /** Absolute path of the package. */
  readonly folder: string;
  /** Relative to the folder, such as `./index.ts`. */
  readonly entries: readonly string[];
  /** Those of `entries` that need declarations; `tsconfig.declarations.json` in the folder says how they are made. */
  readonly libraries: readonly string[];
  /** The oldest Node that the manifest allows, such as `node22.18`. */
  readonly target: string;
  /** Packages that the manifest names: npm installs them, the build leaves them out. */
  readonly packages: readonly string[];
  /** What the build does with a package that the manifest does not name: it fails, or copies the package into `dist`. */
  readonly unnamed: "fail" | "inline";
}

export async function build(options: BuildOptions): Promise<void> {
  const dist = join(options.folder, "dist");
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  await Promise.all([scripts(options, dist), ...(options.libraries.length > 0 ? [declarations(options, dist)] : [])]);
}

async function scripts({ folder, entries, target, packages, unnamed }: BuildOptions, dist: string): Promise<void> {
  const check = join(folder, "node-check.ts");
  const { metafile } = await esbuild.build({
    plugins: existsSync(check) ? [laterBuiltins(check)] : [],
    absWorkingDir: ROOT,
    entryPoints: entries.map((entry) => join(folder, entry)),
    outbase: folder,
    outdir: dist,
    chunkNames: "chunk-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target,
    ...(unnamed === "fail"
      ? { packages: "external" }
      : // esbuild can drop unused code from the ES modules of a package, not from its CommonJS.
        { external: [...packages], mainFields: ["module", "main"] }),
    preserveSymlinks: true, // the comments in the output name files below ROOT, wherever node_modules really is
    metafile: true,
    logLevel: "warning",
  });
  for (const output of Object.values(metafile.outputs)) {
    for (const { path, external } of output.imports) {
      if (!external || path.startsWith("node:") || packages.includes(packageOf(path))) continue;
      throw new Error(
        `${basename(folder)} imports '${path}', which its package.json names neither under dependencies nor under peerDependencies`,
      );
    }
  }
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs));
  const text = notices(inputs.map((file) => join(ROOT, file)));
  if (text !== "") writeFileSync(join(dist, "THIRD-PARTY-NOTICES.txt"), text);
}

/** `@scope/name/part` -> `@scope/name`. */
const packageOf = (path: string): string => path.split("/", path.startsWith("@") ? 2 : 1).join("/");

async function declarations({ folder, libraries }: BuildOptions, dist: string): Promise<void> {
  const all = mkdtempSync(join(tmpdir(), "sirocco-types-"));
  try {
    const tsc = fileURLToPath(new URL("./bin/tsc", import.meta.resolve("typescript/package.json")));
    const args = ["-p", join(folder, "tsconfig.declarations.json"), "--outDir", all, "--rootDir", ROOT];
    await promisify(execFile)(process.execPath, [tsc, ...args]).catch((error) => {
      throw new Error(`tsc could not make the declarations of ${folder}:\n${error.stdout}${error.stderr}`);
    });
    const made = join(all, relative(ROOT, folder));
    for (const file of reachable(libraries.map((entry) => join(made, entry.replace(/\.ts$/, ".d.ts"))))) {
      const to = join(dist, "types", relative(all, file));
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
