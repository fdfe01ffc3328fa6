import { describe, expect, test } from "vitest";
import type { KeyRecord, WorkflowChange } from "../../shared/ports.ts";
import type { Right } from "../../shared/protocol/rights.ts";
import type { WorkflowDefinition } from "../../shared/protocol/worker.ts";
import { definition, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const registryContract: Contract = (of) => {
  interface Boot {
    workspace?: string;
    deployment?: string;
    worker?: string;
    session?: string;
    definitions?: WorkflowDefinition[];
  }
  const register = async (p: Boot = {}) => {
    const worker = {
      workspace: p.workspace ?? uuid(),
      deployment: p.deployment ?? "shop",
      worker: p.worker ?? "host-1",
      session: p.session ?? uuid(),
    };
    const definitions = p.definitions ?? [definition("orders")];
    const refs = await of().ports.registry.register({ ...worker, definitions, now: of().now() });
    return { ...worker, refs };
  };
  const registry = () => of().ports.registry;

  test("a registration stores deployment, workflows, registrations and the worker", async () => {
    const at = of().now();
    const full = definition("orders", {
      display_name: "Orders",
      description: "takes orders",
      signals: [{ name: "approve", input_schema: { type: "object" } }],
      search_keys: ["customer.id"],
      execution_timeout: null,
    });
    const { workspace, session, refs } = await register({ definitions: [full, definition("refunds")] });
    expect(refs).toHaveLength(2);
    expect(await registry().deployments(workspace)).toMatchObject([{ name: "shop" }]);
    const [orders] = await registry().registrations(workspace, { workflow: "orders" });
    expect(orders).toMatchObject({
      id: refs[0]!.registrationId,
      workflowId: refs[0]!.workflowId,
      workflow: "orders",
      deployment: "shop",
      definition: full,
    });
    expect(orders!.createdAt).toBeGreaterThanOrEqual(at);
    const [worker] = await registry().workers(workspace);
    expect(worker).toMatchObject({ deployment: "shop", name: "host-1", session });
    expect(worker!.heartbeatAt).toBeGreaterThanOrEqual(at);
    expect(await registry().workflow(workspace, "orders")).toMatchObject({
      id: refs[0]!.workflowId,
      name: "orders",
      displayName: "Orders",
      description: "takes orders",
      tags: [],
      archived: false,
    });
  });

  test("a second registration keeps the ids and replaces the definition", async () => {
    const first = await register();
    await of().pass(1_000);
    const changed = definition("orders", { description: "changed" });
    const { refs } = await register({ ...first, session: uuid(), definitions: [changed] });
    expect(refs).toEqual(first.refs);
    const [found, ...others] = await registry().registrations(first.workspace);
    expect(others).toEqual([]);
    expect(found!.definition).toEqual(changed);
    expect(found!.updatedAt).toBeGreaterThan(found!.createdAt);
    expect(await registry().deployments(first.workspace)).toHaveLength(1);
  });

  test("two deployments of one workflow share the workflow and have a registration each", async () => {
    const one = await register({ deployment: "one" });
    const two = await register({ workspace: one.workspace, deployment: "two" });
    expect(two.refs[0]!.workflowId).toBe(one.refs[0]!.workflowId);
    expect(two.refs[0]!.registrationId).not.toBe(one.refs[0]!.registrationId);
    const both = await registry().registrations(one.workspace, { workflow: "orders" });
    expect(both.map((r) => r.deployment).sort()).toEqual(["one", "two"]);
    const filtered = await registry().registrations(one.workspace, { deployment: "two" });
    expect(filtered.map((r) => r.id)).toEqual([two.refs[0]!.registrationId]);
    const none = await registry().registrations(one.workspace, { workflow: "orders", deployment: "three" });
    expect(none).toEqual([]);
  });

  test("no workspace reads the registrations of another", async () => {
    const { refs } = await register();
    const other = uuid();
    expect(await registry().deployments(other)).toEqual([]);
    expect(await registry().workers(other)).toEqual([]);
    expect(await registry().registrations(other)).toEqual([]);
    expect(await registry().registration(other, refs[0]!.registrationId)).toBeNull();
    expect(await registry().workflows(other)).toEqual([]);
    expect(await registry().workflow(other, "orders")).toBeNull();
    expect(await registry().workflow(other, refs[0]!.workflowId)).toBeNull();
  });

  test("workflows are found by name or by id, registrations by id", async () => {
    const { workspace, refs } = await register();
    const byName = await registry().workflow(workspace, "orders");
    expect(await registry().workflow(workspace, refs[0]!.workflowId)).toEqual(byName);
    expect(await registry().workflow(workspace, "nothing")).toBeNull();
    expect(await registry().registration(workspace, refs[0]!.registrationId)).toMatchObject({ workflow: "orders" });
    expect(await registry().registration(workspace, uuid())).toBeNull();
    expect((await registry().workflows(workspace)).map((w) => w.name)).toEqual(["orders"]);
  });

  test("of simultaneous changes of a current deployment one is stored, and the registrations bring it along", async () => {
    const { workspace } = await register({ deployment: "v1" });
    await register({ workspace, deployment: "v2" });
    const value = (version: number, deployment: string) => ({
      workflow: "orders",
      version,
      deployment,
      previous: null,
      ramp: null,
      changedAt: of().now(),
      changedBy: "ci",
    });
    expect(await registry().current(workspace, "orders")).toBeNull();
    expect(await registry().setCurrent(workspace, value(2, "v1"))).toBe(false);
    const first = await Promise.all(["v1", "v2"].map((name) => registry().setCurrent(workspace, value(1, name))));
    expect(first.filter(Boolean)).toHaveLength(1);
    const stored = (await registry().current(workspace, "orders"))!;
    expect(stored.version).toBe(1);
    const next = { ...value(2, "v2"), previous: "v1", ramp: { deployment: "v3", percent: 2.5 } };
    expect(await registry().setCurrent(workspace, value(3, "v1"))).toBe(false);
    expect(await registry().setCurrent(workspace, next)).toBe(true);
    expect(await registry().setCurrent(workspace, value(2, "v1"))).toBe(false);
    const { registrations, current } = await registry().serving(workspace, "orders");
    expect(current).toEqual(next);
    expect(registrations.map(({ deployment }) => deployment).sort()).toEqual(["v1", "v2"]);
    expect(await registry().currents(workspace)).toEqual([next]);
    expect(await registry().currents(uuid())).toEqual([]);
    // It is none of the registrations.
    for (const filter of [{}, { workflow: "orders" }]) {
      const all = await registry().registrations(workspace, filter);
      expect(all.map(({ deployment }) => deployment).sort()).toEqual(["v1", "v2"]);
    }
    expect(await registry().clearCurrent(workspace, stored)).toBe(false);
    expect(await registry().clearCurrent(workspace, next)).toBe(true);
    expect(await registry().serving(workspace, "orders")).toMatchObject({ current: null });
    expect(await registry().setCurrent(workspace, value(1, "v1"))).toBe(true);
  });

  test("of simultaneous changes of the holds one is stored, and the sweeper finds the workspaces with a release", async () => {
    const workspace = uuid();
    expect(await registry().holds(workspace)).toEqual({ version: 0, holds: [] });
    const held = { deployment: "shop", workflow: null, since: of().now(), by: "ci", reason: "why", release: null };
    const first = ["shop", "other"].map((deployment) =>
      registry().setHolds(workspace, { version: 1, holds: [{ ...held, deployment }] }),
    );
    expect((await Promise.all(first)).filter(Boolean)).toHaveLength(1);
    expect(await registry().releases()).not.toContain(workspace);
    const reached = {
      workspace,
      execution: "e",
      deployment: "shop",
      dueAt: 1,
      deadline: null,
      status: "RUNNING",
    } as const;
    const release = { since: of().now(), perSecond: 2.5, reached };
    const next = { version: 2, holds: [{ ...held, release }] };
    expect(await registry().setHolds(workspace, { ...next, version: 3 })).toBe(false);
    expect(await registry().setHolds(workspace, next)).toBe(true);
    expect(await registry().setHolds(workspace, next)).toBe(false);
    expect(await registry().holds(workspace)).toEqual(next);
    expect(await registry().knownHolds(workspace)).toEqual(next.holds);
    expect(await registry().releases()).toContain(workspace);
    expect(await registry().setHolds(workspace, { version: 3, holds: [] })).toBe(true);
    expect(await registry().releases()).not.toContain(workspace);
    expect(await registry().knownHolds(workspace)).toEqual([]);
    expect(await registry().holds(uuid())).toEqual({ version: 0, holds: [] });
  });

  test("an operator's changes of a workflow stay when a worker registers it again, and can be taken back", async () => {
    const full = definition("orders", { display_name: "Orders", description: "takes orders" });
    const boot = await register({ definitions: [full] });
    const { workspace } = boot;
    const change = (p: WorkflowChange) => registry().changeWorkflow(workspace, "orders", p);
    expect(await registry().changeWorkflow(workspace, "nothing", { archived: true })).toBeNull();
    expect(await registry().changeWorkflow(uuid(), "orders", { archived: true })).toBeNull();
    expect(await change({})).toMatchObject({ displayName: "Orders", tags: [] });
    expect(await change({ displayName: "Bestellungen", tags: ["b", "a"], archived: true })).toMatchObject({
      displayName: "Bestellungen",
      description: "takes orders",
      tags: ["a", "b"],
      archived: true,
    });
    expect(await change({ tags: ["a", "b", "c"], seenTags: ["a", "b"], availableInChatAssistant: true })).toMatchObject(
      {
        tags: ["a", "b", "c"],
        availableInChatAssistant: true,
        archived: true,
      },
    );
    await register({ ...boot, session: uuid(), definitions: [{ ...full, display_name: "Orders 2" }] });
    const kept = await registry().workflow(workspace, boot.refs[0]!.workflowId);
    expect(kept).toMatchObject({ displayName: "Bestellungen", tags: ["a", "b", "c"], archived: true });
    expect((await registry().workflows(workspace))[0]).toEqual(kept);
    expect(await change({ displayName: null, tags: [], archived: false })).toMatchObject({
      displayName: "Orders 2",
      tags: [],
      archived: false,
      availableInChatAssistant: true,
    });
    expect(await change({ tags: ["new"], seenTags: [] })).toMatchObject({ tags: ["new"] });
    for (const seenTags of [[], ["other"], ["new", "other"]])
      expect(await change({ tags: ["late"], archived: true, seenTags })).toBeNull();
    expect(await change({})).toMatchObject({ tags: ["new"], archived: false });
  });

  test("authorising keys for a deployment ends the sessions of workers with other keys", async () => {
    const workspace = uuid();
    const [one, two] = [uuid().replaceAll("-", ""), uuid().replaceAll("-", "")];
    const boot = { workspace, deployment: "shop", worker: "w", definitions: [definition("orders")] };
    const [first, second, elsewhere] = [uuid(), uuid(), uuid()];
    await registry().register({ ...boot, session: first, key: one, now: of().now() });
    await registry().register({ ...boot, session: second, key: two, now: of().now() });
    await registry().register({ ...boot, deployment: "other", session: elsewhere, key: two, now: of().now() });
    const before = await registry().deployment(workspace, "shop");
    expect(before).toMatchObject({ name: "shop", authorizedKeys: null });
    const authorize = (deployment: string, keys: string[] | null) =>
      registry().authorize({ workspace, deployment, keys, now: of().now() });
    await authorize("shop", [one]);
    expect(await registry().deployment(workspace, "shop")).toEqual({ ...before, authorizedKeys: [one] });
    expect([...(await registry().heartbeats(workspace, [first, second, elsewhere])).keys()].sort()).toEqual(
      [first, elsewhere].sort(),
    );
    await registry().register({ ...boot, session: first, key: one, now: of().now() });
    expect(await registry().deployment(workspace, "shop")).toMatchObject({ authorizedKeys: [one] });
    await authorize("new", [one, two]);
    expect(await registry().deployment(workspace, "new")).toMatchObject({ name: "new", authorizedKeys: [one, two] });
    await authorize("shop", null);
    expect(await registry().deployment(workspace, "shop")).toMatchObject({ authorizedKeys: null });
    expect(await registry().deployment(uuid(), "shop")).toBeNull();
    expect((await registry().deployments(workspace)).map((d) => d.name).sort()).toEqual(["new", "other", "shop"]);
  });

  test("a deployment is a version of one deployment for good, and is introduced once (PINNED-2, PINNED-3)", async () => {
    const workspace = uuid();
    const boot = { workspace, deployment: "shop-v1", worker: "w", definitions: [definition("orders")] };
    const versionOf = async (name: string) => (await registry().deployment(workspace, name))?.version;
    const again = (p: object) => registry().register({ ...boot, session: uuid(), ...p, now: of().now() });
    await registry().authorize({ workspace, deployment: "shop-v1", keys: null, now: of().now() });
    expect(await versionOf("shop-v1")).toBeNull();
    await again({ version: { of: "shop", name: "v1" } });
    expect(await versionOf("shop-v1")).toEqual({ of: "shop", name: "v1", introduced: false });
    await registry().introduced(workspace, "shop-v1");
    for (const p of [{ version: { of: "shop", name: "v1" } }, { version: { of: "other", name: "v2" } }, {}]) {
      await again(p);
      expect(await versionOf("shop-v1")).toEqual({ of: "shop", name: "v1", introduced: true });
    }
    const pinned = definition("orders", { versioning: "pinned" });
    await again({ deployment: "shop", definitions: [pinned] });
    expect(await versionOf("shop")).toBeNull();
    const [found] = await registry().registrations(workspace, { deployment: "shop" });
    expect(found!.definition).toEqual(pinned);
    const all = await registry().deployments(workspace);
    expect(all.map(({ name, version }) => [name, version?.of]).sort()).toEqual([
      ["shop", undefined],
      ["shop-v1", "shop"],
    ]);
  });

  test("a deployment that is retired has no registrations and no sessions, stays a version, and comes back (RETIRE-2)", async () => {
    const workspace = uuid();
    const definitions = [definition("orders"), definition("refunds")];
    const boot = { workspace, deployment: "shop-v1", worker: "w", session: uuid(), definitions };
    const version = { of: "shop", name: "v1" };
    const enter = () => registry().register({ ...boot, version, now: of().now() });
    const [first] = await enter();
    await registry().introduced(workspace, "shop-v1");
    const other = await register({ workspace, deployment: "shop-v2" });
    const served = async (workflow: string) =>
      (await registry().serving(workspace, workflow)).registrations.map(({ deployment }) => deployment).sort();
    expect([await served("orders"), await served("refunds")]).toEqual([["shop-v1", "shop-v2"], ["shop-v1"]]);
    expect(await registry().retire(workspace, "shop-v1")).toEqual(["orders", "refunds"]);
    expect(await registry().retire(workspace, "shop-v1")).toEqual([]);
    expect([await served("orders"), await served("refunds")]).toEqual([["shop-v2"], []]);
    expect(await registry().registration(workspace, first!.registrationId)).toBeNull();
    expect([...(await registry().heartbeats(workspace, [boot.session, other.session])).keys()]).toEqual([
      other.session,
    ]);
    expect(await registry().beat({ ...boot, now: of().now() })).toBe(false);
    expect((await registry().deployment(workspace, "shop-v1"))?.version).toEqual({ ...version, introduced: true });
    await of().pass(5);
    for (let i = 0; i < 2; i++) await enter();
    expect([await served("orders"), await served("refunds")]).toEqual([["shop-v1", "shop-v2"], ["shop-v1"]]);
    expect(await registry().beat({ ...boot, now: of().now() })).toBe(true);
    expect((await registry().deployment(workspace, "shop-v1"))?.version).toEqual({ ...version, introduced: true });
  });

  describe("workers", () => {
    test("a heartbeat is stored; an unknown session must register again", async () => {
      const worker = await register();
      await of().pass(2_000);
      const now = of().now();
      expect(await registry().beat({ ...worker, now })).toBe(true);
      expect((await registry().workers(worker.workspace))[0]!.heartbeatAt).toBe(now);
      expect(await registry().beat({ ...worker, session: uuid(), now })).toBe(false);
      expect(await registry().beat({ ...worker, workspace: uuid(), now })).toBe(false);
      expect(await registry().beat({ ...worker, deployment: "other", now })).toBe(false);
    });

    test("a worker's load is that of its last heartbeat, and null before the first", async () => {
      const worker = await register();
      const stored = async () => (await registry().workers(worker.workspace))[0]!.load;
      expect(await stored()).toBeNull();
      const load = { activities: 3, activity_slots: 100, workflow_tasks: 1, workflow_slots: 200, cached: 7 };
      for (const [cpu, memory_bytes] of [
        [0.25, 2 ** 27],
        [1.5, 2 ** 33],
      ] as const) {
        const now = of().now();
        expect(await registry().beat({ ...worker, load: { ...load, cpu, memory_bytes }, now })).toBe(true);
        expect(await stored()).toEqual({ ...load, cpu, memory_bytes });
      }
    });

    test("the deployment of a session is known until it leaves", async () => {
      const worker = await register();
      const deploymentOf = (workspace: string) => registry().deploymentOfSession(workspace, worker.session);
      expect(await deploymentOf(worker.workspace)).toBe(worker.deployment);
      expect(await deploymentOf(uuid())).toBeNull();
      await registry().leave(worker);
      expect(await deploymentOf(worker.workspace)).toBeNull();
    });

    test("a session that leaves is gone at once and its heartbeats are refused; leaving twice is harmless", async () => {
      const worker = await register();
      await registry().leave(worker);
      await registry().leave(worker);
      expect(await registry().workers(worker.workspace)).toEqual([]);
      expect(await registry().beat({ ...worker, now: of().now() })).toBe(false);
      expect((await registry().heartbeats(worker.workspace, [worker.session])).size).toBe(0);
      expect(await registry().registrations(worker.workspace)).toHaveLength(1);
    });

    test("a restarted worker is listed once, with its latest session and its first creation time", async () => {
      const first = await register();
      const [before] = await registry().workers(first.workspace);
      await of().pass(1_000);
      const second = await register({ ...first, session: uuid() });
      const workers = await registry().workers(first.workspace);
      expect(workers).toMatchObject([{ session: second.session, createdAt: before!.createdAt }]);
      expect(workers[0]!.registeredAt).toBeGreaterThan(before!.registeredAt);
    });

    test("what a worker can run is kept by its latest registration", async () => {
      const first = await register();
      const { workspace } = first;
      const abilitiesOf = async () => {
        const [worker] = await registry().workers(workspace, "shop");
        return (await registry().abilities(workspace, [worker!.abilities!])).get(worker!.abilities!);
      };
      const again = { ...first, definitions: [definition("orders")], now: of().now() };
      await registry().register({ ...again, activities: ["ship", "charge", "ship"] });
      expect(await abilitiesOf()).toEqual({ workflows: ["orders"], activities: ["charge", "ship"] });
      await registry().register({ ...again, activities: [] });
      expect(await abilitiesOf()).toEqual({ workflows: ["orders"], activities: [] });
      expect(await registry().abilities(uuid(), ["x"])).toEqual(new Map());
    });

    test("live sessions of one name are listed each, with the id of their process", async () => {
      const dead = await register();
      await of().pass(1_000);
      const { workspace } = dead;
      const since = of().now();
      const one = { ...dead, session: uuid(), pid: 11, definitions: [definition("orders")] };
      const two = { ...one, session: uuid(), pid: 12 };
      await registry().register({ ...one, now: of().now() });
      await registry().register({ ...two, now: of().now() });
      const found = (await registry().workers(workspace, "shop", since)).map(({ session, pid }) => ({ session, pid }));
      expect(found).toHaveLength(2);
      expect(found).toEqual(
        expect.arrayContaining([
          { session: one.session, pid: 11 },
          { session: two.session, pid: 12 },
        ]),
      );
      expect(await registry().workers(workspace)).toHaveLength(1);
    });

    test("workers are listed for a workspace or for one deployment", async () => {
      const one = await register({ deployment: "one" });
      await register({ workspace: one.workspace, deployment: "two", worker: "host-2" });
      const names = async (d?: string) => (await registry().workers(one.workspace, d)).map((w) => w.name).sort();
      expect(await names()).toEqual(["host-1", "host-2"]);
      expect(await names("two")).toEqual(["host-2"]);
      expect(await names("three")).toEqual([]);
    });

    test("heartbeats of known sessions are answered, also of earlier sessions of a worker name", async () => {
      const first = await register();
      const at = of().now();
      await of().pass(1_000);
      const second = await register({ ...first, session: uuid() });
      const beats = await registry().heartbeats(first.workspace, [first.session, second.session, uuid()]);
      expect([...beats.keys()].sort()).toEqual([first.session, second.session].sort());
      expect(beats.get(first.session)!).toBeLessThanOrEqual(at);
      expect((await registry().heartbeats(uuid(), [first.session])).size).toBe(0);
    });
  });

  test("a key is found by its hash alone", async () => {
    const key = {
      hash: uuid().replaceAll("-", ""),
      workspace: uuid(),
      rights: ["admin"] as const,
      name: "k",
      createdAt: 5,
    };
    await registry().putKey(key);
    expect(await registry().key(key.hash)).toEqual(key);
    expect(await registry().key(uuid())).toBeNull();
    await registry().putKey({ ...key, rights: ["read"] });
    expect(await registry().key(key.hash)).toMatchObject({ rights: ["read"] });
  });

  const newKey = (workspace: string, right: Right = "admin", name = "k"): KeyRecord => ({
    hash: uuid().replaceAll("-", ""),
    workspace,
    rights: [right],
    name,
    createdAt: 5,
  });
  const keepAdmin = { keepAdmin: true } as const;

  test("of revocations at once of all admin keys, one is refused", async () => {
    for (const count of [2, 2, 3, 5]) {
      const workspace = uuid();
      const keys = Array.from({ length: count }, () => newKey(workspace));
      for (const key of [...keys, newKey(workspace, "operate")]) await registry().putKey(key);
      const answers = await Promise.all(keys.map((key) => registry().removeKey(workspace, key.hash, keepAdmin)));
      expect(answers.toSorted()).toEqual(["last_admin", ...Array(count - 1).fill("removed")]);
      const kept = keys[answers.indexOf("last_admin")]!;
      expect((await registry().keys(workspace)).filter((key) => key.rights[0] === "admin")).toEqual([kept]);
      expect(await registry().key(kept.hash)).toEqual(kept);
    }
  });

  test("the last admin key is removed only by a caller who does not ask to keep it", async () => {
    const workspace = uuid();
    const [admin, reader] = [newKey(workspace), newKey(workspace, "read")];
    await registry().putKey(admin);
    await registry().putKey(reader);
    expect(await registry().removeKey(workspace, reader.hash, keepAdmin)).toBe("removed");
    expect(await registry().removeKey(workspace, admin.hash, keepAdmin)).toBe("last_admin");
    expect(await registry().key(admin.hash)).toEqual(admin);
    expect(await registry().removeKey(workspace, admin.hash)).toBe("removed");
    expect(await registry().keys(workspace)).toEqual([]);
  });

  test("an admin key that expires is kept as it is, and does not stand in for one that lasts", async () => {
    const workspace = uuid();
    const lasting = newKey(workspace);
    const expiring = { ...newKey(workspace), expiresAt: 7 };
    for (const key of [lasting, expiring]) await registry().putKey(key);
    expect(await registry().key(expiring.hash)).toEqual(expiring);
    expect(await registry().removeKey(workspace, lasting.hash, keepAdmin)).toBe("last_admin");
    expect(await registry().removeKey(workspace, expiring.hash, keepAdmin)).toBe("removed");
  });

  test("a key that is stored again with other rights counts as what it then is", async () => {
    const workspace = uuid();
    const [one, two] = [newKey(workspace), newKey(workspace)];
    for (const key of [one, two, { ...two, rights: ["read"] as const }]) await registry().putKey(key);
    expect(await registry().removeKey(workspace, one.hash, keepAdmin)).toBe("last_admin");
    await registry().putKey(two);
    expect(await registry().removeKey(workspace, one.hash, keepAdmin)).toBe("removed");
  });

  test("the keys of a workspace are listed, and a removed one is gone with the sessions of its workers", async () => {
    const workspace = uuid();
    const keyOf = (name: string, of = workspace) => newKey(of, "admin", name);
    const [one, two, other] = [keyOf("one"), keyOf("two"), keyOf("other", uuid())];
    for (const key of [one, two, other]) await registry().putKey(key);
    const workers = { workspace, deployment: "shop", worker: "w", definitions: [definition("orders")] };
    const [first, second] = [uuid(), uuid()];
    await registry().register({ ...workers, session: first, key: one.hash, now: of().now() });
    await registry().register({ ...workers, session: second, key: two.hash, now: of().now() });
    expect((await registry().keys(workspace)).map((k) => k.name).sort()).toEqual(["one", "two"]);

    expect(await registry().removeKey(other.workspace, one.hash)).toBe("unknown");
    expect(await registry().removeKey(workspace, one.hash)).toBe("removed");
    expect(await registry().removeKey(workspace, one.hash)).toBe("unknown");
    expect(await registry().key(one.hash)).toBeNull();
    expect(await registry().keys(workspace)).toEqual([two]);
    expect([...(await registry().heartbeats(workspace, [first, second])).keys()]).toEqual([second]);
    expect(await registry().beat({ ...workers, session: first, now: of().now() })).toBe(false);
    expect(await registry().key(other.hash)).toEqual(other);
  });
};
