/** The files of the repository, as text. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

/** Tracked files, and new ones that git does not ignore; without those that were deleted but not committed. */
export function listed(...patterns: string[]): string[] {
  const list = (...options: string[]) =>
    execFileSync("git", ["ls-files", ...options, "--", ...patterns], { cwd: ROOT, encoding: "utf8" })
      .split("\n")
      .filter(Boolean);
  const gone = new Set(list("--deleted"));
  return list("--cached", "--others", "--exclude-standard").filter((file) => !gone.has(file));
}

/** Everything that people wrote. Recorded histories keep the words of their time. */
export const written = (): string[] =>
  listed("*.ts", "*.js", "*.cjs", "*.py", "*.md", "*.yml", ".ci", ".githooks", "package.json", "biome.json").filter(
    (file) => !file.startsWith("test/histories/"),
  );

/** The lines of a Markdown table after its heading, as cells. */
export function rowsUnder(markdown: string, heading: string): string[][] {
  const section = markdown.split(new RegExp(`^#+ ${heading}$`, "m"))[1]?.split(/^#+ /m)[0] ?? "";
  const rows = [...section.matchAll(/^\|(.*)\|$/gm)].map(([, row]) => row!.split("|").map((cell) => cell.trim()));
  return rows.slice(2);
}
