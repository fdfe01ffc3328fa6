/** The README's first steps, pasted: its commands run in order in an empty folder, with the packed packages in the place of a registry. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { env, PACKING_MS, type Project, project } from "./project.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const README = readFileSync(join(ROOT, "README.md"), "utf8").split("\n## On AWS")[0]!;
const BLOCK = /^```(?<language>sh|ts|json) *(?<name>[^\n]*)\n(?<text>[\s\S]*?)^```$/gm;
const blocks = [...README.matchAll(BLOCK)].map(
  ({ groups }) => groups as { language: string; name: string; text: string },
);

let p: Project;
let folder: string;
let port: number;
beforeAll(async () => {
  p = await project(["sdk", "cli", "create"]);
  folder = join(p.path, "by-hand");
  mkdirSync(folder);
  const server = createServer().listen(0);
  port = (server.address() as AddressInfo).port;
  await new Promise((closed) => server.close(closed));
}, PACKING_MS);

const running: Shell[] = [];
afterAll(async () => {
  for (const shell of running) shell.end();
  await Promise.all(running.map(({ ended }) => ended));
  p?.remove();
});

/** A terminal: what is typed into it runs in a process group of its own. */
class Shell {
  readonly child: ChildProcess;
  output = "";
  readonly ended: Promise<number | null>;

  constructor(text: string, cwd: string, variables: Record<string, string> = {}) {
    const { SIROCCO_URL: _, SIROCCO_API_KEY: __, DEPLOYMENT_NAME: ___, ...rest } = env as NodeJS.ProcessEnv;
    this.child = spawn("sh", ["-c", text], { cwd, detached: true, env: { ...rest, ...variables } });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream!.on("data", (part) => {
        this.output += part;
      });
    this.ended = new Promise((ended) => this.child.once("close", ended));
    running.push(this);
  }

  end(): void {
    try {
      process.kill(-this.child.pid!, "SIGKILL");
    } catch {
      // the process group has ended
    }
  }
}

const done = async (text: string, cwd: string, variables?: Record<string, string>): Promise<string> => {
  const shell = new Shell(text, cwd, variables);
  expect(await shell.ended, `${text}\n${shell.output}`).toBe(0);
  return shell.output;
};
const printed = (shell: Shell, text: string) =>
  expect.poll(() => shell.output, { timeout: 60_000, message: text }).toContain(text);

test("the README's commands do what it says, in its order", async () => {
  const seen: string[] = [];
  let variables: Record<string, string> = {};
  for (const { language, name, text } of blocks) {
    seen.push(name);
    if (language !== "sh") writeFileSync(join(folder, name), text);
    else if (name === "create") {
      // `npm install` of packages that no registry has is left out: test/package/create.test.ts goes on from here.
      await done(`${text.split("\n")[0]} --no-install`, p.path);
      expect(readFileSync(join(p.path, "my-app/package.json"), "utf8")).toContain('"my-app"');
    } else if (name === "install") {
      const here = (packed: string) => join(ROOT, "node_modules", packed);
      const packed = [
        p.tarball("sdk"),
        p.tarball("cli"),
        ...["zod", "@cfworker/json-schema", "@mistralai/mistralai"].map(here),
      ];
      const offline = `npm install --offline --no-audit --no-fund --ignore-scripts ${packed.join(" ")}`;
      await done(text.replace("npm install @sirocco/sdk zod sirocco", offline), folder);
      expect(text).toContain("npm install @sirocco/sdk zod sirocco");
    } else if (name === "server") {
      await printed(new Shell(`${text.trim()} --port ${port}`, folder), "console:");
    } else if (name === "environment") {
      const [, url] = /SIROCCO_URL=(\S+) SIROCCO_API_KEY=sk_…/.exec(text)!;
      const key = readFileSync(join(folder, ".sirocco/key"), "utf8").trim();
      variables = { SIROCCO_URL: url!.replace("7411", String(port)), SIROCCO_API_KEY: key };
    } else if (name === "worker") {
      await printed(new Shell(text, folder, variables), "serves game");
    } else if (name === "order") {
      await printed(new Shell("DEPLOYMENT_NAME=orders node order-worker.ts", folder, variables), "serves order");
      expect(await done(text, folder, variables)).toContain("approvedBy: 'ada'");
      await done("node official.ts", folder, variables);
      const result = await done("npx sirocco get A-2 --json", folder, variables);
      expect(JSON.parse(result)).toMatchObject({ execution_id: "A-2" });
    } else await done(text, folder, variables);
  }
  expect(seen).toEqual([
    "create",
    "install",
    "tsconfig.json",
    "my-worker.ts",
    "server",
    "environment",
    "worker",
    "",
    "order.ts",
    "order.test.ts",
    "",
    "order-worker.ts",
    "client.ts",
    "official.ts",
    "order",
  ]);
  // The settings of the compiler are those of a made project, and the README's files fit them.
  const { compilerOptions } = JSON.parse(readFileSync(join(folder, "tsconfig.json"), "utf8"));
  const template = JSON.parse(readFileSync(join(ROOT, "create/template/tsconfig.json"), "utf8"));
  expect(compilerOptions).toEqual(template.compilerOptions);
  for (const name of ["@types", "undici-types"])
    if (!existsSync(join(folder, "node_modules", name)))
      symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
  const checked = `${process.execPath} ${join(ROOT, "node_modules/typescript/bin/tsc")} -p .`;
  expect(await done(checked, folder)).toBe("");
}, 300_000);
