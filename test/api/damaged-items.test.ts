/** As `damaged-rows.test.ts`, on the AWS adapter: attributes that are missing, or that nobody can read. */
import { type AttributeValue, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { awsWorld } from "./support/world.ts";

const MINUTE = 60_000;
let w: Awaited<ReturnType<typeof awsWorld>>;
beforeAll(async () => {
  w = await awsWorld();
  for (const kind of ["bad", "good"]) {
    const worker = await w.worker(`${kind}-shop`, [
      { name: `${kind}-work`, execution_timeout: null },
      { name: `${kind}-short`, execution_timeout: 60 },
    ]);
    const start = async (workflow: string, execution_id: string) =>
      expect(
        (await w.ask("POST", `/v1/workflows/${workflow}/execute`, { body: { execution_id, input: {} } })).status,
      ).toBe(200);
    await start(`${kind}-work`, `${kind}-run`);
    await worker.complete(`${kind}-run`);
    await start(`${kind}-work`, `${kind}-waits`);
    const drive = await worker.claim(`${kind}-waits`);
    const attributes = { payload: { type: "json", value: { label: "?", input_schema: {} }, encoding_options: null } };
    await drive.append([
      {
        kind: "custom_task",
        event: "started",
        task: crypto.randomUUID(),
        task_type: "wait_for_input",
        attributes,
      } as never,
    ]);
    await start(`${kind}-short`, `${kind}-late`);
    const job = {
      action: "terminate",
      filter: { workflow_identifier: `${kind}-work`, search: "nothing" },
      reason: kind,
    };
    expect((await w.ask("POST", "/v1/workflows/jobs", { body: job })).status).toBe(201);
    expect((await w.ask("POST", `/v1/workflows/deployments/${kind}-shop/promote`, { body: {} })).status).toBe(200);
  }
});
afterAll(() => w.close());

const LISTS = ["deployments", "jobs", "runs?page_size=50", "runs/counts", "inputs", ""].map(
  (path) => `/v1/workflows${path && `/${path}`}`,
);
const items = (table: string, part: string) =>
  w.memory.clients.items(table).filter((item) => JSON.stringify(item).includes(part));
const put = (TableName: string, Item: Record<string, AttributeValue>) =>
  w.memory.clients.dynamo.send(new PutItemCommand({ TableName, Item }));

test.each([
  ["registry", "D#bad-shop"],
  ["registry", "W#bad-work"],
  ["registry", "R#bad-work#"],
  ["registry", "#workers"],
  ["registry", "#definitions"],
  ["executions", "#bad-run"],
  ["executions", "#bad-waits"],
  ["executions", "#/jobs"],
])("a damaged attribute of an item of %s with %s hides no other item of any list", async (table, part) => {
  for (const item of items(table, part)) {
    if (!JSON.stringify(item).includes("bad-")) continue;
    for (const [name, value] of Object.entries(item)) {
      if (name === "pk" || name === "sk") continue;
      const damages: (AttributeValue | null)[] =
        value.S !== undefined ? [{ S: "{" }, null] : value.N !== undefined ? [{ N: "9000000000000000" }, null] : [null];
      for (const damage of damages) {
        const { [name]: _, ...rest } = item;
        await put(table, damage ? { ...rest, [name]: damage } : rest);
        for (const path of LISTS) {
          const { status, body } = await w.ask("GET", path);
          const why = w.lines.findLast(({ level }) => level === "error")?.fields.error;
          expect(status, `${path} with ${name} = ${JSON.stringify(damage)}: ${(why as Error)?.stack}`).toBe(200);
          if (!path.endsWith("/counts")) expect(JSON.stringify(body), path).toContain("good-");
        }
      }
    }
    await put(table, item);
  }
});

test("no damaged attribute of one execution keeps a round from another's timers and time limits", async () => {
  await w.clock.advance(2 * MINUTE);
  for (const item of items("executions", "#bad-")) {
    for (const name of Object.keys(item)) {
      if (name === "pk" || name === "sk" || name === "due_shard" || name === "due_at") continue;
      const { [name]: _, ...rest } = item;
      await put("executions", rest);
      await w.memory.another().ports.sweep(MINUTE, w.clock.now() + 50_000);
      expect(w.lines.filter(({ message }) => message.includes("stage of the round"))).toEqual([]);
      await put("executions", item);
    }
  }
  const late = await w.ports.executions.head({ workspace: w.workspace, execution: "good-late" });
  expect(late?.status).toBe("TIMED_OUT");
});

test("a message that cannot be read keeps no worker from its execution, and no other message from its handler", async () => {
  const worker = await w.worker("mail-shop", [
    { name: "mail", execution_timeout: null, signals: [{ name: "go", input_schema: {} }] },
  ]);
  await w.ask("POST", "/v1/workflows/mail/execute", { body: { execution_id: "mail-1", input: {} } });
  for (const n of [1, 2, 3]) {
    const body = { name: "go", input: { n } };
    expect((await w.ask("POST", "/v1/workflows/executions/mail-1/signals", { body })).status).toBe(202);
  }
  const second = items("executions", "mail-1").find((item) => item.sk!.S!.startsWith("IN#") && item.seq!.N === "2")!;
  await put("executions", { ...second, message: { S: "{" } });
  const { messages } = await worker.claim("mail-1");
  expect(messages.map((message) => "input" in message && message.input)).toEqual([{ n: 1 }, { n: 3 }]);
  expect(w.lines.some(({ fields }) => String(fields.row).includes("mail-1"))).toBe(true);
});
