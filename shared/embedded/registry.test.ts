import { expect, test } from "vitest";
import { definition, uuid } from "../../test/contract/subject.ts";
import type { CurrentDeployment } from "../ports.ts";
import { embedded } from "../server/embedded.ts";

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
