/**
 * Around `npm pack` and `npm publish`: `before` builds and lets the manifest point at what was built, `after` lets it
 * point at the sources again, which is how the repository itself uses the SDK. The licence comes along as a copy.
 *
 * K1. Only `exports` changes, and each form follows from the other: `./dist/x.js` <-> `./x.ts`. So nothing has to be
 *     kept for the way back, and after an interrupted pack the next one, or `node scripts/pack.ts after`, repairs it.
 * K2. The manifest changes after the build has succeeded, in one rename.
 */
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "./build.ts";

const MANIFEST = fileURLToPath(new URL("../package.json", import.meta.url));
const LICENSE = fileURLToPath(new URL("../LICENSE", import.meta.url));

interface Manifest {
  exports: Record<string, unknown>;
  readonly publishConfig: { readonly exports: Record<string, { readonly types: string; readonly default: string }> };
  readonly dependencies: Record<string, string>;
  /** Loaded only by those who need them. */
  readonly peerDependencies: Record<string, string>;
}

const manifest = (): Manifest => JSON.parse(readFileSync(MANIFEST, "utf8"));

function point(exports: Manifest["exports"]): void {
  writeFileSync(`${MANIFEST}.new`, `${JSON.stringify({ ...manifest(), exports }, null, 2)}\n`);
  renameSync(`${MANIFEST}.new`, MANIFEST);
}

const { publishConfig, dependencies, peerDependencies } = manifest();
const sources = Object.entries(publishConfig.exports).map(
  ([name, built]) => [name, built.default.replace(/^\.\/dist\/(.*)\.js$/, "./$1.ts")] as const,
);

switch (process.argv[2]) {
  case "before":
    await build({
      entries: sources.map(([, path]) => path),
      packages: Object.keys({ ...dependencies, ...peerDependencies }),
    });
    copyFileSync(fileURLToPath(new URL("../../LICENSE", import.meta.url)), LICENSE);
    point(publishConfig.exports);
    break;
  case "after":
    point(Object.fromEntries(sources));
    rmSync(LICENSE, { force: true });
    break;
  default:
    throw new Error("say `before` or `after`; npm pack and npm publish do so by themselves");
}
