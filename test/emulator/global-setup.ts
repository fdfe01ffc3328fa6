/**
 * What the test files of a run share, made at the first question for it: assemblies of the stack by their settings, and deployed
 * stacks by a name, each in an account of its own. Bundling and synthesizing take most of the processor time of a deployment.
 */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import type { Settings } from "../../infra/config.ts";
import { deploy, synthesize } from "../../localstack/deploy.ts";
import { freePort, startEmulator, stopEmulator } from "../../localstack/emulator.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Address that answers `GET /assembly?settings=…` and `GET /stack?name=…&minute=…`. */
    readonly shared: string;
  }
}

const DEFAULTS = JSON.stringify({});

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "sirocco-shared-"));
  const assemblies = new Map<string, Promise<string>>();
  const stacks = new Map<string, Promise<object>>();
  const ports: number[] = [];

  /** CDK validates one template: the others differ in little. */
  function assembly(settings: string): Promise<string> {
    let made = assemblies.get(settings);
    if (!made) {
      made = mkdtemp(join(folder, "assembly-")).then((own) =>
        synthesize(own, JSON.parse(settings) as Partial<Settings>, { validate: settings === DEFAULTS }),
      );
      assemblies.set(settings, made);
    }
    return made;
  }
  async function deployed(ruleMinuteSeconds: number) {
    const port = await freePort();
    ports.push(port);
    const emulator = startEmulator({ port, endWithCaller: true, ruleMinuteSeconds });
    const [{ endpoint }, made] = await Promise.all([emulator, assembly(DEFAULTS)]);
    return deploy({ endpoint, assembly: made });
  }
  function stack(name: string, minute: number): Promise<object> {
    let made = stacks.get(name);
    if (!made) {
      made = deployed(minute);
      stacks.set(name, made);
    }
    return made;
  }

  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url!, "http://shared");
    try {
      const of = (name: string) => searchParams.get(name)!;
      const made = pathname === "/stack" ? stack(of("name"), Number(of("minute"))) : assembly(of("settings"));
      response.end(JSON.stringify(await made));
    } catch (error) {
      response.writeHead(500).end((error as Error).message);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  project.provide("shared", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return async () => {
    server.close();
    await Promise.allSettled([...stacks.values(), ...assemblies.values()]);
    for (const port of ports) await stopEmulator(port);
    await rm(folder, { recursive: true, force: true });
  };
}
