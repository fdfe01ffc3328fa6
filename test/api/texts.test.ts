/** Texts for people, at every door that takes one: control characters and lone surrogates are refused (TEXT-1, TEXT-2). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type World, world } from "./support/world.ts";

let w: World;
beforeAll(async () => {
  w = await world();
  await w.worker("shop", [{ name: "orders", input_schema: {}, execution_timeout: null }]);
  await w.ask("POST", "/v1/workflows/orders/execute", { body: { execution_id: "x", input: {} } });
  await w.ask("POST", "/v1/workflows/schedules", {
    body: {
      schedule_id: "hourly",
      workflow_identifier: "orders",
      schedule: { input: {}, intervals: [{ every: "PT1H" }] },
    },
  });
});
afterAll(() => w.close());

const register = (over: object) => {
  const worker = { deployment: "shop", worker: "w9", session: "00000000-0000-4000-8000-0000000000f9", sdk: "t" };
  const definition = {
    name: "titled",
    input_schema: {},
    signals: [],
    queries: [],
    updates: [],
    enforce_determinism: true,
    is_technical: false,
    execution_timeout: null,
    search_keys: [],
    ...over,
  };
  return w.ask("POST", "/v1/worker/register", { body: { ...worker, activities: [], definitions: [definition] } });
};
const job = (reason: string) => ({ action: "terminate", filter: { search: "nothing" }, reason });
const schedule = (comment: string) => ({
  schedule: { input: {}, calendars: [{ hour: [{ start: 9 }], comment }] },
});

/** `lines`: tabs and line breaks are allowed. */
const DOORS: Record<string, { readonly lines?: true; readonly send: (text: string) => Promise<{ status: number }> }> = {
  "the title of a workflow": { send: (t) => w.ask("PUT", "/v1/workflows/orders", { body: { display_name: t } }) },
  "the description of a workflow": {
    lines: true,
    send: (t) => w.ask("PUT", "/v1/workflows/orders", { body: { description: t } }),
  },
  "a tag": { send: (t) => w.ask("POST", "/v1/workflows/orders/tags", { body: { tags: [t] } }) },
  "the name of a key": { send: (t) => w.ask("POST", "/v1/keys", { body: { name: t } }) },
  "the reason of a job": { send: (t) => w.ask("POST", "/v1/workflows/jobs", { body: job(t) }) },
  "the reason of a reset": {
    send: (t) => w.ask("POST", "/v1/workflows/executions/x/reset", { body: { to: "start", reason: t } }),
  },
  "the note of a pause": {
    lines: true,
    send: (t) => w.ask("POST", "/v1/workflows/schedules/hourly/pause", { body: { note: t } }),
  },
  "the comment of a calendar": {
    lines: true,
    send: (t) => w.ask("POST", "/v1/workflows/schedules/preview", { body: schedule(t) }),
  },
  "a worker's title": { send: (t) => register({ display_name: t }) },
  "a worker's description": { lines: true, send: (t) => register({ description: t }) },
};

describe.each(Object.entries(DOORS))("%s", (_, { send, lines = false }) => {
  test.each(["a\u0000b", "a\u001b[31mb", "a\u007fb", "a\u0085b", "a\ud800b", "a\udc00"])("is not %j", async (text) => {
    expect((await send(text)).status).toBe(422);
  });

  test("may be a text of any language, with marks and pairs of surrogates", async () => {
    expect((await send("Größe – 注文 🧾 e\u0301 א")).status).toBeLessThan(300);
  });

  test(`${lines ? "may" : "may not"} have several lines`, async () => {
    const { status } = await send("one\n\ttwo");
    if (lines) expect(status).toBeLessThan(300);
    else expect(status).toBe(422);
  });
});
