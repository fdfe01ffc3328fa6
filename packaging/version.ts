/**
 * The version stands in `shared/protocol/version.ts`; npm wants it in the manifests and the lock file as well, and the Python
 * package in its own two files.
 * `node packaging/version.ts` writes it there.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { VERSION } from "../shared/protocol/version.ts";

const MANIFESTS = [
  "package.json",
  "sdk/package.json",
  "cli/package.json",
  "create/package.json",
  "cdk/package.json",
  "console/package.json",
];
/** Each says the version once, on a line of its own. */
const PYTHON = { "python/pyproject.toml": "version", "python/src/sirocco_worker/_version.py": "VERSION" };
const LOCK = "package-lock.json";
/** The lock file's names of the packages above. */
const LOCKED = ["", "sdk", "cli", "create", "cdk", "console"];

interface Versioned {
  version: string;
}
interface Lock extends Versioned {
  readonly packages: Record<string, Versioned>;
}

const ROOT = new URL("../", import.meta.url);
const read = <T>(file: string): T => JSON.parse(readFileSync(new URL(file, ROOT), "utf8"));

interface Place {
  readonly name: string;
  readonly of: Versioned;
}

/** All places in a file that hold the version. */
const placesIn = (file: string, content: Versioned | Lock): Place[] =>
  "packages" in content
    ? [
        { name: file, of: content },
        ...LOCKED.map((path) => ({ name: `${file}, package '${path}'`, of: content.packages[path]! })),
      ]
    : [{ name: file, of: content }];

const lineOf = (name: string) => new RegExp(`^${name} = "([^"]*)"$`, "m");
const text = (file: string): string => readFileSync(new URL(file, ROOT), "utf8");

/** A sentence for each place that says another version than the constant. */
export function differing(): string[] {
  const places = [...MANIFESTS, LOCK].flatMap((file) => placesIn(file, read(file)));
  const said = [
    ...places.map(({ name, of }) => [name, of.version] as const),
    ...Object.entries(PYTHON).map(
      ([file, name]) => [file, lineOf(name).exec(text(file))?.[1] ?? "no version"] as const,
    ),
  ];
  return said
    .filter(([, version]) => version !== VERSION)
    .map(([name, version]) => `${name} says ${version}, shared/protocol/version.ts says ${VERSION}`);
}

function fill(): void {
  for (const file of [...MANIFESTS, LOCK]) {
    const content = read<Versioned | Lock>(file);
    for (const { of } of placesIn(file, content)) of.version = VERSION;
    writeFileSync(new URL(file, ROOT), `${JSON.stringify(content, null, 2)}\n`);
  }
  for (const [file, name] of Object.entries(PYTHON)) {
    writeFileSync(new URL(file, ROOT), text(file).replace(lineOf(name), `${name} = "${VERSION}"`));
  }
}

if (import.meta.main) fill();
