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
