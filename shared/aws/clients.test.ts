import { expect, test } from "vitest";
import { awsClients, lazily } from "./clients.ts";

test("a client that loads at its first use is loaded once for concurrent callers", async () => {
  let loads = 0;
  const load = lazily(async () => {
    loads += 1;
    return { loads };
  });
  const [first, second] = await Promise.all([load(), load()]);
  expect(first).toBe(second);
  expect(await load()).toBe(first);
  expect(loads).toBe(1);
});

test("a failed load is tried again at the next use", async () => {
  let loads = 0;
  const load = lazily(async () => {
    loads += 1;
    if (loads === 1) throw new Error("too many open files");
    return "loaded";
  });
  await expect(load()).rejects.toThrow("too many open files");
  expect(await load()).toBe("loaded");
  expect(await load()).toBe("loaded");
  expect(loads).toBe(2);
});

test("destroying closes the clients that were loaded, and loads none", async () => {
  const clients = awsClients({ region: "eu-west-1" });
  const sts = await clients.sts();
  let closed = 0;
  sts.client.destroy = () => {
    closed += 1;
  };
  await clients.destroy();
  expect(closed).toBe(1);
});
