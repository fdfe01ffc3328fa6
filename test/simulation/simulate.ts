/** One world from its seed: workers, clients, faults; then no faults until all executions are at rest. */
import type { ServedVersion } from "../../sdk/worker/types.ts";
import { Client } from "./client.ts";
import { drawFaults, type Faults, NONE } from "./faults.ts";
import { holdAndRelease } from "./holds.ts";
import { checkChanged, checkWhole } from "./invariants.ts";
import { ModelWorker } from "./model-worker.ts";
import { Network } from "./network.ts";
import { deployed } from "./programs.ts";
import { Chance } from "./random.ts";
import { Server, WORKSPACE } from "./server.ts";
import { Violation } from "./store.ts";
import { type VersionGroup, Versions } from "./versions.ts";
import { DRAWS, type Ended, type Workload, workload } from "./workloads.ts";
import { Process, START, World } from "./world.ts";

export type StartWorker = (p: {
  world: World;
  server: Server;
  network: Network;
  process: Process;
  errors: unknown[];
  /** The process serves this version of the deployment too, and its workflows are pinned. */
  version?: ServedVersion;
}) => Promise<void>;

export const modelWorker: StartWorker = async (p) => {
  await new ModelWorker(p).run();
  if (p.version) await new ModelWorker(p, { isVersion: true }).run();
};

export interface Options {
  readonly seed: number;
  readonly startWorker?: StartWorker;
  /** Default: drawn from the seed. */
  readonly faults?: Faults;
  /** Default: drawn from the seed. */
  readonly workloads?: readonly Workload[];
  readonly traced?: boolean;
  /** An operator holds and releases the executions, until the faults end. */
  readonly holds?: true;
  /** The workflows are pinned, and the deployment has two versions of their code. */
  readonly versions?: true;
  readonly weaken?: Server["weaken"];
  /** Claims are lost often, whatever the faults that are drawn. */
  readonly lostClaims?: true;
  /** Weaker: the store is without FENCE-1. */
  readonly givesFencesTwice?: true;
}
export interface Outcome {
  readonly status: string;
  readonly result: unknown;
}
export interface Report {
  readonly seed: number;
  readonly faults: Faults;
  readonly workloads: readonly string[];
  readonly steps: number;
  readonly virtualMs: number;
  readonly outcomes: readonly Outcome[];
  readonly failure: Error | null;
  readonly trace: readonly string[];
}

/** All executions must be at rest this long after the end of the faults. */
const SETTLE_LIMIT_MS = 5_400_000;
/** The world goes on for this long after that, because calls that were under way may still do harm. */
const AFTER_SETTLED_MS = 240_000;

export async function simulate(options: Options): Promise<Report> {
  const { seed, startWorker = modelWorker } = options;
  const world = new World(seed, NONE, options.traced);
  const { chance } = world;
  world.faults = options.faults ?? drawFaults(chance, new Chance(seed + 0x10_0000));
  if (options.lostClaims) world.faults = { ...world.faults, claimLost: 0.4 };
  const { faults } = world;
  const workloads =
    options.workloads ??
    Array.from({ length: chance.between(2, 5) }, () => {
      const { kind, params } = chance.oneOf(DRAWS);
      return workload(kind, params);
    });
  // The protocol must be right for any of these lengths.
  const claimTimeoutMs = chance.oneOf([2_000, 20_000, 120_000]);
  const wakeTimeoutMs = chance.oneOf([2_000, 20_000, 60_000, 120_000]);
  const server = new Server(world, { claimTimeoutMs, wakeTimeoutMs, leaseMs: chance.oneOf([6_000, 30_000]) });
  if (options.weaken) server.weaken = options.weaken;
  if (options.givesFencesTwice) server.store.givesFencesTwice = true;
  const errors: unknown[] = [];
  const versions = options.versions ? new Versions(server) : null;
  for (let n = chance.between(2, 4); n > 0; n--) {
    const p = { world, server, startWorker, errors };
    for (const group of versions?.groups ?? [null]) supervise({ ...p, name: `worker ${n}`, group });
  }
  server.startSweeper();
  const ids = workloads.map((w, i) => `${w.kind}-${i}`);
  const clients = workloads.map((_, i) => new Client(server, `client ${i}`, versions));
  let playing = workloads.length;
  const ends: Ended[] = [];
  for (const [i, w] of workloads.entries()) {
    world.at(START + chance.between(0, 5_000), () => {
      w.play(clients[i]!, ids[i]!).then(
        (end) => {
          playing -= 1;
          if (end) ends.push(end);
        },
        (error) => errors.push(error),
      );
    });
  }
  const report = (failure: Error | null): Report => ({
    seed,
    faults,
    workloads: workloads.map((w) => `${w.kind} ${JSON.stringify(w.params)}`),
    steps: world.steps,
    virtualMs: world.now - START,
    outcomes: ids.map((id) => outcomeOf(server, id)),
    failure,
    trace: world.trace ?? [],
  });
  try {
    const faultsEnd = START + chance.between(60_000, 400_000);
    if (options.holds) holdAndRelease(server, faultsEnd);
    deployed.broken = true;
    world.at(faultsEnd, () => {
      world.endFaults();
      deployed.broken = false;
    });
    let atRestAt: number | null = null;
    for (;;) {
      await world.step();
      checkChanged(server);
      if (server.drivers.violation) throw server.drivers.violation;
      if (errors.length > 0) throw errors[0];
      if (world.now < faultsEnd || world.steps % 50 !== 0) continue;
      if (atRestAt === null && playing === 0 && notAtRest(server).length === 0) atRestAt = world.now;
      if (atRestAt !== null && world.now > atRestAt + AFTER_SETTLED_MS) break;
      if (world.now > faultsEnd + SETTLE_LIMIT_MS) {
        throw new Violation(
          "INV-7",
          `never comes to rest: ${notAtRest(server).join("; ") || "a client has no answer"}`,
        );
      }
    }
    if (notAtRest(server).length > 0) throw new Violation("INV-7", `woke up again: ${notAtRest(server).join("; ")}`);
    checkWhole(
      server,
      clients.flatMap((c) => c.acks),
    );
    checkFamilies(server);
    await versions?.check();
    for (const end of ends) checkEnd(server, end);
    return report(null);
  } catch (error) {
    return report(error as Error);
  }
}

/** Starts a worker process, and starts it again some time after it has died. */
function supervise({
  name,
  group,
  startWorker,
  ...p
}: Omit<Parameters<StartWorker>[0], "network" | "process" | "version"> & {
  readonly name: string;
  readonly group: VersionGroup | null;
  readonly startWorker: StartWorker;
}): void {
  const { world, errors } = p;
  const version = group?.version;
  let boot = 0;
  const startLater = (at: number) => world.at(group?.startsAt(at) ?? at, start);
  const start = () => {
    const process = new Process(`${name} ${version ? `of ${version.name} ` : ""}(boot ${++boot})`);
    group?.onAbsence(() => process.kill());
    process.onDeath(() => startLater(world.now + world.chance.between(500, 40_000)));
    world.note(() => `STARTS ${process.name}`);
    startWorker({ ...p, network: new Network(world), process, ...(version && { version }) }).catch((error) => {
      if (error instanceof Error && error.name === "ServerUnreachable") process.kill();
      else errors.push(error);
    });
  };
  if (group) startLater(group.from);
  else start();
}

function notAtRest(server: Server): string[] {
  const left: string[] = [];
  for (const h of server.store.heads.values()) {
    if (h.status === "RUNNING" || h.due_at !== null)
      left.push(`${h.execution} (${h.workflow}) is ${h.status}, due ${h.due_at}`);
  }
  return left;
}

export function outcomeOf(server: Server, execution: string): Outcome {
  const head = server.store.heads.get(`${WORKSPACE}/${execution}`);
  return head ? { status: head.status, result: head.result } : { status: "ABSENT", result: null };
}

function checkEnd(server: Server, end: Ended): void {
  const runs = [...server.store.runsById.values()].filter((r) => r.chain === end.chain);
  const status = runs.at(-1)?.status;
  if (status !== end.status) throw new Violation("outcome", `chain ${end.chain} is ${status} instead of ${end.status}`);
}

/** Children must have ended by their parent close policies. */
function checkFamilies(server: Server): void {
  for (const [key, head] of server.store.heads) {
    const end = key.split("-").at(-1)!;
    const wanted = CHILDREN[end];
    if (!head.parent || !wanted) continue;
    const parent = server.store.heads.get(`${WORKSPACE}/${head.parent.execution}`);
    if (parent?.chain !== head.parent.chain) continue; // the parent was deleted
    if (parent.status === "TERMINATED" || parent.reset) continue;
    if (head.status !== wanted)
      throw new Violation("family", `${head.execution} is ${head.status} instead of ${wanted}`);
  }
}
const CHILDREN: Record<string, string> = {
  one: "COMPLETED",
  two: "COMPLETED",
  terminate: "TERMINATED",
  cancel: "CANCELED",
  abandon: "COMPLETED",
  dropped: "CANCELED",
  late: "COMPLETED",
  ended: "TERMINATED",
};

const faultless = new Map<string, Promise<Report>>();

/** Simulates, and compares each workload with outcome `same` with its outcome in a world without faults. */
export async function examine(options: Options): Promise<Report> {
  const report = await simulate(options);
  if (report.failure) return report;
  for (const [i, name] of report.workloads.entries()) {
    const [kind, params] = [name.slice(0, name.indexOf(" ")), JSON.parse(name.slice(name.indexOf(" ")))];
    const same = workload(kind, params);
    if (same.outcome !== "same") continue;
    const { startWorker } = options;
    const key = `${name} ${startWorker?.name ?? ""}`;
    const alone = faultless.get(key) ?? simulate({ seed: 1, faults: NONE, workloads: [same], startWorker });
    faultless.set(key, alone);
    const { failure, outcomes } = await alone;
    if (failure) return { ...report, failure: new Error(`${name} fails without any fault`, { cause: failure }) };
    const wanted = JSON.stringify(outcomes[0]);
    const got = JSON.stringify(report.outcomes[i]);
    if (got !== wanted) {
      return { ...report, failure: new Violation("outcome", `${name} ended ${got}; without faults it ends ${wanted}`) };
    }
  }
  return report;
}
