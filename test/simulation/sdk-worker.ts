/** The worker of the SDK in the simulated world, with transport, clock and ids of that world. */
import { ServerUnreachable } from "../../sdk/worker/transport.ts";
import { Worker } from "../../sdk/worker/worker.ts";
import { hosted } from "../../sdk/workflow/hosted.ts";
import { Machine } from "./machine.ts";
import { ACTIVITIES, type SimulatedResources, WORKFLOWS } from "./sdk-workflows.ts";
import { DEPLOYMENT } from "./server.ts";
import type { StartWorker } from "./simulate.ts";
import { Violation } from "./store.ts";

export const sdkWorker: StartWorker = (p) => start(p);
/** Weaker: measures time by its machine's clock alone. */
export const setWorker: StartWorker = (p) => start(p, { steady: false });

async function start(
  { world, server, network, process, errors }: Parameters<StartWorker>[0],
  { steady = true } = {},
): Promise<void> {
  const { chance } = world;
  // The first worker has all activities, so that every execution can close. The others pass on activities that they lack.
  const lacking = process.name.startsWith("worker 1 ") ? [] : ACTIVITIES.filter(() => chance.happens(0.2));
  const machine = new Machine(world, chance.between(-2_000, 2_000), (at, fn) => world.within(process, at, fn));
  const set = () => {
    machine.mayBeSet();
    if (process.alive) world.within(process, world.now + 60_000, set);
  };
  world.within(process, world.now + chance.between(0, 60_000), set);
  const note = (message: string, fields?: Record<string, unknown>) => {
    world.note(() => `${process.name}: ${message} ${fields?.error ?? ""}`);
  };
  const resources: SimulatedResources = {
    pause: () => world.pause(process, chance.happens(0.1) ? chance.between(10_000, 90_000) : chance.between(1, 2_000)),
  };
  const worker = new Worker(
    {
      transport: network.transportOf(process, server),
      clock: steady ? machine : { now: () => machine.now(), at: (at, fn) => machine.at(at, fn) },
      log: {
        debug: note,
        info: note,
        warn: note,
        error(message, fields) {
          note(message, fields);
          // Broken code of the workloads, and code that is held back because workers died while they had it (QUARANTINE-4).
          if (message.includes("the code is broken") || message.includes("may have died of its code")) return;
          const cause = fields?.error;
          if (cause instanceof Violation) errors.push(cause);
          else if (!(cause instanceof ServerUnreachable)) errors.push(new Error(message, { cause }));
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
}
