/** The contract of the port `schedules`, for every adapter. Reads that may lag behind writes are repeated (`eventually`). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ScheduleKey, type StoredSchedule, UnreadableSchedule } from "../../shared/ports.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import { createSchedule, type LogEntry, type ScheduleState } from "../../shared/schedule/rules/index.ts";
import { type Bench, bench, type MakeSubject, uuid } from "./subject.ts";

export function schedulesContract(name: string, makeSubject: MakeSubject, o: { reopens?: boolean } = {}): void {
  describe(name, () => {
    let b: Bench;
    beforeAll(async () => {
      b = bench(await makeSubject());
    });
    afterAll(() => b.end?.());
    describe("one item, replaced under a condition", () => items(() => b));
    describe("lists", () => lists(() => b));
    describe("what cannot be read", () => unreadable(() => b));
    describe("due schedules", () => due(() => b));
    describe("logs", () => logs(() => b));
  });
  if (o.reopens) reopening(name, makeSubject);
}

const keyOf = (workspace: string, schedule: string): ScheduleKey => ({ workspace, schedule });

function fresh(at: Millis, schedule_id = `s-${uuid()}`, input: unknown = { n: 1 }): ScheduleState {
  const definition = { input, intervals: [{ every: "PT1H" }] };
  const made = createSchedule(at, {
    schedule_id,
    seed: schedule_id,
    workflow_name: "orders",
    deployment_name: "d",
    definition,
  });
  if ("issues" in made) throw new Error("an invalid definition");
  return made.state;
}
const stored = (state: ScheduleState, wakeAt: Millis | null = null): StoredSchedule => ({ state, wakeAt });
const next = (state: ScheduleState, over: Partial<ScheduleState> = {}): ScheduleState => ({
  ...state,
  ...over,
  version: state.version + 1,
});

async function put(b: Bench, workspace: string, state: ScheduleState, wakeAt: Millis | null = null) {
  expect(await b.ports.schedules.create(workspace, stored(state, wakeAt))).toBe(true);
  return state;
}

function items(of: () => Bench): void {
  test("get answers the schedule as it was created", async () => {
    const b = of();
    const ws = uuid();
    const at = b.now();
    const state = await put(b, ws, fresh(at, undefined, { text: "ä€😀", list: [null, 1.5, {}] }), at + 5);
    expect(await b.ports.schedules.get(keyOf(ws, state.schedule_id))).toEqual(stored(state, at + 5));
  });

  test("a second create of an id in a workspace is refused and leaves the first schedule unchanged", async () => {
    const b = of();
    const [ws, other] = [uuid(), uuid()];
    const state = await put(b, ws, fresh(b.now()));
    const rival = { ...fresh(b.now(), state.schedule_id), note: "rival" };
    expect(await b.ports.schedules.create(ws, stored(rival))).toBe(false);
    expect((await b.ports.schedules.get(keyOf(ws, state.schedule_id)))!.state.note).toBeNull();
    expect(await b.ports.schedules.create(other, stored(rival))).toBe(true);
  });

  test("of several simultaneous creates of one id one is stored", async () => {
    const b = of();
    const ws = uuid();
    const id = `s-${uuid()}`;
    const made = await Promise.all([1, 2, 3, 4].map(() => b.ports.schedules.create(ws, stored(fresh(b.now(), id)))));
    expect(made.filter(Boolean)).toHaveLength(1);
  });

  test("get answers null for an unknown id and for a schedule of another workspace", async () => {
    const b = of();
    const state = await put(b, uuid(), fresh(b.now()));
    expect(await b.ports.schedules.get(keyOf(uuid(), state.schedule_id))).toBeNull();
    expect(await b.ports.schedules.get(keyOf(uuid(), "nothing"))).toBeNull();
  });

  test("a replace succeeds only on the version that was read", async () => {
    const b = of();
    const ws = uuid();
    const at = b.now();
    const first = await put(b, ws, fresh(at));
    const second = next(first, { note: "second" });
    expect(await b.ports.schedules.replace(ws, first, stored(second, at))).toBe(true);
    expect(await b.ports.schedules.replace(ws, first, stored(next(first, { note: "late" })))).toBe(false);
    expect(await b.ports.schedules.get(keyOf(ws, first.schedule_id))).toEqual(stored(second, at));
    const third = { ...next(second), version: second.version + 7 }; // several changes in one write
    expect(await b.ports.schedules.replace(ws, second, stored(third))).toBe(true);
    expect(await b.ports.schedules.replace(uuid(), third, stored(next(third)))).toBe(false);
  });

  test("of several simultaneous replaces of one version one succeeds", async () => {
    const b = of();
    const ws = uuid();
    const state = await put(b, ws, fresh(b.now()));
    const changes = ["a", "b", "c", "d"].map((note) =>
      b.ports.schedules.replace(ws, state, stored(next(state, { note }))),
    );
    expect((await Promise.all(changes)).filter(Boolean)).toHaveLength(1);
  });

  test("a replace of a deleted schedule leaves a new schedule with the same id unchanged", async () => {
    const b = of();
    const ws = uuid();
    const old = await put(b, ws, fresh(b.now()));
    expect(await b.ports.schedules.delete(keyOf(ws, old.schedule_id))).toBe(true);
    expect(await b.ports.schedules.replace(ws, old, stored(next(old)))).toBe(false);
    const young = await put(b, ws, { ...fresh(b.now(), old.schedule_id), created_at: old.created_at + 1 });
    expect(await b.ports.schedules.replace(ws, old, stored(next(old)))).toBe(false);
    expect((await b.ports.schedules.get(keyOf(ws, old.schedule_id)))!.state).toEqual(young);
  });

  test("only the first delete of a schedule answers true", async () => {
    const b = of();
    const ws = uuid();
    const key = keyOf(ws, (await put(b, ws, fresh(b.now()))).schedule_id);
    expect(await b.ports.schedules.delete({ ...key, workspace: uuid() })).toBe(false);
    expect(await b.ports.schedules.delete(key)).toBe(true);
    expect(await b.ports.schedules.delete(key)).toBe(false);
    expect(await b.ports.schedules.get(key)).toBeNull();
  });

  test("a schedule with a large input, a thousand waiting runs and a thousand active ones is stored unchanged", async () => {
    const b = of();
    const ws = uuid();
    const noise = Array.from({ length: 20_000 }, () => uuid()).join(""); // 720 KB that compress badly
    const at = b.now();
    const runs = Array.from({ length: 1000 }, (_, i) => ({ nominal: at + i, actual: at + i, manual: i }));
    const state = await put(b, ws, {
      ...fresh(at, undefined, { noise }),
      buffer: runs.map((run) => ({ ...run, overlap: null, waited: true, asked: false })),
    });
    const grown = next(state, { note: "grown", definition: { ...state.definition, input: { noise: `${noise}!` } } });
    expect(await b.ports.schedules.replace(ws, state, stored(grown))).toBe(true);
    expect((await b.ports.schedules.get(keyOf(ws, state.schedule_id)))!.state).toEqual(grown);
  });
}

/** As another version of the program may have stored it. */
const foreign = (state: ScheduleState) => ({ ...state, format: 2 }) as unknown as ScheduleState;

function unreadable(of: () => Bench): void {
  test("a get of a schedule of another format says so, and a delete removes it", async () => {
    const b = of();
    const ws = uuid();
    const state = fresh(b.now());
    await put(b, ws, foreign(state));
    const key = keyOf(ws, state.schedule_id);
    const refused = await b.ports.schedules.get(key).catch((error) => error);
    expect(refused).toBeInstanceOf(UnreadableSchedule);
    expect(refused).toMatchObject({ schedule_id: state.schedule_id, createdAt: state.created_at });
    expect(refused.message).toBe("its format is 2, this program reads format 1");
    expect(await b.ports.schedules.delete(key)).toBe(true);
    expect(await b.ports.schedules.get(key)).toBeNull();
  });

  test("a list holds unreadable schedules in their place among the others", async () => {
    const b = of();
    const ws = uuid();
    await put(b, ws, fresh(b.now(), "a"));
    await put(b, ws, foreign(fresh(b.now(), "b")));
    await put(b, ws, fresh(b.now(), "c"));
    await b.eventually(async () => {
      const all = await b.ports.schedules.list(ws, { limit: 9 });
      expect(all.map((each) => [each.schedule_id, each instanceof UnreadableSchedule])).toEqual([
        ["a", false],
        ["b", true],
        ["c", false],
      ]);
    });
  });

  test("a schedule that was set aside is due no more", async () => {
    const b = of();
    const ws = uuid();
    const at = b.now() - 1_000;
    const [one, other] = [await put(b, ws, foreign(fresh(at)), at), await put(b, ws, fresh(at), at)];
    const dueNow = async () =>
      (await b.ports.schedules.due(b.now(), 1_000))
        .filter((each) => each.workspace === ws)
        .map((each) => each.schedule);
    await b.eventually(async () => expect(await dueNow()).toHaveLength(2));
    await b.ports.schedules.clearWakeAt(keyOf(ws, one.schedule_id));
    await b.eventually(async () => expect(await dueNow()).toEqual([other.schedule_id]));
    await b.ports.schedules.clearWakeAt(keyOf(ws, "unknown"));
    expect(await b.ports.schedules.get(keyOf(ws, "unknown"))).toBeNull();
  });
}

function lists(of: () => Bench): void {
  test("a list ends early once it has the given bytes, and the next one goes on behind it", async () => {
    const b = of();
    const ws = uuid();
    for (const id of ["a", "b", "c"]) await put(b, ws, fresh(b.now(), id, "x".repeat(10_000)));
    const ids = async (after?: string) => {
      const page = { limit: 9, maxBytes: 15_000, ...(after !== undefined && { after }) };
      return (await b.ports.schedules.list(ws, page)).map((each) => each.schedule_id);
    };
    await b.eventually(async () => expect(await b.ports.schedules.list(ws, { limit: 9 })).toHaveLength(3));
    expect(await ids()).toEqual(["a", "b"]);
    expect(await ids("b")).toEqual(["c"]);
    expect(await ids("c")).toEqual([]);
  });

  test("a list holds the schedules of one workspace in the order of their ids, page after page", async () => {
    const b = of();
    const ws = uuid();
    const ids = ["B", "a", "a-1", "a_1", "b", "c"];
    for (const id of ids.toReversed()) await put(b, ws, fresh(b.now(), id));
    await put(b, uuid(), fresh(b.now(), "a-0"));
    await b.eventually(async () => {
      const all = await b.ports.schedules.list(ws, { limit: 100 });
      expect(all.map((state) => state.schedule_id)).toEqual(ids);
    });
    const found: string[] = [];
    for (;;) {
      const after = found.at(-1);
      const page = await b.ports.schedules.list(ws, { limit: 2, ...(after !== undefined && { after }) });
      found.push(...page.map((state) => state.schedule_id));
      if (page.length < 2) break;
    }
    expect(found).toEqual(ids);
    expect(await b.ports.schedules.list(uuid(), { limit: 5 })).toEqual([]);
  });

  test("a list leaves out deleted schedules and shows the present state of the others", async () => {
    const b = of();
    const ws = uuid();
    const [gone, kept] = [await put(b, ws, fresh(b.now(), "gone")), await put(b, ws, fresh(b.now(), "kept"))];
    await b.ports.schedules.delete(keyOf(ws, gone.schedule_id));
    await b.ports.schedules.replace(ws, kept, stored(next(kept, { paused: true })));
    await b.eventually(async () => {
      expect(await b.ports.schedules.list(ws, { limit: 5 })).toEqual([next(kept, { paused: true })]);
    });
  });
}

function due(of: () => Bench): void {
  const mine = async (b: Bench, ws: string, until: Millis) =>
    (await b.ports.schedules.due(until, 1000)).filter((each) => each.workspace === ws);

  test("due answers the schedules whose wake-up time has come, earliest first", async () => {
    const b = of();
    const ws = uuid();
    const at = b.now() - 60_000;
    await put(b, ws, fresh(at, "late"), at + 30);
    await put(b, ws, fresh(at, "early"), at + 10);
    await put(b, ws, fresh(at, "never"));
    await b.eventually(async () => {
      expect(await mine(b, ws, at + 30)).toEqual([
        { ...keyOf(ws, "early"), wakeAt: at + 10 },
        { ...keyOf(ws, "late"), wakeAt: at + 30 },
      ]);
    });
    expect(await mine(b, ws, at + 29)).toHaveLength(1);
    expect(await mine(b, ws, at + 9)).toEqual([]);
  });

  test("a replace changes the wake-up time; null or a delete removes it", async () => {
    const b = of();
    const ws = uuid();
    const at = b.now() - 60_000;
    const moved = await put(b, ws, fresh(at, "moved"), at + 10);
    const ended = await put(b, ws, fresh(at, "ended"), at + 10);
    const gone = await put(b, ws, fresh(at, "gone"), at + 10);
    await b.ports.schedules.replace(ws, moved, stored(next(moved), at + 20));
    await b.ports.schedules.replace(ws, ended, stored(next(ended)));
    await b.ports.schedules.delete(keyOf(ws, gone.schedule_id));
    await b.eventually(async () => {
      expect(await mine(b, ws, b.now())).toEqual([{ ...keyOf(ws, "moved"), wakeAt: at + 20 }]);
    });
  });

  test("due answers the earliest schedules, up to its limit", async () => {
    const b = of();
    const ws = uuid();
    for (let i = 0; i < 5; i++) await put(b, ws, fresh(b.now(), `s-${i}`), 1_000 + i); // before the schedules of all other tests
    await b.eventually(async () => {
      const found = await b.ports.schedules.due(10_000, 3);
      expect(found.map(({ schedule }) => schedule)).toEqual(["s-0", "s-1", "s-2"]);
    });
    for (let i = 0; i < 5; i++) await b.ports.schedules.delete(keyOf(ws, `s-${i}`));
  });

  test("arming, moving and disarming may be repeated, also for a schedule that does not exist", async () => {
    const b = of();
    const key = keyOf(uuid(), "armed");
    await put(b, key.workspace, fresh(b.now(), "armed"), b.now() + 3_600_000);
    for (const at of [3_600_000, 3_600_000, 7_200_000, 1_000]) await b.ports.schedules.arm(key, b.now() + at);
    await b.ports.schedules.arm(key, null);
    await b.ports.schedules.arm(key, null);
    await b.ports.schedules.arm(keyOf(uuid(), "nothing"), null);
    await b.ports.schedules.delete(key);
  });
}

const entry = (seq: number, at: Millis): LogEntry => ({
  seq,
  at,
  nominal: at,
  actual: at,
  manual: null,
  outcome: "started",
});
const entries = (from: number, to: number, at: Millis) =>
  Array.from({ length: to - from + 1 }, (_, i) => entry(from + i, at));

function logs(of: () => Bench): void {
  test("log answers entries newest first, from any number on", async () => {
    const b = of();
    const life = { ...keyOf(uuid(), "s"), createdAt: b.now() };
    const at = b.now();
    await b.ports.schedules.putLog(life, entries(1, 20, at));
    await b.ports.schedules.putLog(life, entries(21, 41, at));
    await b.ports.schedules.putLog(life, entries(42, 42, at));
    const seqs = async (before: number, limit: number) =>
      (await b.ports.schedules.log(life, { before, limit })).map(({ seq }) => seq);
    expect(await seqs(Number.MAX_SAFE_INTEGER, 3)).toEqual([42, 41, 40]);
    expect(await seqs(22, 3)).toEqual([21, 20, 19]);
    expect(await seqs(30, 1000)).toEqual(Array.from({ length: 29 }, (_, i) => 29 - i));
    expect(await seqs(1, 5)).toEqual([]);
    expect(await b.ports.schedules.log(life, { before: 43, limit: 1 })).toEqual([entry(42, at)]);
  });

  test("entries that are put twice are stored once", async () => {
    const b = of();
    const life = { ...keyOf(uuid(), "s"), createdAt: b.now() };
    for (let i = 0; i < 2; i++) await b.ports.schedules.putLog(life, entries(1, 3, b.now()));
    expect(await b.ports.schedules.log(life, { before: 100, limit: 100 })).toHaveLength(3);
  });

  test("a schedule that takes the id of a deleted one has its own log", async () => {
    const b = of();
    const life = { ...keyOf(uuid(), "s"), createdAt: b.now() };
    await b.ports.schedules.putLog(life, entries(1, 3, b.now()));
    const others = [
      { ...life, createdAt: life.createdAt + 1 },
      { ...life, workspace: uuid() },
      { ...life, schedule: "s-" },
    ];
    for (const other of others) expect(await b.ports.schedules.log(other, { before: 100, limit: 9 })).toEqual([]);
  });
}

function reopening(name: string, makeSubject: MakeSubject): void {
  test(`${name}: schedules, their wake-up times and their logs survive a restart`, async () => {
    const subject = await makeSubject();
    const b = bench(subject);
    const ws = uuid();
    const state = await put(b, ws, fresh(b.now()), b.now() + 9);
    const life = { ...keyOf(ws, state.schedule_id), createdAt: state.created_at };
    await b.ports.schedules.putLog(life, entries(1, 2, b.now()));
    await b.ports.durable();
    const ports = await subject.reopen!();
    expect(await ports.schedules.get(life)).toEqual(stored(state, b.now() + 9));
    expect(await ports.schedules.due(b.now() + 9, 10)).toEqual([
      { ...keyOf(ws, state.schedule_id), wakeAt: b.now() + 9 },
    ]);
    expect(await ports.schedules.log(life, { before: 9, limit: 9 })).toHaveLength(2);
    await subject.end?.();
  });
}
