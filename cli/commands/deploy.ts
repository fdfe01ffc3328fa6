/** `sirocco deploy`: the stack of `@sirocco/cdk` into an AWS account, for those who have no CDK app of their own. */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { command } from "../command.ts";
import { CliError, EXIT, usage } from "../errors.ts";
import type { Io } from "../io.ts";

const PACKAGES = ["@sirocco/cdk", "aws-cdk-lib", "constructs", "aws-cdk"];

export const deploy = command({
  name: "deploy",
  summary: "deploy an installation into the AWS account of your credentials",
  details: `Needs the packages ${PACKAGES.join(", ")} in this project, and
credentials of an administrator. The settings are those of the CDK stack
(infra/README.md), such as retentionDays or alarmEmail. The outputs say the
addresses of API, workers and console, and the command that makes the first key.
\`npx cdk bootstrap\` prepares account and region, once.`,
  positionals: [],
  flags: {
    set: { type: "string", multiple: true, value: "NAME=VALUE", help: "a setting of the stack; may be repeated" },
    yes: { type: "boolean", short: "y", help: "do not ask before rights are changed" },
    "template-only": { type: "boolean", help: "write the template to cdk.out and deploy nothing; needs no account" },
  },
  examples: [
    "sirocco deploy --set retentionDays=14 --set alarmEmail=ops@example.com",
    "sirocco deploy --template-only",
  ],
  async run(_args, flags, io) {
    const wrong = flags.set.find((setting) => !/^\w+=/.test(setting));
    if (wrong !== undefined) throw usage(`--set is '${wrong}': it must be like retentionDays=14.`);
    const { app, cdk } = installed(io.cwd);
    const args = [
      flags["template-only"] ? "synth" : "deploy",
      ...(flags["template-only"] ? ["--quiet"] : flags.yes ? ["--require-approval", "never"] : []),
      // The CDK takes off quotes around the whole command, so it must not end with one.
      ...["--app", `${quoted(process.execPath)} ${quoted(app)} --`],
      ...flags.set.flatMap((setting) => ["--context", setting]),
    ];
    return runCdk(cdk, args, io);
  },
});

const quoted = (path: string): string => `"${path}"`;

/** Paths of the app and of the CDK's command, in the packages of the project. */
function installed(cwd: string): { app: string; cdk: string } {
  const require = createRequire(join(cwd, "package.json"));
  const missing: string[] = [];
  const path = (name: string, file: string) => {
    try {
      return require.resolve(file);
    } catch {
      missing.push(name);
      return "";
    }
  };
  const app = path("@sirocco/cdk", "@sirocco/cdk/app");
  path("aws-cdk-lib", "aws-cdk-lib/package.json");
  path("constructs", "constructs/package.json");
  const cdk = path("aws-cdk", "aws-cdk/bin/cdk");
  if (missing.length > 0) {
    throw new CliError(EXIT.usage, `deploy needs packages that this project does not have: ${missing.join(", ")}.`, [
      `npm install --save-dev ${missing.join(" ")}`,
    ]);
  }
  return { app, cdk };
}

function runCdk(cdk: string, args: readonly string[], io: Io): Promise<typeof EXIT.ok | typeof EXIT.failed> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cdk, ...args], {
      cwd: io.cwd,
      env: io.env,
      stdio: "inherit",
      signal: io.signal,
    });
    child.once("error", reject);
    child.once("exit", (code) => resolve(code === 0 ? EXIT.ok : EXIT.failed));
  });
}
