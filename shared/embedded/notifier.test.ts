import { expect, test } from "vitest";
import { realClock } from "../lib/clock.ts";
import { Database } from "./database.ts";
import { Notifier } from "./notifier.ts";

const LATER = Date.now() + 600_000;
const ref = { workspace: "w", execution: "e" };

/** Which of the waits a change ends, after its commit. */
async function woken(announce: (notifier: Notifier) => void): Promise<string[]> {
  const database = new Database(":memory:");
  const notifier = new Notifier(realClock, database);
  const off = new AbortController();
  const woken: string[] = [];
  const listen = (name: string, wait: Promise<void>) => wait.then(() => off.signal.aborted || woken.push(name));
  const waits = [
    listen("head", notifier.waitForHead(ref, LATER, off.signal)),
    listen("execution", notifier.waitForExecution(ref, LATER, off.signal)),
    listen("feed", notifier.waitForFeed("w", LATER, off.signal)),
    listen("another", notifier.waitForExecution({ ...ref, execution: "f" }, LATER, off.signal)),
  ];
  database.run("INSERT INTO meta (name, value) VALUES ('test', 1)");
  announce(notifier);
  await Promise.resolve();
  expect(woken).toEqual([]); // COMMIT-3
  await database.durable();
  await new Promise(setImmediate);
  off.abort();
  await Promise.all(waits);
  database.close();
  return woken;
}

test("a new head wakes callers that wait for the head, and those that wait for any change of the execution", async () => {
  expect(await woken((notifier) => notifier.announceHead(ref))).toEqual(["head", "execution"]);
});

test("a batch does not wake callers that wait for the head", async () => {
  expect(await woken((notifier) => notifier.announceExecution(ref))).toEqual(["execution"]);
});

test("an event wakes callers that wait for the feed of its workspace", async () => {
  expect(await woken((notifier) => notifier.announceFeed("w"))).toEqual(["feed"]);
  expect(await woken((notifier) => notifier.announceFeed("v"))).toEqual([]);
});

/** Whether a client that waits for the head has its answer before the callers of the commit that brings it. */
async function answered(status: "RUNNING" | "COMPLETED", callers: number): Promise<string[]> {
  const database = new Database(":memory:");
  const notifier = new Notifier(realClock, database);
  const order: string[] = [];
  const client = (async () => {
    await notifier.waitForHead(ref, LATER);
    for (let i = 0; i < 20; i++) await Promise.resolve(); // reads the head, and makes its answer
    order.push("client");
  })();
  database.run("INSERT INTO meta (name, value) VALUES ('test', 1)");
  notifier.announceHead({ ...ref, status });
  const workers = Array.from({ length: callers }, () => database.durable().then(() => order.push("worker")));
  await Promise.all([client, ...workers]);
  database.close();
  return order;
}

test("COMMIT-3: the client that waits for a result is answered before the worker that has closed the run", async () => {
  expect(await answered("COMPLETED", 1)).toEqual(["client", "worker"]);
  expect(await answered("RUNNING", 1)).toEqual(["worker", "client"]);
});

test("COMMIT-3: where many callers wait for a commit, they do not wait for the clients", async () => {
  expect(await answered("COMPLETED", 3)).toEqual(["worker", "worker", "worker", "client"]);
});
