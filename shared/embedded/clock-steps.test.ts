/** The machine's clock is set while workers hold leases and send heartbeats. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { definition, headOf, uuid, workflowTask } from "../../test/contract/subject.ts";
import { createApi, createKey, DEFAULT_WORKSPACE } from "../api/index.ts";
import type { RequestContext } from "../api/request-context.ts";
import { waitFor } from "../api/wait-for.ts";
import { endOfSession } from "../api/worker/sticky.ts";
import { JOB_LEASE_MS, newJob, runJobs } from "../engine/jobs.ts";
import { addLogRecords } from "../engine/log-records.ts";
import type { Clock } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { ActivityTask } from "../protocol/worker.ts";
import { isLive } from "../routing/liveness.ts";
import { embedded } from "../server/embedded.ts";

const HOUR = 3_600_000;

/** A clock that can be set, over one that passes. */
function settable() {
  const passing = new ManualClock();
  let ahead = 0;
  const clock: Clock = {
    now: () => passing.now() + ahead,
    steady: () => passing.now(),
    at: (at: Millis, fn: () => void) => passing.at(at - ahead, fn),
  };
  const set = (by: Millis) => {
    ahead += by;
  };
  return { clock, pass: (ms: Millis) => passing.advance(ms), set };
}

const queue = { workspace: "w", deployment: "d", queue: "workflow" } as const;

for (const [how, by] of [
  ["back", -HOUR],
  ["ahead", HOUR],
] as const) {
  test(`set ${how} by an hour, a lease ends and a delayed task comes when so much time has passed`, async () => {
    const { clock, pass, set } = settable();
    const store = embedded({ clock });
    const take = () => store.tasks.receive(queue, { session: "s", max: 10, waitMs: 0 });
    await store.tasks.send(queue, workflowTask("held"));
    await store.tasks.send(queue, workflowTask("later"), { at: clock.now() + 20_000 });
    expect(await take()).toMatchObject([{ task: { execution: "held" } }]);
    const waiting = store.tasks.receive(queue, { session: "t", max: 1, waitMs: 25_000 });
    await pass(10_000);
    set(by);
    expect(await take()).toEqual([]);
    await pass(10_001);
    expect(await waiting).toMatchObject([{ task: { execution: "later" } }]);
    await pass(store.settings.leaseMs - 20_000);
    expect(await take()).toMatchObject([{ task: { execution: "held" }, attempt: 2 }]);
    store.close();
  });

  test(`set ${how} by an hour, a silent worker is dead after the same silence, and one that beats stays live`, async () => {
    const { clock, pass, set } = settable();
    const store = embedded({ clock });
    const at = (worker: string) => ({ workspace: "w", deployment: "d", worker, session: uuid() });
    const [silent, beating] = [at("silent"), at("beating")];
    for (const w of [silent, beating]) {
      await store.registry.register({ ...w, definitions: [definition("orders")], now: clock.now() });
    }
    set(by);
    const live = async () =>
      (await store.registry.workers("w"))
        .filter((w) => isLive(store, w))
        .map((w) => w.name)
        .sort();
    expect(await live()).toEqual(["beating", "silent"]);
    await pass(store.settings.livenessMs - 1_000);
    expect(await live()).toEqual(["beating", "silent"]);
    await store.registry.beat({ ...beating, now: clock.now() });
    await pass(2_000);
    expect(await live()).toEqual(["beating"]);
    store.close();
  });
}

test("leases of a process whose clock was ahead end in time after a restart", async () => {
  const { clock, pass } = settable();
  const store = embedded({ clock });
  await store.tasks.send(queue, workflowTask("held"));
  await store.tasks.receive(queue, { session: "s", max: 1, waitMs: 0 });
  store.database.run("UPDATE tasks SET visible_at = visible_at + ?", HOUR);
  const { EmbeddedTasks } = await import("./tasks.ts");
  const reopened = new EmbeddedTasks(store.database, clock, store.settings.leaseMs, uuid);
  await pass(120_001);
  expect(await reopened.receive(queue, { session: "s", max: 1, waitMs: 0 })).toMatchObject([{ attempt: 2 }]);
  store.close();
});

test("a wait ends after its time although the clock was set back meanwhile", async () => {
  const { clock, pass, set } = settable();
  let looks = 0;
  const waiting = waitFor({
    look: async () => void looks++,
    change: (until, signal) =>
      new Promise((resolve) => {
        const cancel = clock.at(until, resolve);
        signal.addEventListener("abort", cancel);
      }),
    clock,
    until: clock.now() + 10_000,
    signal: new AbortController().signal,
  });
  await pass(5_000);
  set(-HOUR);
  await pass(5_001);
  expect(await waiting).toBeUndefined();
  expect(looks).toBeGreaterThan(0);
});

for (const [how, by] of [
  ["back", -HOUR],
  ["ahead", HOUR],
] as const) {
  test(`set ${how} by an hour, a job that nobody has begun, and one whose runner has died, go on within a minute`, async () => {
    const { clock, pass, set } = settable();
    const store = embedded({ clock });
    const of = {
      workspace: "w",
      action: { kind: "cancel" },
      filter: {},
      query: { workspace: "w" },
      by: "ann",
    } as const;
    const job = (id: string) => newJob({ ...of, id }, clock.now());
    const [fresh, begun] = [job("fresh"), job("begun")];
    await store.jobs.create(fresh);
    await store.jobs.create(begun);
    await store.jobs.replace({ ...begun, version: 2, dueAt: clock.now() + JOB_LEASE_MS }); // its runner has died
    set(by);
    await runJobs(store);
    expect(await store.jobs.get(fresh)).toMatchObject({ status: "COMPLETED" });
    await pass(JOB_LEASE_MS + 1);
    await runJobs(store);
    expect(await store.jobs.get(begun)).toMatchObject({ status: "COMPLETED" });
    store.close();
  });

  test(`set ${how} by an hour, a worker session is lost after its silence, and one that beats keeps its sticky activities`, async () => {
    const { clock, pass, set } = settable();
    const store = embedded({ clock });
    const at = (worker: string) => ({ workspace: "w", deployment: "d", worker, session: uuid() });
    const [silent, beating] = [at("silent"), at("beating")];
    for (const w of [silent, beating]) {
      await store.registry.register({ ...w, definitions: [definition("orders")], now: clock.now() });
    }
    const ended = async ({ session }: { session: string }) => {
      const task = { name: "render", options: { session } } as unknown as ActivityTask;
      return (
        (await endOfSession({ ports: store, workspace: "w" } as unknown as RequestContext, task, uuid()))?.reason ??
        null
      );
    };
    await pass(1_000);
    set(by);
    expect([await ended(silent), await ended(beating)]).toEqual([null, null]);
    await pass(store.settings.sessionTimeoutMs - 2_000);
    await store.registry.beat({ ...beating, now: clock.now() });
    expect([await ended(silent), await ended(beating)]).toEqual([null, null]);
    await pass(3_000);
    expect([await ended(silent), await ended(beating)]).toEqual(["lost", null]);
    store.close();
  });

  test(`set ${how} by an hour, log records stay, in their order, and those that come later follow them`, async () => {
    const { clock, set } = settable();
    const store = embedded({ clock });
    const head = headOf({ workspace: "w", execution: "x" }, clock.now());
    await store.executions.create(head, []);
    const ship = (body: string) =>
      addLogRecords(
        store,
        head,
        { worker: "w1", trace: "t" },
        {
          id: uuid(),
          records: [{ at: clock.now(), level: "info", body }],
          dropped: 0,
        },
      );
    await ship("before");
    set(by);
    await ship("after");
    await store.sweep(1_000);
    await ship("later");
    const seen = (groups: readonly { records: readonly { body: string }[] }[]) =>
      groups.flatMap(({ records }) => records.map(({ body }) => body));
    const all = ["before", "after", "later"];
    expect(seen(await store.logRecords.ofExecution(head, { order: "asc" }))).toEqual(all);
    const ofDeployment = await store.logRecords.ofDeployment("w", head.deployment, { order: "asc" });
    expect(seen(ofDeployment)).toEqual(all);
    const next = await store.logRecords.ofDeployment("w", head.deployment, { order: "asc", from: ofDeployment[1]! });
    expect(seen(next)).toEqual(["after", "later"]);
    store.close();
  });

  test(`set ${how} by an hour, a repeated start is answered like the first, and what has just closed is kept`, async () => {
    const { clock, set } = settable();
    const store = embedded({ clock });
    const api = createApi(store, { version: "1", url: "http://localhost" });
    const { key } = await createKey(store, { workspace: DEFAULT_WORKSPACE, name: "k" });
    const worker = { workspace: DEFAULT_WORKSPACE, deployment: "d", worker: "w", session: uuid() };
    await store.registry.register({
      ...worker,
      definitions: [{ ...definition("orders"), execution_timeout: null }],
      now: clock.now(),
    });
    const ask = async (method: string, target: string, body = "", more: Record<string, string> = {}) => {
      const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", ...more };
      const answer = await api.handle({ method, target, headers, body, signal: new AbortController().signal });
      return { status: answer.status, body: "body" in answer && answer.body ? JSON.parse(answer.body) : null };
    };
    const start = () => ask("POST", "/v1/workflows/orders/execute", "{}", { "idempotency-key": "one" });
    const first = await start();
    expect(first.status).toBe(200);
    set(by);
    await store.sweep(1_000);
    expect((await start()).body).toMatchObject({ execution_id: first.body.execution_id, run_id: first.body.run_id });
    const path = `/v1/workflows/executions/${first.body.execution_id}`;
    expect((await ask("POST", `${path}/terminate`)).status).toBe(204);
    set(-2 * by);
    await store.sweep(1_000);
    expect((await ask("GET", path)).body).toMatchObject({ status: "TERMINATED" });
    expect((await start()).body).toMatchObject({ run_id: first.body.run_id });
    store.close();
  });
}

for (const [what, missed] of [
  ["no server ran", { down: 2_400_000 }],
  ["the machine slept or its clock was set ahead", { set: 6_000_000 }],
] as const) {
  test(`SWEEP-5: a timer that fell due while ${what} wakes its execution with the next round`, async () => {
    const { clock, pass, set } = settable();
    const file = join(mkdtempSync(join(tmpdir(), "sirocco-")), "store.db");
    let store = embedded({ clock, file });
    const head = headOf({ workspace: "w", execution: "x" }, clock.now(), { wake_pending: false });
    await store.executions.create(head, []);
    const { run, fence } = head;
    expect(await store.executions.park(head, { run, fence, dueAt: clock.now() + HOUR, effectsDoneThrough: 1 })).toBe(
      true,
    );
    await store.sweep(10_000);
    const woken = () =>
      store.tasks.receive({ ...queue, deployment: head.deployment }, { session: "s", max: 1, waitMs: 0 });
    expect(await woken()).toEqual([]);
    if ("down" in missed) {
      store.close();
      await pass(HOUR + missed.down);
      store = embedded({ clock, file });
    } else {
      set(HOUR + missed.set);
    }
    await store.sweep(10_000);
    expect(await woken()).toMatchObject([{ task: { execution: "x" } }]);
    await store.sweep(10_000);
    expect(await woken()).toEqual([]);
    store.close();
  });
}

test("a clock that is set ahead for a while deletes no closed execution, and one that stays so does after a day", async () => {
  const { clock, pass, set } = settable();
  const store = embedded({ clock });
  const day = 24 * HOUR;
  const head = headOf({ workspace: "w", execution: "old" }, clock.now());
  await store.executions.create({ ...head, status: "COMPLETED", closed_at: clock.now(), due_at: null }, []);
  const isKept = async () => {
    await store.sweep(10_000);
    return (await store.executions.head(head)) !== null;
  };
  await pass(HOUR);
  set(400 * day);
  expect(await isKept()).toBe(true);
  await pass(23 * HOUR);
  expect(await isKept()).toBe(true);
  set(-400 * day);
  expect(await isKept()).toBe(true);
  await pass(2 * HOUR);
  set(400 * day);
  expect(await isKept()).toBe(true);
  await pass(day);
  expect(await isKept()).toBe(false);
  store.close();
});
