/** Why an execution with a long history waits: the fold of its run is kept between questions, and changes no answer. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readRun } from "../../shared/api/explain/read-run.ts";
import type { Head } from "../../shared/protocol/head.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import { MAX_HISTORY_BYTES } from "../../shared/protocol/limits.ts";
import { batchOf, headOf } from "../contract/subject.ts";
import { type World, world } from "./support/world.ts";

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(() => w.close());

const signal = (name: string): NewEvent =>
  ({ kind: "signal_received", message: `signal#${randomUUID()}`, name, input: {} }) as NewEvent;
const scheduled = (activity: number): NewEvent =>
  ({
    kind: "activity_scheduled",
    activity,
    name: `charge-${activity}`,
    input: { card: "x".repeat(1_000) },
    where: "queue",
    options: { start_to_close_ms: 60_000, retry: { max_attempts: 3, first_ms: 1_000, factor: 2, max_ms: 100_000 } },
  }) as unknown as NewEvent;

class Recorded {
  readonly head: Head;
  #last = 1;
  constructor(head: Head) {
    this.head = head;
  }
  async append(events: readonly NewEvent[]): Promise<void> {
    const batch = batchOf(this.#last + 1, w.clock.now(), events);
    const put = await w.ports.executions.putBatch(this.head, this.head.run, batch, MAX_HISTORY_BYTES);
    expect(put).toEqual({ kind: "written" });
    this.#last += events.length;
  }
}

async function begun(): Promise<Recorded> {
  const head = headOf({ workspace: w.workspace, execution: `x-${randomUUID()}` }, w.clock.now());
  await w.ports.executions.create(head, []);
  return new Recorded(head);
}
const explained = async ({ head }: Recorded) => {
  const { status, body } = await w.ask("GET", `/v1/workflows/executions/${head.execution}/explain`);
  expect(status).toBe(200);
  return body as unknown as { waits: { kind: string; evidence: Record<string, unknown> }[] };
};
/** Names of the activities that it waits for. */
const activitiesOf = async (of: Recorded) =>
  (await explained(of)).waits.flatMap(({ evidence: { activity } }) => (activity === undefined ? [] : [activity]));

/** The events from which each part of the log was read. */
function readsOf(): number[] {
  const from: number[] = [];
  const part = w.ports.executions.part.bind(w.ports.executions);
  vi.spyOn(w.ports.executions, "part").mockImplementation((ref, run, p) => {
    from.push(p.from);
    return part(ref, run, p);
  });
  return from;
}

test("the second question reads the new events alone, and knows the earlier ones", async () => {
  const of = await begun();
  for (let i = 0; i < 20; i++) await of.append(Array.from({ length: 100 }, () => signal("poke")));
  await of.append([scheduled(1)]);
  expect(await activitiesOf(of)).toEqual(["charge-1"]);
  await of.append([scheduled(2)]);
  const reads = readsOf();
  try {
    expect(await activitiesOf(of)).toEqual(["charge-1", "charge-2"]);
    expect(Math.min(...reads)).toBe(2003);
    await of.append([
      { kind: "activity_completed", activity: 1, name: "charge-1", attempt: 1, result: {} } as NewEvent,
    ]);
    expect(await activitiesOf(of)).toEqual(["charge-2"]);
    expect(Math.max(...reads)).toBe(2005);
  } finally {
    vi.restoreAllMocks();
  }
});

test("questions at the same time fold for themselves, and agree", async () => {
  const of = await begun();
  for (let i = 0; i < 10; i++) await of.append(Array.from({ length: 100 }, () => signal("poke")));
  await activitiesOf(of);
  await of.append([scheduled(1), scheduled(2)]);
  const all = await Promise.all(Array.from({ length: 5 }, () => activitiesOf(of)));
  expect(all).toEqual(Array.from({ length: 5 }, () => ["charge-1", "charge-2"]));
  expect(await activitiesOf(of)).toEqual(["charge-1", "charge-2"]);
});

test("of many long runs only some are kept, and a short one never", async () => {
  const long = await Promise.all(Array.from({ length: 20 }, begun));
  const short = await begun();
  for (const each of long) await each.append(Array.from({ length: 600 }, () => signal("poke")));
  await short.append([signal("poke")]);
  const question = async ({ head }: Recorded) => {
    const run = await readRun(w.ports, head, Number.MAX_SAFE_INTEGER);
    run.keep();
  };
  for (const each of [...long, short]) await question(each);
  const reads = readsOf();
  try {
    await question(long[0]!);
    expect(reads[0], "it was dropped for later ones").toBe(2);
    reads.length = 0;
    await question(long[19]!);
    expect(reads, "it was kept").toEqual([602]);
    reads.length = 0;
    await question(short);
    expect(reads[0], "it is read again").toBe(2);
  } finally {
    vi.restoreAllMocks();
  }
});

test("what waits for thousands of activities is told in pieces, and names the hundred that wait longest", async () => {
  const of = await begun();
  for (let i = 0; i < 30; i++) await of.append(Array.from({ length: 100 }, (_, n) => scheduled(100 * i + n + 1)));
  const first = Array.from({ length: 100 }, (_, n) => `charge-${n + 1}`);
  expect(await activitiesOf(of)).toEqual(first.slice(0, 99)); // and that no worker is live
  const pause = vi.spyOn(w.ports, "pause");
  try {
    expect(await activitiesOf(of)).toEqual(first.slice(0, 99)); // the history is known
    expect(pause.mock.calls.length).toBeGreaterThanOrEqual(30);
  } finally {
    vi.restoreAllMocks();
  }
});
