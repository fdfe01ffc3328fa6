import { expect, test } from "vitest";
import { headOf, newRef } from "../../test/contract/subject.ts";
import { overriding } from "../lib/overriding.ts";
import type { HistoryEvent } from "../protocol/history.ts";
import { embedded } from "../server/embedded.ts";
import { reset } from "./reset.ts";

test("a reset of a long run lets other requests run between its pieces", async () => {
  const ports = embedded();
  const ref = newRef();
  const at = ports.clock.now();
  const head = headOf(ref, at);
  await ports.executions.create(head, []);
  const signal = (id: number): HistoryEvent => ({
    kind: "signal_received",
    message: `signal#${id}`,
    name: "s",
    input: "x".repeat(500),
    id,
    at,
  });
  for (let first = 2; first < 5_000; first += 500) {
    const events = Array.from({ length: 500 }, (_, i) => signal(first + i));
    await ports.executions.putBatch(ref, head.run, { first, events, append_id: ports.uuid() }, 1e9);
  }
  let pauses = 0;
  const counted = overriding(ports, { pause: async () => void pauses++ });
  const done = await reset(counted, ref, { target: { to: "start" }, reason: null, excluded: [] });
  expect(done.kind).toBe("reset");
  // The old run is read in five pieces, given again in five, and written in five.
  expect(pauses).toBeGreaterThanOrEqual(15);
  if (done.kind !== "reset") return;
  const given = (await ports.executions.batches(ref, done.head.run, 1)).flatMap(({ events }) => events);
  expect(given.filter(({ kind }) => kind === "signal_received")).toHaveLength(5_000);
  await ports.close();
});
