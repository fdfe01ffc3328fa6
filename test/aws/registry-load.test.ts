/** What routing, heartbeats and registrations cost with a thousand workers, in counted units over tables in memory. */
import { describe, expect, test } from "vitest";
import { HOLD_LAG_MS } from "../../shared/protocol/limits.ts";
import { routeToWorkflow } from "../../shared/routing/client-start.ts";
import { activeDeployments } from "../../shared/routing/liveness.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { registryContract } from "../contract/registry.ts";
import { bench, definition, uuid } from "../contract/subject.ts";
import { type MemoryAws, memoryAws } from "../support/memory-aws.ts";

const DEFINITIONS = Array.from({ length: 20 }, (_, i) =>
  definition(`workflow-${i}`, { description: "x".repeat(3_000) + i, input_schema: { type: "object" } }),
);

function installation() {
  const clock = new ManualClock();
  const on = memoryAws({ clock });
  const workspace = uuid();
  const worker = (n: number, deployment = "shop") => ({ workspace, deployment, worker: `w${n}`, session: uuid() });
  const units = async (of: MemoryAws, call: () => Promise<unknown>) => {
    of.clients.meter.take();
    await call();
    const { readUnits, writeUnits } = of.clients.meter.take();
    return { reads: readUnits, writes: writeUnits };
  };
  const register = (of: MemoryAws, who: ReturnType<typeof worker>, definitions = DEFINITIONS) =>
    of.ports.registry.register({ ...who, definitions, activities: ["charge"], now: clock.now() });
  const beat = (of: MemoryAws, who: ReturnType<typeof worker>) => of.ports.registry.beat({ ...who, now: clock.now() });
  const active = async (of: MemoryAws) => [...(await activeDeployments(of.ports, workspace))];
  return { clock, on, workspace, worker, units, register, beat, active };
}

describe("with a thousand workers", () => {
  test("a start reads two units to be routed, also where five deployments serve the workflow", async () => {
    const { on, workspace, worker, units, register } = installation();
    for (let n = 0; n < 1_000; n++) await register(on, worker(n));
    const route = (of: MemoryAws, deployment?: string) => async () =>
      expect(await routeToWorkflow(of.ports, workspace, "workflow-7", deployment)).toMatchObject({
        definition: DEFINITIONS[7],
      });
    await route(on)();
    expect((await units(on, route(on))).reads).toBe(2);
    const fresh = on.another();
    expect((await units(fresh, route(fresh))).reads).toBe(3); // and the definition, once in each process
    for (const other of ["a", "b", "c", "d"]) await register(on, worker(0, other));
    await route(on, "shop")();
    expect((await units(on, route(on, "shop"))).reads).toBe(2);
  });

  test("a registration with known definitions writes three units, and a renewal writes nothing", async () => {
    const { clock, on, worker, units, register } = installation();
    for (let n = 0; n < 1_000; n++) await register(on, worker(n));
    const fresh = on.another();
    const who = worker(1_000);
    expect(await units(fresh, () => register(fresh, who))).toEqual({ reads: 3, writes: 3 }); // the last looks for a retirement (REGISTER-4)
    await clock.advance(5_000);
    const other = on.another();
    expect(await units(other, () => register(other, who))).toEqual({ reads: 1, writes: 0 });
    const [changed, ...rest] = DEFINITIONS;
    const release = [{ ...changed!, description: "new" }, ...rest];
    const { writes } = await units(fresh, () => register(fresh, worker(1_001), release));
    expect(writes).toBeLessThanOrEqual(15); // one definition of twenty, by its size, and what names it
  });

  test("a heartbeat writes one unit, and one more in every 20 s of a process for its deployment", async () => {
    const { clock, on, worker, units, register, beat } = installation();
    const workers = Array.from({ length: 50 }, (_, n) => worker(n));
    for (const who of workers) await register(on, who);
    let writes = 0;
    const ROUNDS = 12;
    for (let i = 0; i < ROUNDS; i++) {
      await clock.advance(10_000);
      for (const who of workers) writes += (await units(on, () => beat(on, who))).writes;
    }
    expect(writes).toBeLessThanOrEqual(ROUNDS * workers.length + ROUNDS);
  });
});

describe("a deployment is active", () => {
  test("for as long as one of its workers beats, whichever process serves it, and until the window has passed", async () => {
    const { clock, on, worker, register, beat, active } = installation();
    const processes = [on, on.another(), on.another()];
    const [one, two] = [worker(1), worker(2)];
    await register(on, one);
    await register(on, two);
    const { livenessMs } = on.ports.settings;
    let last = 0;
    for (let i = 0; i < 30; i++) {
      await clock.advance(10_000);
      await beat(processes[i % 3]!, one);
      last = clock.now();
      expect(await active(processes[(i + 1) % 3]!)).toEqual(["shop"]);
    }
    for (; clock.now() - last < livenessMs; await clock.advance(1_000)) {
      for (const of of processes) expect(await active(of), `${clock.now() - last} ms after`).toEqual(["shop"]);
    }
    await clock.advance(1_000);
    for (const of of processes) expect(await active(of)).toEqual([]);
    const quiet = await beat(processes[1]!, two);
    expect(quiet).toBe(true);
    for (const of of processes) expect(await active(of)).toEqual(["shop"]);
  });

  test("not any more at once when its last worker leaves, and again with the next, in every process", async () => {
    const { on, worker, register, active } = installation();
    const other = on.another();
    const [one, two, three] = [worker(1), worker(2), worker(3)];
    await register(on, one);
    await register(other, two);
    await on.ports.registry.leave(one);
    expect(await active(other)).toEqual(["shop"]);
    await on.ports.registry.leave(two);
    expect(await active(on)).toEqual([]);
    expect(await active(other)).toEqual([]);
    await register(other, three);
    expect(await active(on)).toEqual(["shop"]);
  });

  test("although another worker leaves while it registers, in every order of their writes", async () => {
    for (let at = 1; at < 12; at++) {
      const { on, worker, register, active } = installation();
      const [one, two] = [worker(1), worker(2)];
      await register(on, one);
      const leaving = on.another();
      let calls = 0;
      const { dynamo } = leaving.clients;
      const send = dynamo.send.bind(dynamo);
      // The other registers whole, between two calls of the one that leaves.
      dynamo.send = (async (command: never) => {
        if (++calls === at) await register(on, two);
        return send(command);
      }) as typeof dynamo.send;
      await leaving.ports.registry.leave(one);
      if (calls < at) await register(on, two);
      expect(await active(on), `before call ${at} of ${calls}`).toEqual(["shop"]);
    }
  });
});

test("HOLD-6: a process learns of a hold after its lag, by the server's clock and not by its machine's", async () => {
  const { clock, on, workspace } = installation();
  const function_ = on.another();
  expect(await function_.ports.registry.knownHolds(workspace)).toEqual([]);
  const hold = { deployment: "shop", workflow: null, since: clock.now(), by: "ci", reason: null, release: null };
  expect(await on.ports.registry.setHolds(workspace, { version: 1, holds: [hold] })).toBe(true);
  await clock.advance(HOLD_LAG_MS);
  expect(await function_.ports.registry.knownHolds(workspace)).toEqual([hold]);
});

describe("the registry over tables in memory", () => {
  const clock = new ManualClock();
  const b = bench({ ports: memoryAws({ clock }).ports, pass: (ms) => clock.advance(ms) });
  registryContract(() => b);
});

/** Runs `other` as a whole before the call's `n`th request of DynamoDB; false: the call makes fewer. */
async function between(
  on: MemoryAws,
  n: number,
  call: (on: MemoryAws) => Promise<unknown>,
  other: () => Promise<unknown>,
) {
  const halted = on.another();
  const { dynamo } = halted.clients;
  const send = dynamo.send.bind(dynamo) as (...args: unknown[]) => unknown;
  let left = n;
  dynamo.send = (async (...args: unknown[]) => {
    if (left-- === 0) await other();
    return send(...args);
  }) as typeof dynamo.send;
  await call(halted);
  return left < 0;
}

describe("a deployment that is retired while a worker of it registers", () => {
  const CASES = (["retirement in registration", "registration in retirement"] as const).flatMap((which) =>
    ["same", "changed"].map((build) => [which, build] as const),
  );
  test.each(
    CASES,
  )("(%s, %s build) leaves no live worker without its registrations (REGISTER-4)", async (which, build) => {
    let places = 0;
    for (let n = 0, more = true; more; n++) {
      const { clock, on, workspace, worker, register } = installation();
      const definitions = DEFINITIONS.slice(0, 3);
      await register(on, worker(0), definitions);
      await on.another().ports.registry.leave({ ...worker(0) });
      await clock.advance(60_000);
      const renewed =
        build === "same" ? definitions : [{ ...definitions[0]!, description: "new" }, ...definitions.slice(1)];
      const who = worker(1);
      const enter = (of: MemoryAws) => register(of, who, renewed);
      const retire = (of: MemoryAws) => of.ports.registry.retire(workspace, "shop");
      more =
        which === "retirement in registration"
          ? await between(on, n, enter, () => retire(on.another()))
          : await between(on, n, retire, () => enter(on.another()));
      places += more ? 1 : 0;
      const after = on.another();
      await clock.advance(10_000);
      if (!(await after.ports.registry.beat({ ...who, now: clock.now() }))) await enter(after); // as a worker does (WORKER-2)
      const found = await after.ports.registry.registrations(workspace, { deployment: "shop" });
      expect(found.map(({ workflow }) => workflow).sort(), `before request ${n}`).toEqual(
        renewed.map(({ name }) => name).sort(),
      );
      expect(found.some(({ definition }) => definition.description === "new")).toBe(build === "changed");
    }
    expect(places).toBeGreaterThan(5);
  });
});
