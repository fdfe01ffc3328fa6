/**
 * Bundles the Lambda handlers in one esbuild pass: `functions/<name>.ts` becomes `<out>/<name>/index.mjs`, minified, with
 * a source map beside it and the AWS SDK inside (the one that Lambda supplies is older and loads slower). By hand:
 * `node functions/build.ts` builds all of them and prints their sizes.
 */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { build, type Plugin } from "esbuild";
import { FUNCTION_NAMES, type FunctionName } from "../infra/names.ts";

export interface BundleOptions {
  /** Folder with one entry point per function. @default this one */
  readonly entries?: string;
  /** Folder to write to; it is emptied first. @default dist/functions */
  readonly out?: string;
}

export interface Bundles {
  readonly folder: string;
  /** Size of each bundle without its source map, bytes. */
  readonly bytes: Readonly<Record<FunctionName, number>>;
}

/**
 * Lambda puts a function's credentials into its environment. The SDK's own default looks in seven more places (profiles,
 * SSO, instance metadata …), which a Lambda does not have and which are a quarter of each bundle.
 */
const credentialsFromEnvironment: Plugin = {
  name: "credentials-from-environment",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, ({ path: name, resolveDir }) => ({
      path: name,
      namespace: "lambda",
      pluginData: resolveDir,
    }));
    onLoad({ filter: /.*/, namespace: "lambda" }, ({ pluginData: resolveDir }) => ({
      contents: 'export { fromEnv as defaultProvider } from "@aws-sdk/credential-provider-env";',
      resolveDir,
    }));
  },
};

/**
 * @throws Error naming the entry points that are missing; esbuild's own errors otherwise.
 */
export async function bundle(options: BundleOptions = {}): Promise<Bundles> {
  const entries = path.resolve(options.entries ?? import.meta.dirname);
  const folder = path.resolve(options.out ?? path.join(import.meta.dirname, "..", "dist", "functions"));
  const entryOf = (name: FunctionName) => path.join(entries, `${name}.ts`);
  const missing = FUNCTION_NAMES.filter((name) => !existsSync(entryOf(name)));
  if (missing.length > 0) {
    throw new Error(
      `${entries} lacks ${missing.map((name) => `${name}.ts`).join(", ")}: infra/names.ts names each as a function`,
    );
  }
  await rm(folder, { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: FUNCTION_NAMES.map((name) => ({ in: entryOf(name), out: `${name}/index` })),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    minify: true,
    sourcemap: "linked",
    sourcesContent: false,
    platform: "node",
    target: "node24",
    format: "esm",
    // The ES modules of the AWS SDK can be shaken, its CommonJS cannot.
    mainFields: ["module", "main"],
    // CommonJS inside the bundle calls `require` for Node's own modules.
    banner: { js: 'import{createRequire as __require}from"node:module";const require=__require(import.meta.url);' },
    plugins: [credentialsFromEnvironment],
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  const bytes = {} as Record<FunctionName, number>;
  for (const [file, { bytes: size, entryPoint }] of Object.entries(metafile.outputs)) {
    if (entryPoint) bytes[path.basename(path.dirname(file)) as FunctionName] = size;
  }
  return { folder, bytes };
}

if (import.meta.main) {
  const { folder, bytes } = await bundle();
  for (const [name, size] of Object.entries(bytes))
    console.log(`${name.padEnd(14)}${(size / 1000).toFixed(0).padStart(6)} kB`);
  console.log(`in ${path.relative(process.cwd(), folder)}`);
}
