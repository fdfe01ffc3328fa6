/**
 * A walk over the refusals that requests provoke: each has a text for a person that is short enough to read, is a sentence,
 * names the request's own values, and says what to do or what is allowed.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROUTES, type Route } from "../../shared/protocol/routes.ts";
import { WORKER_ROUTES } from "../../shared/protocol/worker.ts";
import { type Body, type World, world } from "./support/world.ts";

let w: World;
let readOnly: string;
interface Text {
  readonly from: string;
  readonly status: number;
  readonly text: string;
  /** Of an item of a 422. */
  readonly loc?: readonly unknown[];
}
const texts: Text[] = [];

beforeAll(async () => {
  w = await world();
  readOnly = (await w.newKey({ workspace: w.workspace, rights: ["read"] })).key;
  const input_schema = { type: "object", properties: { n: { type: "number" } }, required: ["n"] };
  const handler = { name: "go", input_schema };
  const one = { name: "orders", execution_timeout: null, input_schema, signals: [handler], queries: [handler] };
  const worker = await w.worker("shop", [one, { name: "twice", execution_timeout: null }]);
  await w.worker("other", [{ name: "twice", execution_timeout: null }], { name: "w2" });
  await w.ask("POST", "/v1/workflows/orders/execute", { body: { execution_id: "x-1", input: { n: 1 } } });
  await w.ask("POST", "/v1/workflows/orders/execute", { body: { execution_id: "closed", input: { n: 1 } } });
  await worker.complete("closed");
});
afterAll(() => w.close());

function keep(from: string, { status, body }: { status: number; body: Body }): void {
  if (status < 400) return;
  const { detail } = body;
  if (Array.isArray(detail)) {
    for (const { msg, loc } of detail as { msg: string; loc: unknown[] }[])
      texts.push({ from, status, text: msg, loc });
  } else if (typeof detail === "string") texts.push({ from, status, text: detail });
  else expect(body, from).toMatchObject({ code: "AMBIGUOUS_WORKFLOW" }); // its body is that and the names alone
}

const BODIES: readonly unknown[] = [
  undefined,
  null,
  7,
  "text",
  [],
  {},
  { name: 7, input: 7, schedule: 7, execution_ids: 7, execution_id: "", timeout_seconds: -1, overlap: 9 },
  { name: "go", input: { n: "1" }, schedule: {}, execution_id: "a#b", deployment_name: "nobody", user_id: 1 },
  { name: "nothing", input: {}, schedule: { input: null, cron_expressions: ["x"] }, workflow_identifier: "orders" },
  { name: "x", input: { n: 1 }, execution_id: "x-1", start_at: "x", end_at: "y", role: "king" },
  { input: { n: 1 }, execution_id: "closed", encoded_input: { b64payload: "?" } },
  {
    schedule: {
      input: { n: 1 },
      intervals: [{ every: "1h" }],
      time_zone_name: "BST",
      jitter: "x",
      policy: { overlap: 9 },
    },
  },
];
const QUERIES = [
  "",
  "?limit=0&page_size=0&cursor=x&next_page_token=x&status=x&order=x&after=x&search_key=x",
  "?limit=99999&page_size=99999",
];

async function provoke(route: Route): Promise<void> {
  const named = ["x-1", "closed", "orders", "twice", "nobody", "%00", "a%23b"];
  const paths = route.path.includes("{") ? named.map((id) => route.path.replaceAll(/\{\w+\}/g, id)) : [route.path];
  for (const path of paths) {
    const ask = async (query: string, body: unknown, more: { key?: string | null; text?: string } = {}) => {
      const target = `${path}${query}`;
      const answer = await w.ask(route.method, target, { ...(body !== undefined && { body }), ...more });
      keep(`${route.method} ${target} ${more.text ?? JSON.stringify(body)}`, answer);
    };
    if (route.method === "GET") for (const query of QUERIES) await ask(query, undefined);
    else for (const body of BODIES) await ask("", body);
    if (path !== paths[0]) continue;
    await ask("", undefined, { key: null });
    await ask("", undefined, { key: "sk_wrong" });
    if (route.method === "GET") continue;
    await ask("", {}, { key: readOnly });
    for (const text of ["{", '{"a":1e400}', `{"a":${"[".repeat(200)}${"]".repeat(200)}}`]) await ask("", {}, { text });
  }
}

test("every refusal of every route is a short sentence about the request that says what to do or what is allowed", async () => {
  for (const route of ROUTES as readonly Route[]) if (route.kind !== "sse") await provoke(route);
  for (const { path } of Object.values(WORKER_ROUTES)) {
    for (const body of [{}, { execution: "a#b", items: [] }, { deployment: 7, worker: "", session: "x" }]) {
      keep(`POST ${path} ${JSON.stringify(body)}`, await w.ask("POST", path, { body }));
    }
  }
  for (const path of ["/", "/v1/nowhere", "/v1/workflows/runs", "/v1/workflows/executions/x-1/nothing"]) {
    keep(`GET ${path}`, await w.ask("GET", path));
    keep(`DELETE ${path}`, await w.ask("DELETE", path));
  }
  expect(texts.length).toBeGreaterThan(500);
  expect([...new Set(texts.map(({ status }) => status))]).toEqual(
    expect.arrayContaining([401, 403, 404, 405, 409, 422, 501]),
  );
  const faults = new Map<string, string>();
  for (const one of texts) for (const fault of faultsOf(one)) faults.set(`${fault}: ${one.text}`, one.from);
  expect(Object.fromEntries(faults)).toEqual({});
}, 180_000);

/** A text may say what is allowed, what is there instead, or what to do. */
const ADVICE =
  /expect|allowed|wanted|must|at most|at least|between|only|takes|Field required|not a field here|pass |send |use |give |check |start |say |see |read |ask |change |choose |try |run |name |cannot|is not part|has no|has '|it is|It is|There is n|there is n|before|where they run/i;

function faultsOf({ text, loc }: Text): string[] {
  const faults: string[] = [];
  if (text.length < 10) faults.push("too short");
  if (text.length > 450) faults.push("too long");
  if (/undefined|\[object|\bNaN\b|Error:|\bat \//.test(text)) faults.push("leaks the code");
  if (/^Invalid input$|of its$|\bInstance\b/.test(text)) faults.push("says nothing");
  if (loc === undefined && !/^[A-Z"'/\d]/.test(text)) faults.push("is no sentence");
  if (loc === undefined && !/[.?!]$/.test(text)) faults.push("has no end");
  if (loc !== undefined && !["body", "query", "path", "header"].includes(String(loc[0]))) faults.push("has no place");
  if (!ADVICE.test(text)) faults.push("says nothing to do");
  return faults;
}
