import { expect, test } from "vitest";
import type { EventOf } from "../protocol/history.ts";
import { isQuarantined, isSuspect, nextQuarantine, type Quarantine, WORKER_DIED } from "./quarantine.ts";

const MINUTE = 60_000;
const failed = (at: number, type: string, quarantined = "code"): EventOf<"workflow_task_failed"> => ({
  kind: "workflow_task_failed",
  id: 2,
  at,
  failure: { type, message: "" },
  fingerprint: type,
  quarantined,
});
const after = (...events: EventOf<"workflow_task_failed">[]) =>
  events.reduce<Quarantine | null>(nextQuarantine, null) as Quarantine;

test("each further try lasts twice as long (QUARANTINE-3)", () => {
  const first = after(failed(0, WORKER_DIED));
  expect(first).toMatchObject({ until: 10 * MINUTE, count: 1 });
  const second = nextQuarantine(first, failed(first.until, WORKER_DIED));
  expect(second).toMatchObject({ until: 30 * MINUTE, count: 2 });
});

test("a death that is recorded before the try and by the watchdog during it counts once", () => {
  const slow = after(failed(0, WORKER_DIED), failed(MINUTE, "BlockedLoopError"));
  expect(slow).toMatchObject({ count: 1, until: 11 * MINUTE, failure: { type: "BlockedLoopError" } });
  expect(nextQuarantine(slow, failed(slow.until, "BlockedLoopError"))).toMatchObject({ count: 2 });
});

test("only the code that failed is kept from workers", () => {
  const other = after(failed(0, WORKER_DIED), failed(MINUTE, WORKER_DIED, "repaired"));
  expect(isQuarantined(other, "repaired", 2 * MINUTE)).toBe(true);
  expect(isQuarantined(other, "code", 2 * MINUTE)).toBe(false);
  expect(isSuspect(other, "code", 3)).toBe(false);
  expect(isSuspect(other, "code", 4)).toBe(true);
});
