/**
 * `npm run emulator` and `npm run emulator:stop`.
 *
 *   node localstack/main.ts up [name=value …]   start the emulator if it does not run, deploy, print the URLs
 *   node localstack/main.ts start               start it without deploying
 *   node localstack/main.ts stop                stop it
 *
 * With AWS_ENDPOINT_URL set, `up` deploys there and starts nothing. GATEWAY_PORT sets another port than 4566.
 * `name=value` is a setting of the stack, see infra/config.ts.
 */
import { SETTING_NAMES, type Settings } from "../infra/config.ts";
import { type Deployment, deploy, remember } from "./deploy.ts";
import { DEFAULT_PORT, startEmulator, stopEmulator } from "./emulator.ts";

const port = Number(process.env.GATEWAY_PORT ?? DEFAULT_PORT);
const [command = "", ...rest] = process.argv.slice(2);

const say = (text: string) => process.stderr.write(`${text}\n`);

function settingsFrom(pairs: string[]): Partial<Settings> {
  const entries = pairs.map((pair) => {
    const [name = "", ...value] = pair.split("=");
    if (!(SETTING_NAMES as string[]).includes(name) || value.length === 0) {
      throw new Error(`"${pair}" is not a setting: write name=value with one of ${SETTING_NAMES.join(", ")}`);
    }
    return [name, value.join("=")];
  });
  return Object.fromEntries(entries) as Partial<Settings>;
}

async function up(settings: Partial<Settings>): Promise<void> {
  let endpoint = process.env.AWS_ENDPOINT_URL;
  if (endpoint) {
    say(`Deploying into ${endpoint} (AWS_ENDPOINT_URL) …`);
    print(await deploy({ endpoint, settings }));
    return;
  }
  const emulator = await startEmulator({ port });
  endpoint = emulator.endpoint;
  say(
    emulator.started
      ? `The emulator serves ${endpoint}. Deploying …`
      : `The emulator already serves ${endpoint}. Deploying …`,
  );
  const deployment = await deploy({ endpoint, settings, bootstrap: emulator.started });
  await remember(port, deployment);
  print(deployment);
  say(`Stop it with: ${port === DEFAULT_PORT ? "" : `GATEWAY_PORT=${port} `}npm run emulator:stop`);
}

function print({ apiUrl, workerUrl, endpoint, region, outputs }: Deployment): void {
  const lines = {
    ApiUrl: apiUrl,
    WorkerUrl: workerUrl,
    ...Object.fromEntries(Object.entries(outputs).filter(([name]) => !name.endsWith("Url"))),
  };
  const width = Math.max(...Object.keys(lines).map((name) => name.length)) + 1;
  for (const [name, value] of Object.entries(lines)) process.stdout.write(`${name.padEnd(width)}${value}\n`);
  const missing = process.env.AWS_ACCESS_KEY_ID ? {} : { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
  const here = { AWS_ENDPOINT_URL: endpoint, ...missing, AWS_REGION: region };
  const variables = Object.entries(here).map(([name, value]) => `${name}=${value}`);
  say(`\nTo call its AWS services, set:\n  export ${variables.join(" ")}`);
  say(`Then create the first API key with:\n  ${outputs.FirstKeyCommand}`);
}

try {
  if (command === "up") await up(settingsFrom(rest));
  else if (command === "start") say(`The emulator serves ${(await startEmulator({ port })).endpoint}`);
  else if (command === "stop")
    say((await stopEmulator(port)) ? "The emulator has stopped." : `No emulator runs on port ${port}.`);
  else throw new Error(`"${command}" is not a command: use up, start or stop`);
} catch (error) {
  say((error as Error).message);
  process.exitCode = 1;
}
