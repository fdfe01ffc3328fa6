/** The worker of the SDK in the simulated world, with transport, clock and ids of that world. */
import { contextsOf } from "../../sdk/worker/run.ts";
import { Worker } from "../../sdk/worker/worker.ts";
import { type HostedWorkflow, hosted } from "../../sdk/workflow/hosted.ts";
import { machineOf } from "./machine.ts";
import { ACTIVITIES, type SimulatedResources, WORKFLOWS } from "./sdk-workflows.ts";
import { DEPLOYMENT } from "./server.ts";
import type { StartWorker } from "./simulate.ts";
import { workerLog } from "./worker-log.ts";

const pinned = (w: HostedWorkflow): HostedWorkflow => ({
  ...w,
  definition: { ...w.definition, versioning: "pinned" },
});

export const sdkWorker: StartWorker = (p) => start(p);
/** Weaker: measures time by its machine's clock alone. */
export const setWorker: StartWorker = (p) => start(p, { steady: false });

async function start(
  { world, server, network, process, errors, version }: Parameters<StartWorker>[0],
  { steady = true } = {},
): Promise<void> {
  const { chance } = world;
  // The first worker has all activities, so that every execution can close. The others pass on activities that they lack.
  const lacking = process.name.startsWith("worker 1 ") ? [] : ACTIVITIES.filter(() => chance.happens(0.2));
  const machine = machineOf(world, process);
  const resources: SimulatedResources = {
    pause: () => world.pause(process, chance.happens(0.1) ? chance.between(10_000, 90_000) : chance.between(1, 2_000)),
  };
  const contexts = contextsOf(
    {
      transport: network.transportOf(process, server),
      clock: steady ? machine : { now: () => machine.now(), at: (at, fn) => machine.at(at, fn) },
      log: workerLog({ world, process, errors }),
      session: chance.uuid(),
      deployment: DEPLOYMENT,
      uuid: () => chance.uuid(),
      workflows: new Map(WORKFLOWS.map((w) => [w.name, version ? pinned(hosted(w)) : hosted(w)])),
      activities: new Map(ACTIVITIES.filter((a) => !lacking.includes(a)).map((a) => [a.name, a])),
      limits: { maxConcurrentActivities: 2, maxConcurrentWorkflows: 50, cachedExecutions: 3 },
      resources,
      deterministic: true,
      failOnAnyError: false,
    },
    version ?? null,
  );
  for (const each of contexts) await new Worker(each, process.name).start();
}
