import { expect, test } from "vitest";
import { uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

const start = () => ({ execution: `x-${uuid()}`, run: uuid(), request: "r" });

export const startKeysContract: Contract = (of) => {
  test("a key keeps the first start that came with it, in its own workspace", async () => {
    const { startKeys } = of().ports;
    const [workspace, key, first, second] = [uuid(), uuid(), start(), start()];
    const until = of().now() + 60_000;
    expect(await startKeys.get(workspace, key)).toBeNull();
    expect(await startKeys.keep(workspace, key, first, until)).toEqual(first);
    expect(await startKeys.keep(workspace, key, second, until)).toEqual(first);
    expect(await startKeys.get(workspace, key)).toEqual(first);
    expect(await startKeys.get(uuid(), key)).toBeNull();
    expect(await startKeys.keep(uuid(), key, second, until)).toEqual(second);
  });

  test("of many calls at once all are answered the same start", async () => {
    const { startKeys } = of().ports;
    const [workspace, key, until] = [uuid(), uuid(), of().now() + 60_000];
    const kept = await Promise.all(Array.from({ length: 8 }, () => startKeys.keep(workspace, key, start(), until)));
    expect(new Set(kept.map(({ run }) => run)).size).toBe(1);
  });

  test("an expired key counts as absent", async () => {
    const b = of();
    const [workspace, key, second] = [uuid(), uuid(), start()];
    await b.ports.startKeys.keep(workspace, key, start(), b.now() + 10);
    await b.pass(20);
    expect(await b.ports.startKeys.get(workspace, key)).toBeNull();
    expect(await b.ports.startKeys.keep(workspace, key, second, b.now() + 60_000)).toEqual(second);
  });
};
