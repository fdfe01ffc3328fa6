/** Why a schedule starts nothing, and the coming times of all schedules. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { SCHEDULE_KINDS } from "../../shared/core/explain/kinds.ts";
import { ScheduleExplanation } from "../../shared/protocol/http/explain.ts";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { PrintedWaits } from "./support/why-on-the-command-line.ts";
import { type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
let stop: () => void;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
beforeAll(async () => {
  w = await world({ settings: { livenessMs: 1e13 } });
  stop = w.ports.maintain(1e9);
  worker = await w.worker("shop", [{ name: "orders", execution_timeout: null }]);
});
afterAll(async () => {
  stop();
  await w.close();
});

const path = "/v1/workflows/schedules";
async function create(id: string, schedule: object): Promise<void> {
  const body = { schedule_id: id, workflow_identifier: "orders", schedule: { input: {}, ...schedule } };
  const made = await w.ask("POST", path, { body });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
}
const printed = new PrintedWaits(() => ({ url: w.server.url, key: w.key }));
const why = async (id: string) => {
  await printed.take("schedule", "why", id);
  return ScheduleExplanation.parse((await w.ask("GET", `${path}/${id}/explain`)).body);
};
const kindsOf = async (id: string) => (await why(id)).waits.map(({ kind }) => kind);

test("an active schedule waits for its next time", async () => {
  await create("hourly", { intervals: [{ every: "PT1H" }] });
  const { status, summary, waits } = await why("hourly");
  expect([status, waits.map(({ kind }) => kind)]).toEqual(["active", ["due"]]);
  expect(summary).toMatch(/^Schedule 'hourly' starts the next execution of 'orders' at .*Z, in /);
  expect(Date.parse(waits[0]!.until!) % HOUR).toBe(0);
});

test("a paused schedule waits for somebody to resume it, and tells the note", async () => {
  await create("paused", { intervals: [{ every: "PT1H" }] });
  await w.ask("POST", `${path}/paused/pause`, { body: { note: "the bank moves" } });
  const { status, waits } = await why("paused");
  expect([status, waits.length]).toEqual(["paused", 1]);
  expect(waits[0]).toMatchObject({
    kind: "schedule_paused",
    actor: "operator",
    evidence: { note: "the bank moves" },
    what_to_do: "sirocco schedule resume paused",
  });
});

test("a schedule without further times, and one that has used them up, say so", async () => {
  await create("once", { intervals: [{ every: "PT1M" }], max_executions: 1 });
  await w.clock.advance(2 * MINUTE);
  expect(await kindsOf("once")).toContain("exhausted");
  await create("ended", { intervals: [{ every: "PT1H" }], end_at: new Date(w.clock.now() + 1_000).toISOString() });
  expect(await kindsOf("ended")).toContain("no_more_times");
});

test("an execution that runs into the next time is named", async () => {
  await create("serial", { intervals: [{ every: "PT1M" }], policy: { overlap: 2 } });
  await w.clock.advance(3 * MINUTE);
  const overlap = (await why("serial")).waits.find(({ kind }) => kind === "overlap")!;
  expect(overlap.text).toMatch(
    /^Execution 'serial-.*' of schedule 'serial' has been running for .*1 start waits for its end\.$/,
  );
  const [running] = overlap.evidence.running as string[];
  expect(overlap.what_to_do).toBe(`Look at the execution: sirocco why ${running}`);
  const explained = await w.ask("GET", `/v1/workflows/executions/${running}/explain`);
  expect(explained.body.status).toBe("RUNNING");
  await w.ask("POST", `${path}/serial/pause`, { body: { note: "stop it" } });
  const behind = (await w.ask("GET", `/v1/workflows/executions/${running}/explain`)).body as {
    waits?: { kind: string }[];
  };
  expect(behind.waits!.map(({ kind }) => kind)).toContain("schedule_paused");
});

test("a schedule of a deployment without a live worker says what stops it, and what was decided meanwhile", async () => {
  await create("alone", { intervals: [{ every: "PT1H" }] });
  await worker.stop();
  const { summary, waits } = await why("alone");
  expect(summary).toContain(
    "No worker of deployment 'shop' is live, so schedule 'alone' can start nothing. Its next time is",
  );
  expect(waits.map(({ kind }) => kind)).toEqual(["no_live_worker", "due"]);
  await w.ask("POST", `${path}/alone/trigger`, { body: {} });
  const pending = (await why("alone")).waits.find(({ kind }) => kind === "start_pending")!;
  expect(pending.evidence).toMatchObject({ starts_pending: 1 });
  worker = await w.worker("shop", [{ name: "orders", execution_timeout: null }], { name: "w2" });
  expect(await kindsOf("alone")).not.toContain("no_live_worker");
});

test("a schedule whose workflow is registered no more says that starts are refused, and that the last one was", async () => {
  await w.worker("bills", [{ name: "billing", execution_timeout: null }], { name: "w3" });
  const body = {
    schedule_id: "refused",
    workflow_identifier: "billing",
    schedule: { input: {}, intervals: [{ every: "PT1M" }] },
  };
  expect((await w.ask("POST", path, { body })).status).toBe(201);
  await w.ports.registry.retire(w.workspace, "bills");
  await w.clock.advance(2 * MINUTE);
  expect(await kindsOf("refused")).toEqual(expect.arrayContaining(["route_refused", "start_refused"]));
  await w.ask("DELETE", `${path}/refused`);
});

test("a schedule whose stored form is damaged says so", async () => {
  await create("damaged", { intervals: [{ every: "PT1H" }] });
  w.ports.database.run("UPDATE schedules SET body = '{}' WHERE id = 'damaged'");
  expect(await kindsOf("damaged")).toEqual(["unreadable"]);
  await w.ask("DELETE", `${path}/damaged`);
});

test("every kind is in the table, a reader may ask, and an unknown schedule is 404", async () => {
  for (const id of ["hourly", "paused", "once", "ended", "serial", "alone"]) {
    for (const kind of await kindsOf(id)) expect(SCHEDULE_KINDS).toHaveProperty(kind);
  }
  const { key } = await w.newKey({ workspace: w.workspace, rights: ["read"] });
  expect((await w.ask("GET", `${path}/hourly/explain`, { key })).status).toBe(200);
  expect((await w.ask("GET", `${path}/nope/explain`)).status).toBe(404);
});

test("the command says for each kind what to do, and the tests above have met each", () => {
  expect(Object.keys(SCHEDULE_KINDS).filter((kind) => !printed.kinds.has(kind))).toEqual([]);
});

test("the coming times of all schedules come in one order, bounded by window and limit", async () => {
  const other = await w.newKey();
  const ask = async (query: string, key = w.key) => (await w.ask("GET", `${path}/upcoming?${query}`, { key })).body;
  type Answer = { times: { schedule_id: string; nominal_at: string }[]; complete: boolean; left_out: string[] };
  const to = new Date(w.clock.now() + 5 * HOUR).toISOString();
  const all = (await ask(`to=${to}`)) as unknown as Answer;
  const ids = all.times.map(({ schedule_id }) => schedule_id);
  expect(ids.filter((id) => id === "hourly")).toHaveLength(5);
  expect([...new Set(ids)].sort()).toEqual(["alone", "hourly"]); // the others are paused, used up or ended
  const times = all.times.map(({ nominal_at }) => nominal_at);
  expect(times).toEqual(times.toSorted());
  expect([all.complete, all.left_out]).toEqual([true, []]);
  const few = (await ask(`to=${to}&limit=3`)) as unknown as Answer;
  expect(few.times).toEqual(all.times.slice(0, 3));
  expect(few.complete).toBe(false);
  expect(((await ask("", other.key)) as unknown as Answer).times).toEqual([]);
  const wrong = await w.ask("GET", `${path}/upcoming?to=2020-01-01T00:00:00Z`);
  expect([wrong.status, wrong.body.code]).toEqual([422, "WF_1001"]);
});

test("a window with very many times ends at the budget, and says so", async () => {
  for (const n of [1, 2, 3]) await create(`every-second-${n}`, { intervals: [{ every: "PT1S" }] });
  const to = new Date(w.clock.now() + 365 * 24 * HOUR).toISOString();
  const { body } = await w.ask("GET", `${path}/upcoming?limit=1000&to=${to}`);
  expect((body.times as unknown[]).length).toBe(1_000);
  expect(body.complete).toBe(false);
});

test("the coming times end with the year 9999", async () => {
  const { status, body } = await w.ask("GET", `${path}/upcoming?limit=1000&from=9999-12-31T20:30:00Z`);
  expect(status).toBe(200);
  expect(body.to).toBe("9999-12-31T23:59:59.999Z");
  const beyond = await w.ask("GET", `${path}/upcoming?from=9999-12-31T23:59:59.999Z`);
  expect([beyond.status, beyond.body.code]).toEqual([422, "WF_1001"]);
});
