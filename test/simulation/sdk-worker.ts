/** The worker of the SDK in the simulated world, with transport, clock and ids of that world. */
import { ServerUnreachable } from "../../sdk/worker/transport.ts";
import { Worker } from "../../sdk/worker/worker.ts";
import { hosted } from "../../sdk/workflow/hosted.ts";
import { ACTIVITIES, type SimulatedResources, WORKFLOWS } from "./sdk-workflows.ts";
import { DEPLOYMENT } from "./server.ts";
import type { StartWorker } from "./simulate.ts";

export const sdkWorker: StartWorker = async ({ world, server, network, process, errors }) => {
  const { chance } = world;
  // The first worker has all activities, so that every execution can close. The others pass on activities that they lack.
  const lacking = process.name.startsWith("worker 1 ") ? [] : ACTIVITIES.filter(() => chance.happens(0.2));
  const skew = chance.between(-2_000, 2_000);
  const note = (message: string, fields?: Record<string, unknown>) => {
    world.note(() => `${process.name}: ${message} ${fields?.error ?? ""}`);
  };
  const resources: SimulatedResources = {
    pause: () => world.pause(process, chance.happens(0.1) ? chance.between(10_000, 90_000) : chance.between(1, 2_000)),
  };
  const worker = new Worker(
    {
      transport: network.transportOf(process, server),
      clock: {
        now: () => world.now + skew,
        at: (at, fn) => world.within(process, at - skew, fn),
      },
      log: {
        debug: note,
        info: note,
        warn: note,
        error(message, fields) {
          note(message, fields);
          // Broken code of the workloads, and code that is held back because workers died while they had it (QUARANTINE-4).
          if (message.includes("the code is broken") || message.includes("may have died of its code")) return;
          if (!(fields?.error instanceof ServerUnreachable)) errors.push(new Error(message, { cause: fields?.error }));
        },
      },
      session: chance.uuid(),
      deployment: DEPLOYMENT,
      uuid: () => chance.uuid(),
      workflows: new Map(WORKFLOWS.map((w) => [w.name, hosted(w)])),
      activities: new Map(ACTIVITIES.filter((a) => !lacking.includes(a)).map((a) => [a.name, a])),
      limits: { maxConcurrentActivities: 2, maxConcurrentWorkflows: 50, cachedExecutions: 3 },
      resources,
      deterministic: true,
      failOnAnyError: false,
    },
    process.name,
  );
  await worker.start();
};
