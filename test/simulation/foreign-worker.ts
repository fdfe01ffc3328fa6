/** The worker core of `sdk/host` in the simulated world, with a host that is a process of its own and dies on its own. */
import { runCore } from "../../sdk/host/core.ts";
import { type FromCore, HOST_PROTOCOL } from "../../sdk/host/protocol.ts";
import { ForeignHost, type HostOptions } from "./foreign-host.ts";
import { machineOf } from "./machine.ts";
import { Pipe } from "./pipe.ts";
import { PROGRAMS } from "./programs.ts";
import { DEPLOYMENT } from "./server.ts";
import type { StartWorker } from "./simulate.ts";
import { workerLog } from "./worker-log.ts";
import { Process } from "./world.ts";

const ACTIVITIES = ["double", "third_time", "hopeless"].flatMap((name) => [name, `far_${name}`]);
const anything = { input_schema: { type: "object" } };
const definition = (name: string) => ({
  name,
  ...anything,
  signals: [{ name: "poke", ...anything }],
  updates: [{ name: "double", ...anything }],
  execution_timeout: null,
});
/** Errors of the log that the faults of the world lead to. */
const EXPECTED = [
  "the host's process is stopped",
  "which does not wait for that", // the host said an answer twice
];

export const foreignWorker: StartWorker = (p) => start(p);
export const hostThatStopsEarly: StartWorker = (p) => start(p, { stopsEarly: true });

async function start(
  { world, server, network, process, errors }: Parameters<StartWorker>[0],
  weaker: Pick<HostOptions, "stopsEarly"> = {},
): Promise<void> {
  const { chance } = world;
  const host = new Process(`host of ${process.name}`);
  const toCore = new Pipe(world, host, process);
  const toHost = new Pipe(world, process, host);
  const lacking = process.name.startsWith("worker 1 ") ? [] : ACTIVITIES.filter(() => chance.happens(0.2));
  const machine = machineOf(world, process);
  runCore({
    input: toCore.readable,
    output: toHost.writable,
    clock: machine,
    // A host that is set back for an hour would look alive: pulses go by the machine's steady clock.
    hostClock: { now: () => machine.steady(), at: (at, fn) => world.within(process, at, fn) },
    log: workerLog({ world, process, errors }, EXPECTED),
    transport: () => network.transportOf(process, server),
    uuid: () => chance.uuid(),
    exit: () => process.kill(),
  });
  const program = new ForeignHost({
    world,
    process: host,
    out: toCore,
    killCore: () => process.kill(),
    transport: network.transportOf(host, server),
    ...weaker,
  });
  toHost.read(
    (message) => program.take(message as FromCore),
    () => program.coreDied().catch((error) => errors.push(error)),
  );
  program.greet({
    v: HOST_PROTOCOL,
    call: 1,
    host: "simulated/1",
    deployment: DEPLOYMENT,
    worker: process.name,
    url: "",
    key: "",
    definitions: Object.keys(PROGRAMS).map(definition),
    hashes: {},
    activities: ACTIVITIES.filter((name) => !lacking.includes(name)),
    limits: { activities: 2, workflows: 50, cached: 3 },
  } as never);
}
