import { expect, test } from "vitest";
import { WorkerConfigError } from "./options.ts";
import { openResources, ResourceError } from "./resources.ts";
import type { Resources } from "./types.ts";

const seen: string[] = [];
const errors: string[] = [];
const log = { debug() {}, info() {}, warn() {}, error: (message: string) => void errors.push(message) };
const noted = (name: string, over: object = {}) => ({
  open: (opened: object) => {
    seen.push(`open ${name} after ${Object.keys(opened).join(" ")}`);
    return name;
  },
  close: (value: string) => void seen.push(`close ${value}`),
  ...over,
});
const opening = (resources: object) => openResources(resources as Resources<Record<string, unknown>>, log);

test("resources are opened in order, each knowing those before it, and closed in the reverse order, once", async () => {
  seen.length = 0;
  const opened = await opening({ a: noted("a"), b: noted("b"), c: { open: async () => 3 } });
  expect(opened.values).toEqual({ a: "a", b: "b", c: 3 });
  await opened.close();
  await opened.close();
  expect(seen).toEqual(["open a after ", "open b after a", "close b", "close a"]);
});

test("when one cannot be opened, those that are open are closed, and the error says which and why", async () => {
  seen.length = 0;
  const refuses = () => Promise.reject(new Error("connection refused"));
  const failing = opening({ a: noted("a"), db: { open: refuses }, c: noted("c") });
  await expect(failing).rejects.toThrow(
    "resource 'db' could not be opened, so the worker does not start: connection refused",
  );
  await expect(failing).rejects.toBeInstanceOf(ResourceError);
  expect(seen).toEqual(["open a after ", "close a"]);
});

test("one that cannot be closed is logged and keeps no other open", async () => {
  seen.length = 0;
  const stuck = { close: () => Promise.reject(new Error("gone already")) };
  await (await opening({ a: noted("a"), b: noted("b", stuck) })).close();
  expect(errors.at(-1)).toBe("resource 'b' could not be closed: gone already");
  expect(seen.at(-1)).toBe("close a");
});

test("the first check that fails names its resource; without checks all are well", async () => {
  let well: unknown = true;
  const opened = await opening({ a: noted("a"), b: noted("b", { check: () => well }) });
  expect(await opened.problem()).toBeNull();
  well = undefined;
  expect(await opened.problem()).toBeNull();
  well = false;
  expect(await opened.problem()).toEqual({ resource: "b", detail: "its check answered false" });
  const throwing = await opening({ a: noted("a", { check: () => Promise.reject(new Error("no route")) }) });
  expect(await throwing.problem()).toEqual({ resource: "a", detail: "no route" });
});

test("a wrong form is refused before anything is opened", async () => {
  seen.length = 0;
  await expect(opening({ a: noted("a"), b: async () => 1 })).rejects.toThrow("resource 'b' has no function 'open'");
  await expect(opening((() => ({})) as never)).rejects.toBeInstanceOf(WorkerConfigError);
  expect(seen).toEqual([]);
});
