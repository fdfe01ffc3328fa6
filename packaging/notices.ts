/** The licences of the packages whose code a build has copied into its output: each asks to travel with its code. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const LICENCE_FILE = /^(licen[cs]e|notice|copying)\b/i;

/** `files`: absolute paths of the sources in the output. Empty if none of them belongs to a package. */
export function notices(files: readonly string[]): string {
  const namesOf = new Map<string, string[]>();
  for (const folder of foldersOf(files)) {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const texts = readdirSync(folder)
      .filter((file) => LICENCE_FILE.test(file))
      .map((file) => readFileSync(join(folder, file), "utf8").trim());
    if (texts.length === 0 && !license) throw new Error(`the output contains code of ${name}, which names no licence`);
    for (const text of texts.length > 0 ? texts : [`Licence: ${license}`]) {
      namesOf.set(text, [...(namesOf.get(text) ?? []), `${name} ${version}`]);
    }
  }
  const parts = [...namesOf].map(([text, names]) => `${names.join("\n")}\n\n${text}\n`);
  return parts.length === 0 ? "" : `This package contains code of the following packages.\n\n${parts.join(RULE)}`;
}

const RULE = `\n${"-".repeat(80)}\n\n`;

function foldersOf(files: readonly string[]): string[] {
  const found = files.map((file) => /^.*[/\\]node_modules[/\\](?:@[^/\\]+[/\\])?[^/\\]+/.exec(file)?.[0]);
  return [...new Set(found.filter((folder) => folder !== undefined))].toSorted();
}
