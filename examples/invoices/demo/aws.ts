/** The installation in the AWS emulator: starts the emulator and deploys the stack if necessary, and creates a key. */
import { deploy, recall, remember } from "../../../localstack/deploy.ts";
import { DEFAULT_PORT, startEmulator } from "../../../localstack/emulator.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../../shared/api/index.ts";
import { registryKeys } from "../../../shared/server/aws-operator.ts";

export interface Address {
  /** For clients. */
  readonly url: string;
  /** For workers. */
  readonly workerUrl: string;
  readonly key: string;
}

export async function installationOnAws(print: (text: string) => void): Promise<Address> {
  const port = Number(process.env.GATEWAY_PORT ?? DEFAULT_PORT);
  const { endpoint, started } = await startEmulator({ port });
  let stack = started ? undefined : await recall(port);
  if (!stack) {
    print(`the emulator serves ${endpoint}; deploying the stack into it`);
    stack = await deploy({ endpoint, bootstrap: started });
    await remember(port, stack);
  }
  const settings = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_REGION: stack.region,
  };
  // Set only while the key is created: workers must work without AWS settings in their environment.
  const before = Object.fromEntries(Object.keys(settings).map((name) => [name, process.env[name]]));
  Object.assign(process.env, settings);
  try {
    const ports = await registryKeys({ table: stack.outputs.RegistryTable!, region: stack.region });
    const { key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "demo" });
    print(
      `deployed: ${stack.apiUrl} for clients, ${stack.workerUrl} for workers; npm run emulator:stop stops the emulator`,
    );
    return { url: stack.apiUrl, workerUrl: stack.workerUrl, key };
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
