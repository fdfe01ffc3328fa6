/**
 * Around `npm pack` and `npm publish`, in the folder of the package: `before` builds and lets the manifest point at what
 * was built, `after` lets it point at the sources again, which is how the repository itself uses the package. The licence
 * comes along as a copy. With `--inline`, the output contains the packages that the manifest does not name.
 *
 * K1. Only the fields of `publishConfig` in POINTERS change, and each form follows from the other: `./dist/x.js` <->
 *     `./x.ts` (or `./x.js`, if that is the source). So `after` needs no saved copy, and after an interrupted pack the
 *     next one, or `node ../packaging/pack.ts after`, repairs the manifest.
 * K2. The manifest changes after the build has succeeded, in one rename.
 * K3. A package is packed only with the version in `shared/protocol/version.ts`.
 */
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "./build.ts";
import { differing } from "./version.ts";

const POINTERS = ["exports", "imports", "bin"] as const;

/** What a pointer says: a built file, or a built file and its declarations. */
type Built = string | { readonly types: string; readonly default: string };
type Pointers<T> = { [name in (typeof POINTERS)[number]]?: Record<string, T> };

interface Manifest extends Pointers<unknown> {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly publishConfig: Pointers<Built>;
  readonly dependencies?: Record<string, string>;
  /** Loaded only by those who need them. */
  readonly peerDependencies?: Record<string, string>;
}

const manifest = (): Manifest => JSON.parse(readFileSync("package.json", "utf8"));

const fileOf = (built: Built): string => (typeof built === "string" ? built : built.default);

function sourceOf(built: Built): string {
  const path = fileOf(built).replace(/^\.\/dist\//, "./");
  const typescript = path.replace(/\.js$/, ".ts");
  return existsSync(typescript) ? typescript : path;
}

function point<T>(form: (built: Built) => T): void {
  const { publishConfig } = manifest();
  const changed: Pointers<T> = {};
  for (const field of POINTERS) {
    const built = publishConfig[field];
    if (built) changed[field] = Object.fromEntries(Object.entries(built).map(([name, to]) => [name, form(to)]));
  }
  writeFileSync("package.json.new", `${JSON.stringify({ ...manifest(), ...changed }, null, 2)}\n`);
  renameSync("package.json.new", "package.json");
}

async function before(unnamed: "fail" | "inline"): Promise<void> {
  const wrong = differing();
  if (wrong.length > 0) throw new Error(`${wrong.join("\n")}\n\`node packaging/version.ts\` writes the version to all`);
  const { publishConfig, engines, dependencies, peerDependencies } = manifest();
  const built = POINTERS.flatMap((field) => Object.values(publishConfig[field] ?? {}));
  await build({
    folder: process.cwd(),
    entries: built.map(sourceOf),
    libraries: built.filter((to) => typeof to !== "string").map(sourceOf),
    target: `node${/\d+\.\d+/.exec(engines.node)![0]}`,
    packages: Object.keys({ ...dependencies, ...peerDependencies }),
    unnamed,
  });
  copyFileSync(fileURLToPath(new URL("../LICENSE", import.meta.url)), "LICENSE");
  point((to) => to);
}

const { positionals, values } = parseArgs({ allowPositionals: true, options: { inline: { type: "boolean" } } });
switch (positionals[0]) {
  case "before":
    await before(values.inline ? "inline" : "fail");
    break;
  case "after":
    point(sourceOf);
    rmSync("LICENSE", { force: true });
    break;
  default:
    throw new Error("say `before` or `after`; npm pack and npm publish do so by themselves");
}
