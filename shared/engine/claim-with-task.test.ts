import { expect, test } from "vitest";
import { batchOf, completed } from "../../test/contract/subject.ts";
import {
  ManualWorker,
  MINUTE,
  ref,
  type Stage,
  signal,
  stage,
  started,
  WORKSPACE,
} from "../../test/interleavings/stage.ts";
import type { Ports } from "../ports.ts";
import type { Message } from "../protocol/messages.ts";
import type { Delivery } from "../protocol/worker.ts";
import type { Embedded } from "../server/embedded.ts";
import { mayLeaveEarly, withClaims } from "./claim-with-task.ts";
import { send } from "./send.ts";

const QUEUE = { workspace: WORKSPACE, deployment: "shop", queue: "workflow" } as const;

/** An execution that the session `A` owns and has parked. */
async function owned(s: Stage, execution = "x") {
  await started(s, { execution });
  const a = new ManualWorker(s.ports, "A", ref(execution));
  await a.claim();
  await a.append([{ kind: "timer_started", timer: 1, fire_at: s.clock.now() + 60 * MINUTE }]);
  expect(await a.park()).toBe(true);
  await s.tasks();
  return a;
}
const poked = (s: Stage, id: string, execution = "x") => send(s.ports, ref(execution), signal(id, s.clock.now()));

test("CLAIM-3: the owner of an execution is given its claim with the task of a wake-up, and the batches that it has are left out", async () => {
  const s = await stage();
  const a = await owned(s);
  await poked(s, "m");
  const { claimed, claimed_after } = await s.polled("A");
  const head = await s.ports.executions.head(ref());
  expect(claimed).toMatchObject({ head, batches: [], messages: [{ id: "signal#m" }], fenced: false });
  expect(head).toMatchObject({ owner: "A", wake_pending: false });
  expect(head!.fence).toBeGreaterThan(a.head.fence + 1);
  expect(head!.due_at).toBeGreaterThan(s.clock.now());
  expect(claimed_after).toBe(2);
});

test("CLAIM-3: no claim comes without a pending wake-up, to another session, or to a poll that does not ask for it", async () => {
  const s = await stage();
  await owned(s);
  const polled = async (session: string, again: boolean) => {
    const deliveries = await s.ports.tasks.receive(QUEUE, { session, max: 1, waitMs: 0 });
    const [delivery] = await withClaims(s.ports, QUEUE, { session, again }, deliveries);
    await s.ports.tasks.extend(WORKSPACE, [delivery!.receipt], 0);
    return delivery!.claimed !== undefined;
  };
  await s.ports.tasks.send(QUEUE, { kind: "workflow", execution: "x" }); // as for a due time
  expect(await polled("A", true)).toBe(false);
  await s.tasks();
  await poked(s, "m");
  expect(await polled("B", true)).toBe(false);
  expect(await polled("A", false)).toBe(false);
  expect(await polled("A", true)).toBe(true);
  expect(await polled("A", true)).toBe(false); // delivered again
});

test("CLAIM-3: a run that nobody has claimed is claimed by its worker: a claim that was thrown away would perform its effects twice", async () => {
  const s = await stage();
  const a = await owned(s);
  const run = crypto.randomUUID();
  await a.claim();
  await a.close({ kind: "execution_continued", run, workflow: "orders", input: null });
  expect(await s.ports.executions.head(ref())).toMatchObject({ owner: "A", wake_pending: true });
  expect((await s.polled("A")).claimed).toBeUndefined();
});

test("HOLD-2: no claim comes while the workspace has holds", async () => {
  const s = await stage();
  await owned(s);
  await poked(s, "m");
  const holds = [{ deployment: "shop", workflow: null, reason: null, since: 0 }] as never;
  expect(await s.ports.registry.setHolds(WORKSPACE, { version: 1, holds } as never)).toBe(true);
  expect((await s.polled("A")).claimed).toBeUndefined();
});

test("CLAIM-5: a log that cannot be read, or an inbox with many messages, keeps no other task from the session", async () => {
  const s = await stage();
  for (const id of ["damaged", "full", "well"]) await owned(s, id);
  const store = s.ports as Embedded;
  const damaged = new ManualWorker(s.ports, "A", ref("damaged"));
  await damaged.claim();
  await damaged.append([{ kind: "search_keys_set", set: {}, remove: [] }]); // not parked: a claim reads it
  await store.durable();
  expect(store.database.run("UPDATE log SET body = 'x' WHERE run = ? AND first > 2", damaged.head.run)).toBe(1);
  for (let n = 0; n < 101; n++) await poked(s, `m${n}`, "full");
  await poked(s, "m", "damaged");
  await poked(s, "m", "well");
  const deliveries = await s.ports.tasks.receive(QUEUE, { session: "A", max: 10, waitMs: 0 });
  const all = await withClaims(s.ports, QUEUE, { session: "A", again: true }, deliveries);
  const claimed = all.map(({ task, claimed }) => [task.execution, claimed !== undefined]);
  expect(Object.fromEntries(claimed)).toEqual({ damaged: false, full: false, well: true });
});

test("CLAIM-3: message, wake-up, delivery and claim are one transaction where a poll waits", async () => {
  const s = await stage();
  await owned(s);
  const { database, tasks } = s.ports as Embedded;
  const waiting = tasks.receive(QUEUE, { session: "A", max: 1, waitMs: MINUTE });
  const answer = waiting.then((deliveries) => withClaims(s.ports, QUEUE, { session: "A", again: true }, deliveries));
  await database.durable();
  const before = database.commits;
  await poked(s, "m");
  await database.durable();
  expect((await answer)[0]!.claimed!.messages).toHaveLength(1);
  await database.durable();
  expect(database.commits).toBe(before + 1);
});

test("CLAIM-6: a claim leaves early with signals and updates, and waits with what may be undone", async () => {
  const s = await stage();
  await (s.ports as Embedded).durable();
  const at = s.clock.now();
  const update = { id: "update#u", kind: "update", name: "u", input: null, sent_at: at } as const;
  const cancel = { id: "cancel#c", kind: "cancel", reason: null, sent_at: at } as const;
  const early = async (execution: string, ...messages: Message[]) => {
    const a = await owned(s, execution);
    for (const message of messages) await send(s.ports, ref(execution), message);
    const delivery = await s.polled("A");
    expect(delivery.claimed?.messages).toHaveLength(messages.length);
    const outcome = { kind: "child", run: a.head.run, child: 1, outcome: { kind: "completed", result: 1 } } as const;
    const told: Delivery = {
      ...delivery,
      claimed: { ...delivery.claimed!, messages: [{ ...outcome, id: "o", seq: 9, sent_at: at }] },
    };
    const read: Delivery = { ...delivery, claimed: { ...delivery.claimed!, batches: [batchOf(3, at, [completed])] } };
    for (const other of [told, read]) expect(mayLeaveEarly(s.ports, [delivery, other])).toBe(false);
    expect(mayLeaveEarly(s.ports, [delivery, { ...delivery, claimed: undefined }])).toBe(false);
    expect(mayLeaveEarly(s.ports, [])).toBe(false);
    const ports = { ...s.ports, executions: { ...s.ports.executions, givesFencesOnce: () => false } } as Ports;
    expect(mayLeaveEarly(ports, [delivery])).toBe(false);
    return mayLeaveEarly(s.ports, [delivery]);
  };
  expect(await early("one", signal("m", at))).toBe(true);
  expect(await early("two", signal("m", at), update)).toBe(true);
  await started(s, { execution: "waits" }); // its log has no batch
  const b = new ManualWorker(s.ports, "A", ref("waits"));
  await b.claim();
  expect(await b.park()).toBe(true);
  await s.tasks();
  await poked(s, "m", "waits");
  expect(mayLeaveEarly(s.ports, [await s.polled("A")])).toBe(true);
  expect(await early("three", signal("m", at), cancel)).toBe(false);
});
