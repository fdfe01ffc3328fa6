/** `npm create sirocco`: copies the template into a new folder and installs its packages. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { VERSION } from "../shared/protocol/version.ts";

const HELP = `Usage: npm create sirocco [FOLDER] [-- --yes]

Makes a project for durable workflows: worker, workflow, test, client, Dockerfile.

  --yes, -y        ask nothing: FOLDER is my-workflows unless it is given
  --no-install     do not run npm install
  --help, -h       this text
`;
const DEFAULT_FOLDER = "my-workflows";

/** Answers the exit code: 0 done, 1 failed, 2 wrong usage. */
export async function main(argv: readonly string[]): Promise<number> {
  let folder: string | undefined;
  let values: { yes?: boolean; install?: boolean; help?: boolean };
  try {
    const options = {
      yes: { type: "boolean", short: "y" },
      install: { type: "boolean", default: true },
      help: { type: "boolean", short: "h" },
    } as const;
    const parsed = parseArgs({ args: [...argv], allowPositionals: true, allowNegative: true, options });
    values = parsed.values;
    if (parsed.positionals.length > 1) throw new Error(`one folder is wanted, not ${parsed.positionals.join(" and ")}`);
    [folder] = parsed.positionals;
  } catch (error) {
    console.error(`create-sirocco: ${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  folder ??= values.yes || !process.stdin.isTTY ? DEFAULT_FOLDER : await asked();
  if (folder === undefined) {
    console.error("\ncreate-sirocco: stopped at the question, and nothing was made.");
    return 1;
  }
  const path = resolve(folder);
  if (existsSync(path) && readdirSync(path).length > 0) {
    console.error(`create-sirocco: ${path} is not empty. Name another folder, and nothing there is overwritten.`);
    return 1;
  }
  write(path);
  console.log(`Made ${path}.`);
  if (values.install) {
    const { status, error } = spawnSync("npm", ["install", "--no-audit", "--no-fund"], {
      cwd: path,
      stdio: "inherit",
      shell: process.platform === "win32", // npm is a script there
    });
    if (status !== 0) {
      console.error(
        `create-sirocco: npm install ${error ? `could not run: ${error.message}` : "has failed"}. Run it in ${path}.`,
      );
      return 1;
    }
  }
  console.log(`
  cd ${relative(process.cwd(), path) || "."}${values.install ? "" : "\n  npm install"}
  npm test            # the workflow under a virtual clock
  npm run dev         # a server and the worker, with reload
  npm run order       # in a second terminal: starts an execution and approves it

README.md has the rest.`);
  return 0;
}

/** Answers undefined when the user ends the question with Ctrl-C or Ctrl-D. */
async function asked(): Promise<string | undefined> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await terminal.question(`Folder (${DEFAULT_FOLDER}): `);
    return answer.trim() || DEFAULT_FOLDER;
  } catch (error) {
    if ((error as Error).name === "AbortError") return undefined;
    throw error;
  } finally {
    terminal.close();
  }
}

/** `template` of the package: beside `dist`, or beside this file in the repository. */
const TEMPLATE = ["./template/", "../template/"]
  .map((place) => fileURLToPath(new URL(place, import.meta.url)))
  .find(existsSync) as string;

/** Under their own names, npm would leave these out of the package, or read them as its own, and our linter and tests would take the last two. */
const RENAMED: Readonly<Record<string, string>> = {
  gitignore: ".gitignore",
  dockerignore: ".dockerignore",
  "manifest.json": "package.json",
  "lint.json": "biome.json",
  "order.node-test.ts": "order.test.ts",
};

function write(path: string): void {
  for (const file of readdirSync(TEMPLATE, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const from = join(file.parentPath, file.name);
    const to = join(path, relative(TEMPLATE, file.parentPath), RENAMED[file.name] ?? file.name);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(
      to,
      readFileSync(from, "utf8").replaceAll("__NAME__", nameOf(path)).replaceAll("__VERSION__", VERSION),
    );
  }
}

/** The folder's name as npm wants the name of a package. */
const nameOf = (path: string): string =>
  basename(path)
    .toLowerCase()
    .replace(/[^a-z0-9-_.]+/g, "-")
    .replace(/^[-_.]+|[-_.]+$/g, "") || DEFAULT_FOLDER;
