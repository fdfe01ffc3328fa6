/**
 * Bundles the Lambda handlers in one esbuild pass: `functions/<name>.ts` becomes `<out>/<name>/index.mjs`, minified, with
 * source maps and the AWS SDK (Lambda's own copy is older and loads slower). `node functions/build/bundle.ts` bundles all
 * of them and prints their sizes.
 *
 * Modules behind an `import()`, and modules that several functions share, become files beside `index.mjs`. A cold start
 * loads the static part: `index.mjs` and its static imports. `MAX_STATIC_BYTES` is its limit.
 */
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { build, type Metafile, type OutputFile } from "esbuild";
import { FUNCTION_NAMES, type FunctionName } from "../../shared/aws/names.ts";
import { forSchemas } from "./schemas.ts";
import { forLambda } from "./strip-aws-sdk.ts";

/** The most that a cold start may load, bytes: parsing and running the bundle takes most of its time. */
export const MAX_STATIC_BYTES = 400_000;

export interface BundleOptions {
  /** Folder with one entry point per function. @default `functions` */
  readonly entries?: string;
  /** Folder to write to. It is emptied first. @default dist/functions */
  readonly out?: string;
}

export interface Bundles {
  readonly folder: string;
  readonly sizes: Readonly<Record<FunctionName, Size>>;
}

/** Bytes without source maps. */
export interface Size {
  /** Loaded by a cold start. */
  readonly static: number;
  /** Loaded at the first use of an `import()`. */
  readonly lazy: number;
}

/**
 * @throws Error naming the entry points that are missing; esbuild's own errors otherwise.
 */
export async function bundle(options: BundleOptions = {}): Promise<Bundles> {
  const entries = path.resolve(options.entries ?? path.join(import.meta.dirname, ".."));
  const folder = path.resolve(options.out ?? path.join(import.meta.dirname, "..", "..", "dist", "functions"));
  const entryOf = (name: FunctionName) => path.join(entries, `${name}.ts`);
  const missing = FUNCTION_NAMES.filter((name) => !existsSync(entryOf(name)));
  if (missing.length > 0) {
    throw new Error(
      `${entries} lacks ${missing.map((name) => `${name}.ts`).join(", ")}: shared/aws/names.ts names each as a function`,
    );
  }
  // All entries and chunks go into one folder, as deep as that of a function, so that relative paths between files and to
  // sources are right after the copy.
  const { metafile, outputFiles } = await build({
    entryPoints: FUNCTION_NAMES.map((name) => ({ in: entryOf(name), out: name })),
    outdir: path.join(folder, "all"),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    minify: true,
    sourcemap: "linked",
    sourcesContent: false,
    platform: "node",
    target: "node24",
    format: "esm",
    // esbuild can remove unused parts of the AWS SDK's ES modules, and not of its CommonJS.
    mainFields: ["module", "main"],
    plugins: [...forSchemas, ...forLambda],
    legalComments: "none",
    metafile: true,
    write: false,
    logLevel: "warning",
  });
  await rm(folder, { recursive: true, force: true });
  const files = new Map(outputFiles.map((file) => [path.basename(file.path), file]));
  const sizes = {} as Record<FunctionName, Size>;
  for (const name of FUNCTION_NAMES)
    sizes[name] = await assemble(path.join(folder, name), name, reach(metafile, name), files);
  return { folder, sizes };
}

/** The files that a function can load, each `static` or `lazy`. */
type Reach = ReadonlyMap<string, keyof Size>;

function reach({ outputs }: Metafile, name: FunctionName): Reach {
  const pathOf = new Map(Object.keys(outputs).map((file) => [path.basename(file), file]));
  const found = new Map<string, keyof Size>();
  function walk(file: string, how: keyof Size): void {
    const base = path.basename(file);
    if (found.has(base)) return;
    found.set(base, how);
    const next = outputs[file]!.imports.filter(({ external }) => !external);
    for (const to of next) if (to.kind === "import-statement") walk(to.path, how);
    for (const to of next) if (to.kind === "dynamic-import") later.push(to.path);
  }
  // Static imports first: a file that is loaded in both ways counts as static.
  const later: string[] = [];
  walk(pathOf.get(`${name}.mjs`)!, "static");
  for (let file = later.shift(); file !== undefined; file = later.shift()) walk(file, "lazy");
  return found;
}

/** Writes a function's folder: its entry as `index.mjs`, everything else under its own name. */
async function assemble(
  folder: string,
  name: FunctionName,
  reached: Reach,
  files: ReadonlyMap<string, OutputFile>,
): Promise<Size> {
  await mkdir(folder, { recursive: true });
  const size = { static: 0, lazy: 0 };
  // The entry is renamed, so its reference to its source map changes, too.
  const renamed = (text: string) => text.replace(`${name}.mjs.map`, "index.mjs.map");
  for (const [base, how] of reached) {
    const own = base === `${name}.mjs`;
    const to = own ? "index.mjs" : base;
    const code = files.get(base)!.text;
    const written = own ? renamed(code) : code;
    size[how] += Buffer.byteLength(written);
    await writeFile(path.join(folder, to), written);
    await writeFile(path.join(folder, `${to}.map`), files.get(`${base}.map`)!.contents);
  }
  return size;
}

if (import.meta.main) {
  const { folder, sizes } = await bundle();
  const inKb = (bytes: number) => `${(bytes / 1000).toFixed(0).padStart(6)} kB`;
  for (const [name, { static: now, lazy }] of Object.entries(sizes)) {
    console.log(`${name.padEnd(14)}${inKb(now)} at a cold start ${inKb(lazy)} at first use`);
  }
  console.log(`in ${path.relative(process.cwd(), folder)}`);
}
