import { expect, test } from "vitest";
import { definition, uuid } from "../../test/contract/subject.ts";
import type { CurrentDeployment, KeyRecord } from "../ports.ts";
import { embedded } from "../server/embedded.ts";
import type { EmbeddedRegistry } from "./registry.ts";

test("what serves a workflow is read from memory, and new after each change of it", async () => {
  const { registry, database, close } = embedded();
  const workspace = uuid();
  const register = (deployment: string, over = {}) =>
    registry.register({
      ...{ workspace, deployment, worker: "host", session: uuid(), now: 1 },
      definitions: [definition("orders", over)],
    });
  const serving = () => registry.serving(workspace, "orders");
  const names = async () => (await serving()).registrations.map(({ deployment }) => deployment);
  expect(await names()).toEqual([]);
  await register("one");
  expect(await names()).toEqual(["one"]);
  await register("two");
  expect((await names()).toSorted()).toEqual(["one", "two"]);
  expect(await serving()).toBe(await serving());

  await register("one", { display_name: "Orders" });
  expect((await serving()).registrations.map(({ definition: { display_name } }) => display_name)).toContain("Orders");

  const current = { workflow: "orders", deployment: "one", version: 1 } as CurrentDeployment;
  expect(await registry.setCurrent(workspace, current)).toBe(true);
  expect((await serving()).current).toEqual(current);
  expect(await registry.setCurrent(workspace, { ...current, version: 2, deployment: "two" })).toBe(true);
  expect((await serving()).current?.deployment).toBe("two");
  expect(await registry.clearCurrent(workspace, { ...current, version: 2 })).toBe(true);
  expect((await serving()).current).toBeNull();

  database.run("DELETE FROM registrations");
  expect(await names()).toHaveLength(2); // nothing but the registry writes them
  close();
});

test("which deployments are active is read from memory, and new after each change of a worker", async () => {
  const { registry, database, close } = embedded();
  const workspace = uuid();
  const session = uuid();
  const register = (deployment: string, of: string, now: number) =>
    registry.register({ workspace, deployment, worker: "host", session: of, now, definitions: [], key: "k" });
  const active = async (since: number) => [...(await registry.active(workspace, since))].toSorted();
  expect(await active(0)).toEqual([]);
  await register("one", session, 10);
  await register("two", uuid(), 10);
  expect(await active(10)).toEqual(["one", "two"]);
  expect(await registry.active(workspace, 10, ["two", "three"])).toEqual(new Set(["two"]));
  expect(await active(11)).toEqual([]);

  await registry.beat({ workspace, deployment: "one", worker: "host", session, now: 20 });
  expect(await active(11)).toEqual(["one"]);
  await registry.leave({ workspace, deployment: "one", worker: "host", session });
  expect(await active(0)).toEqual(["two"]);
  await registry.authorize({ workspace, deployment: "two", keys: [], now: 20 });
  expect(await active(0)).toEqual([]);
  await register("one", session, 30);
  expect(await active(0)).toEqual(["one"]);
  await registry.retire(workspace, "one");
  expect(await active(0)).toEqual([]);
  await register("one", session, 30);
  (registry as EmbeddedRegistry).expireSessions(31);
  expect(await active(0)).toEqual([]);
  await registry.putKey({ hash: "k", workspace, name: "n" } as KeyRecord);
  await register("one", session, 40);
  expect(await active(0)).toEqual(["one"]);
  expect(await registry.removeKey(workspace, "k")).toBe("removed");
  expect(await active(0)).toEqual([]);

  await register("one", session, 50);
  expect(await active(0)).toEqual(["one"]);
  database.run("DELETE FROM workers");
  expect(await active(0)).toEqual(["one"]); // nothing but the registry writes them
  close();
});
