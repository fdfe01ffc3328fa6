/** An empty project that has installed packages of this repository, packed, as a user's would; it touches nothing here. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);
/** The Node of this process first, whatever the machine has. */
export const env = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };

export interface Project {
  readonly path: string;
  /** Where a package is installed. */
  installed(name: Packed): string;
  /** What `npm pack` left of the copy that it packed: should be as it was. */
  readonly packedFrom: string;
  /** The packed file. */
  tarball(name: Packed): string;
  write(file: string, text: string): void;
  /** Checks the TypeScript files in these folders (default: all); answers what the compiler says, empty = nothing. */
  check(o?: { include?: string[]; skipLibCheck?: boolean; verbatimModuleSyntax?: boolean }): Promise<string>;
  read(file: string): string;
  /** Runs Node in the project; answers exit code and output. */
  node(...args: string[]): Promise<{ code: number; output: string }>;
  remove(): void;
}

/** Folders of this repository, and the packages that they become. */
const NAMES = { sdk: "@sirocco/sdk", cli: "sirocco", create: "create-sirocco", cdk: "@sirocco/cdk" } as const;
/** A busy machine needs this long to build and install them. */
export const PACKING_MS = 300_000;
export type Packed = keyof typeof NAMES;

export async function project(packages: readonly Packed[]): Promise<Project> {
  const scratch = mkdtempSync(join(tmpdir(), "sirocco-package-"));
  const packedFrom = join(scratch, "repository");
  const path = join(scratch, "project");
  const tarballs = await pack(packages, packedFrom, scratch);
  await install(path, tarballs);
  for (const name of ["@types", "undici-types"]) link(name, path);
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), text);
  };
  return {
    path,
    installed: (name) => join(path, "node_modules", NAMES[name]),
    packedFrom,
    tarball: (name) =>
      tarballs.find((file) => basename(file).startsWith(`${NAMES[name].replace(/^@(.*)\//, "$1-")}-0`)) as string,
    write,
    read: (file) => readFileSync(join(path, file), "utf8"),
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

/** Packs a copy: packing changes the manifest for a moment, and other tests import the package meanwhile. */
async function pack(packages: readonly Packed[], copy: string, to: string): Promise<string[]> {
  mkdirSync(copy);
  const wanted = (file: string) =>
    !file.split(sep).some((part) => part === "node_modules" || part === "__pycache__") && !file.endsWith(`${sep}dist`);
  for (const part of [
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "LICENSE",
    "packaging",
    "sdk",
    "cli",
    "create",
    "cdk",
    "functions",
    "console",
    "shared",
    "infra",
    "ops",
    "python",
  ]) {
    cpSync(join(ROOT, part), join(copy, part), { recursive: true, filter: wanted });
  }
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  const workspaces = packages.flatMap((name) => ["-w", name]);
  await run("npm", ["pack", ...workspaces, "--pack-destination", to, "--loglevel", "error"], { cwd: copy, env });
  const tarballs = readdirSync(to).filter((file) => file.endsWith(".tgz"));
  if (tarballs.length !== packages.length)
    throw new Error(`npm pack left in ${to}: ${tarballs.join(", ") || "nothing"}`);
  return tarballs.map((file) => join(to, file));
}

/** Other packages are those of this repository, so that no registry is asked. */
const OTHERS = ["zod", "@cfworker/json-schema", "@mistralai/mistralai"];

async function install(path: string, tarballs: readonly string[]): Promise<void> {
  mkdirSync(path);
  writeFileSync(join(path, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }));
  const specs = [...tarballs, ...OTHERS.map((name) => join(ROOT, "node_modules", name))];
  const args = ["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"];
  // A test links the peers that it needs.
  await run("npm", [...args, "--legacy-peer-deps", ...specs], { cwd: path, env });
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
