/** `@sirocco/cdk` as users get it: packed, installed into an empty project, and synthesized by an app of ten lines. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FUNCTION_NAMES } from "../../shared/aws/names.ts";
import { VERSION } from "../../shared/protocol/version.ts";
import { Process } from "../cli/support.ts";
import { env, PACKING_MS, type Project, project } from "./project.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const APP = `import { SiroccoStack } from "@sirocco/cdk";
import { App, CfnOutput, Duration, Stack } from "aws-cdk-lib";

const app = new App();
const sirocco = new SiroccoStack(app, "Workflows", { retention: Duration.days(14) });
const shop = new Stack(app, "Shop");
new CfnOutput(shop, "WorkerUrl", { value: sirocco.workerUrl });
new CfnOutput(shop, "ApiUrl", { value: sirocco.apiUrl });
new SiroccoStack(app, "Small", { console: false });
app.synth();
`;

let p: Project;
beforeAll(async () => {
  p = await project(["cli", "cdk"]);
  for (const name of ["aws-cdk-lib", "constructs", "aws-cdk"]) {
    mkdirSync(join(p.path, "node_modules"), { recursive: true });
    if (!existsSync(join(p.path, "node_modules", name)))
      symlinkSync(join(ROOT, "node_modules", name), join(p.path, "node_modules", name));
  }
  p.write("app.ts", APP);
}, PACKING_MS);
afterAll(() => p?.remove());

async function run(command: string, ...args: string[]): Promise<{ code: unknown; output: string }> {
  const started = new Process(command, args, { cwd: p.path, env: { PATH: env.PATH! } });
  const code = await started.ended;
  return { code, output: started.out + started.err };
}

interface Template {
  readonly Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;
  readonly Outputs: Record<string, unknown>;
}
const template = (folder: string, stack: string): Template =>
  JSON.parse(readFileSync(join(p.path, folder, `${stack}.template.json`), "utf8"));
const functionsOf = ({ Resources }: Template) =>
  Object.values(Resources).filter(
    ({ Type, Properties }) =>
      Type === "AWS::Lambda::Function" && String(Properties.Description).startsWith("Sirocco: "),
  );

test("the package has the bundled functions and the console, and nothing of the machine that built it", () => {
  const folder = p.installed("cdk");
  expect(JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))).toMatchObject({ version: VERSION });
  for (const name of FUNCTION_NAMES)
    expect(existsSync(join(folder, "dist/assets/functions", name, "index.mjs"))).toBe(true);
  expect(existsSync(join(folder, "dist/assets/console/index.html"))).toBe(true);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    /\.(js|mjs|map|json|d\.ts)$/.test(file),
  );
  const telling = files.filter((file) =>
    /\/(home|root|Users)\/|sirocco-package-/.test(readFileSync(join(folder, file), "utf8")),
  );
  expect(telling).toEqual([]);
});

test("an app of ten lines compiles, and synthesizes the stack with all functions and assets", async () => {
  expect(await p.check({ include: ["app.ts"] })).toBe("");
  const cdk = join(ROOT, "node_modules/aws-cdk/bin/cdk");
  const made = await run(
    process.execPath,
    cdk,
    "synth",
    "--quiet",
    "--app",
    `"${process.execPath}" app.ts`,
    "--output",
    "out",
  );
  expect(made.code, made.output).toBe(0);
  const workflows = template("out", "Workflows");
  expect(functionsOf(workflows)).toHaveLength(FUNCTION_NAMES.length);
  expect(Object.keys(workflows.Outputs)).toEqual(
    expect.arrayContaining(["ApiUrl", "WorkerUrl", "ConsoleUrl", "FirstKeyCommand"]),
  );
  expect(Object.keys(template("out", "Small").Outputs)).not.toContain("ConsoleUrl");
  const assets = readdirSync(join(p.path, "out")).filter((file) => file.startsWith("asset."));
  const handlers = assets.filter((asset) => existsSync(join(p.path, "out", asset, "index.mjs")));
  expect(handlers).toHaveLength(FUNCTION_NAMES.length);
  expect(assets.some((asset) => existsSync(join(p.path, "out", asset, "index.html")))).toBe(true);
}, 180_000);

test("sirocco deploy --template-only writes the template with the given settings", async () => {
  const made = await run(
    "npx",
    "--no",
    "sirocco",
    "deploy",
    "--template-only",
    "--set",
    "stackName=Flows",
    "--set",
    "retentionDays=7",
  );
  expect(made.code, made.output).toBe(0);
  const flows = template("cdk.out", "Flows");
  expect(functionsOf(flows)).toHaveLength(FUNCTION_NAMES.length);
  expect(JSON.stringify(functionsOf(flows)[0])).toContain('"7"');
}, 180_000);

test("sirocco deploy names a wrong setting", async () => {
  const refused = await run("npx", "--no", "sirocco", "deploy", "--template-only", "--set", "retention=7");
  expect(refused.code).toBe(1);
  expect(refused.output).toContain("Unknown settings (cdk.json or -c name=value): retention.");
}, 60_000);
