/**
 * The deployed handlers at their limits: answers longer than Lambda buffers, requests longer than it takes, and handlers
 * that their own timeout ends in the middle of a call of the protocol. The worker here is a transport in the test's hands.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, deploy } from "../../localstack/deploy.ts";
import { httpTransport, type Transport } from "../../sdk/worker/transport.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { registryKeys } from "../../shared/aws/bootstrap.ts";
import type { HistoryEvent } from "../../shared/protocol/history.ts";
import type { AppendItem, WorkerAnswer } from "../../shared/protocol/worker.ts";
import { definition } from "../contract/subject.ts";
import { blankAccount, cannotRun, type TestAccount } from "./support.ts";

const DEPLOYMENT = "shop";
const MB = 1024 * 1024;

let account: TestAccount;
let stack: Deployment;
let key: string;
let worker: Transport;
const session = randomUUID();

const api = async (path: string, body: unknown = {}) => {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const answer = await fetch(`${stack.apiUrl}/v1/workflows${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json().catch(() => null)) as Record<string, unknown> | null };
};
const start = (execution: string) => api("/orders/execute", { execution_id: execution, input: { n: 1 } });

type Claimed = Extract<WorkerAnswer<"claim">, { kind: "claimed" }>;
async function claim(execution: string, by = session): Promise<Claimed> {
  const claimed = await worker.call("claim", { execution, session: by });
  if (claimed.kind !== "claimed") throw new Error(`${execution} is closed`);
  return claimed;
}
const at = () => Date.now();
const completed = (id: number, result: unknown): HistoryEvent =>
  ({ kind: "activity_completed", id, at: at(), activity: id, name: "charge", result }) as HistoryEvent;
const item = ({ head }: Claimed, first: number, events: HistoryEvent[], taken: string[] = []): AppendItem => ({
  execution: head.execution,
  run: head.run,
  chain: head.chain,
  turn: head.turn,
  batch: { first, events, append_id: randomUUID(), sent: head.sent },
  taken,
  look: true,
});
/** Nothing that could be compressed by more than a quarter. */
const noise = (bytes: number) => randomBytes((bytes * 3) / 4).toString("base64");

describe.skipIf(cannotRun)("the handlers on AWS", () => {
  beforeAll(async () => {
    account = await blankAccount();
    stack = await deploy({ endpoint: account.endpoint });
    process.env.AWS_ENDPOINT_URL = account.endpoint;
    process.env.AWS_ACCESS_KEY_ID = account.credentials.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = account.credentials.secretAccessKey;
    const ports = registryKeys({ table: stack.outputs.RegistryTable!, region: account.region });
    ({ key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "tester" }));
    worker = httpTransport({ url: stack.workerUrl, apiKey: key });
    const who = { deployment: DEPLOYMENT, worker: "hand", session };
    await worker.call("register", { ...who, definitions: [definition("orders")], activities: [], sdk: "test" });
  }, 240_000);

  afterAll(async () => {
    worker?.close();
    await account?.stop();
  });

  describe("sizes", () => {
    it("a history longer than Lambda buffers reaches the worker that claims it, whole", async () => {
      const execution = `long-${randomUUID()}`;
      expect((await start(execution)).status).toBe(200);
      const mine = await claim(execution);
      const results = Array.from({ length: 5 }, () => noise(1.9 * MB));
      for (const [i, result] of results.entries()) {
        const { results: answers } = await worker.call("append", {
          items: [item(mine, 2 + i, [completed(2 + i, result)])],
        });
        expect(answers).toMatchObject([{ kind: "appended" }]);
      }
      const heir = await claim(execution, randomUUID());
      expect(heir.batches.map(({ first }) => first)).toEqual([2, 3, 4, 5, 6]);
      expect(heir.batches.flatMap(({ events }) => events).map((e) => "result" in e && e.result)).toEqual(results);
      // Also to one that cannot read what is compressed: 9.5 MB as they are.
      const headers = { authorization: `Bearer ${key}` };
      const body = JSON.stringify({ execution });
      const plain = await fetch(`${stack.workerUrl}/v1/worker/read`, {
        method: "POST",
        body,
        headers: { ...headers, "accept-encoding": "identity" },
      });
      expect(plain.status).toBe(200);
      expect(plain.headers.get("content-encoding")).toBeNull();
      expect((await plain.text()).length).toBeGreaterThan(9 * MB);
    }, 60_000);

    it("a call longer than Lambda takes is compressed, and taken", async () => {
      const execution = `wide-${randomUUID()}`;
      await start(execution);
      const mine = await claim(execution);
      const text = "What does not repeat itself by the word repeats itself by the letter. ".repeat(27_000);
      const events = [2, 3, 4, 5, 6].map((id) => completed(id, `${id}: ${text}`));
      const { results } = await worker.call("append", { items: [item(mine, 2, events)] });
      expect(results).toMatchObject([{ kind: "appended" }]);
      expect((await claim(execution)).batches).toMatchObject([{ first: 2, events: { length: 5 } }]);
    }, 60_000);

    it("one that is too long even so is refused in a way that the worker understands, and nothing of it is written", async () => {
      const execution = `huge-${randomUUID()}`;
      await start(execution);
      const mine = await claim(execution);
      const events = [2, 3, 4, 5].map((id) => completed(id, noise(1.9 * MB)));
      const refused = worker.call("append", { items: [item(mine, 2, events)] });
      await expect(refused).rejects.toMatchObject({ status: 413, code: "PAYLOAD_TOO_LARGE" });
      await expect(refused).rejects.toThrow(/must be smaller than 6291456 bytes/);
      expect((await claim(execution)).batches).toEqual([]);
    }, 60_000);
  });
});
