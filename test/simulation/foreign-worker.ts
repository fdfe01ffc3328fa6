/** The worker core of `sdk/host` in the simulated world, with a host that is a process of its own and dies on its own. */
import { runCore } from "../../sdk/host/core.ts";
import { type FromCore, HOST_PROTOCOL } from "../../sdk/host/protocol.ts";
import { ServerUnreachable } from "../../sdk/worker/transport.ts";
import { ForeignHost, type HostOptions } from "./foreign-host.ts";
import { Machine } from "./machine.ts";
import { Pipe } from "./pipe.ts";
import { PROGRAMS } from "./programs.ts";
import { DEPLOYMENT } from "./server.ts";
import type { StartWorker } from "./simulate.ts";
import { Violation } from "./store.ts";
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
  "the code is broken",
  "may have died of its code",
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
  const machine = new Machine(world, chance.between(-2_000, 2_000), (at, fn) => world.within(process, at, fn));
  const set = () => {
    machine.mayBeSet();
    if (process.alive) world.within(process, world.now + 60_000, set);
  };
  world.within(process, world.now + chance.between(0, 60_000), set);
  const note = (message: string, fields?: Record<string, unknown>) => {
    world.note(() => `${process.name}: ${message} ${fields?.error ?? ""}`);
  };
  runCore({
    input: toCore.readable,
    output: toHost.writable,
    clock: machine,
    // A host that is set back for an hour would look alive: pulses go by the machine's steady clock.
    hostClock: { now: () => machine.steady(), at: (at, fn) => world.within(process, at, fn) },
    log: {
      debug: note,
      info: note,
      warn: note,
      error(message, fields) {
        note(message, fields);
        if (EXPECTED.some((one) => message.includes(one))) return;
        const cause = fields?.error;
        if (cause instanceof Violation) errors.push(cause);
        else if (!(cause instanceof ServerUnreachable)) errors.push(new Error(message, { cause }));
      },
    },
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
