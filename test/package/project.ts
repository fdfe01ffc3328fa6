/** An empty project that has installed the packed SDK, as a user's would; nothing of it touches this repository. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);
/** The Node of this process first, whatever the machine has. */
const env = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };

export interface Project {
  readonly path: string;
  /** The installed package. */
  readonly sdk: string;
  /** What `npm pack` left of the copy that it packed: should be as it was. */
  readonly packedFrom: string;
  write(file: string, text: string): void;
  /** Checks the TypeScript files in these folders (default: all); answers what the compiler says, empty = nothing. */
  check(o?: { include?: string[]; skipLibCheck?: boolean }): Promise<string>;
  /** Runs Node in the project; answers exit code and output. */
  node(...args: string[]): Promise<{ code: number; output: string }>;
  remove(): void;
}

export async function project(): Promise<Project> {
  const scratch = mkdtempSync(join(tmpdir(), "sirocco-package-"));
  const packedFrom = join(scratch, "repository");
  const path = join(scratch, "project");
  await install(path, [await pack(packedFrom, scratch), "zod", "@cfworker/json-schema", "@mistralai/mistralai"]);
  for (const name of ["@types", "undici-types"]) link(name, path);
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), text);
  };
  return {
    path,
    sdk: join(path, "node_modules", "@sirocco", "sdk"),
    packedFrom,
    write,
    async check({ include = ["."], ...options } = {}) {
      write("tsconfig.json", JSON.stringify({ compilerOptions: { ...COMPILER, ...options }, include }));
      const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
      return (await node(path, [tsc, "-p", "."])).output;
    },
    node: (...args) => node(path, args),
    remove: () => rmSync(scratch, { recursive: true, force: true }),
  };
}

const COMPILER = {
  target: "es2024",
  lib: ["es2024", "esnext.disposable"],
  module: "nodenext",
  types: ["node"],
  strict: true,
  noEmit: true,
  erasableSyntaxOnly: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
};

/** Packs a copy: packing changes the manifest for a moment, and other tests import the SDK meanwhile. */
async function pack(copy: string, to: string): Promise<string> {
  mkdirSync(copy);
  const wanted = (file: string) => !file.split(sep).includes("node_modules") && !file.endsWith(`${sep}dist`);
  for (const part of ["package.json", "tsconfig.json", "LICENSE", "sdk", "shared"]) {
    cpSync(join(ROOT, part), join(copy, part), { recursive: true, filter: wanted });
  }
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  await run("npm", ["pack", "-w", "sdk", "--pack-destination", to, "--loglevel", "error"], { cwd: copy, env });
  const tarball = readdirSync(to).find((file) => file.endsWith(".tgz"));
  if (!tarball) throw new Error(`npm pack left no tarball in ${to}`);
  return join(to, tarball);
}

/** Other packages are those of this repository, so that no registry is asked. */
async function install(path: string, packages: readonly string[]): Promise<void> {
  mkdirSync(path);
  writeFileSync(join(path, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }));
  const [tarball, ...others] = packages;
  const specs = [tarball!, ...others.map((name) => join(ROOT, "node_modules", name))];
  const args = ["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error", ...specs];
  await run("npm", args, { cwd: path, env });
}

function link(name: string, path: string): void {
  symlinkSync(join(ROOT, "node_modules", name), join(path, "node_modules", name));
}

async function node(cwd: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  try {
    const { stdout, stderr } = await run(process.execPath, args, { cwd, env });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: `${stdout}${stderr}` };
  }
}
