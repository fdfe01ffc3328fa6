/** What comes after a close in the head (LOG-6). */
import { expect, test } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { begun, bench, claimed, completed, finalOf, newRef } from "../../test/contract/subject.ts";
import { MEMORY_TABLES, memoryAws } from "../../test/support/memory-aws.ts";
import { closingIn } from "./closing-batch.ts";
import { HEAD } from "./keys.ts";

test("an effect that a late repetition of an append performs again leaves a head with a closing batch as it is", async () => {
  const clock = new ManualClock();
  const on = memoryAws({ clock });
  const b = bench({ ports: on.ports, pass: async () => {} });
  const { executions } = on.ports;
  const deadline = clock.now() + 3_600_000;
  const head = await claimed(b, await begun(b, newRef(), { run: on.ports.uuid(), deadline }));
  await executions.setSearchKeys(head, head.run, { step: "one" });
  const batch = { first: 2, events: [{ ...completed, id: 2, at: clock.now() }], append_id: on.ports.uuid() };
  const { run, fence } = head;
  const next = finalOf(head, clock.now());
  expect(await executions.close(head, { run, fence, batch, next })).toEqual({ kind: "closed" });
  const item = () => on.clients.items(MEMORY_TABLES.executions).find(({ sk }) => sk!.S === HEAD)!;
  const before = structuredClone(item());
  expect(closingIn(before)).toMatchObject({ n: { N: "1" } });
  expect((await executions.head(head))!.search_keys).toEqual({ step: "one" });
  await executions.setSearchKeys(head, head.run, { step: "one" });
  // Else the change stream would deliver the closing batch once more, to a writer that no longer knows its source.
  expect(item()).toEqual(before);
});
