/**
 * The version stands in `shared/protocol/version.ts`; npm wants it in the manifests and the lock file as well.
 * `node packaging/version.ts` writes it there.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { VERSION } from "../shared/protocol/version.ts";

const MANIFESTS = ["package.json", "sdk/package.json", "cli/package.json"];
const LOCK = "package-lock.json";
/** The lock file's names of the packages above. */
const LOCKED = ["", "sdk", "cli"];

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

/** A sentence for each place that says another version than the constant. */
export function differing(): string[] {
  const places = [...MANIFESTS, LOCK].flatMap((file) => placesIn(file, read(file)));
  return places
    .filter(({ of }) => of.version !== VERSION)
    .map(({ name, of }) => `${name} says ${of.version}, shared/protocol/version.ts says ${VERSION}`);
}

function fill(): void {
  for (const file of [...MANIFESTS, LOCK]) {
    const content = read<Versioned | Lock>(file);
    for (const { of } of placesIn(file, content)) of.version = VERSION;
    writeFileSync(new URL(file, ROOT), `${JSON.stringify(content, null, 2)}\n`);
  }
}

if (import.meta.main) fill();
