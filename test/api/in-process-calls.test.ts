/** INPROCESS-1, INPROCESS-2: the calls of a worker through a message port, to a real server. */
import { randomUUID } from "node:crypto";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as z from "zod";
import { activity, startWorker, workflow } from "../../sdk/index.ts";
import { inProcessTransport, serverInProcess } from "../../sdk/worker/in-process-transport.ts";
import { ServerRefusal, ServerUnreachable } from "../../sdk/worker/transport.ts";
import { DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { IN_PROCESS_SERVER, type InProcessServer } from "../../shared/lib/in-process-calls.ts";
import { MAX_WORKER_BODY_BYTES } from "../../shared/protocol/limits.ts";
import type { Delivery, WorkerBody } from "../../shared/protocol/worker.ts";
import { QUIET, type TestServer, testServer } from "../support/test-server.ts";

let server: TestServer;
let ports: MessagePort[];
let inProcess: InProcessServer;
beforeEach(async () => {
  server = await testServer();
  ports = [];
  inProcess = {
    url: server.url,
    connect() {
      const { port1, port2 } = new MessageChannel();
      ports.push(port1);
      server.serve(port2);
      return port1;
    },
  };
});
afterEach(async () => {
  Reflect.deleteProperty(globalThis, IN_PROCESS_SERVER);
  for (const port of ports) port.close();
  await server.close();
});

const transportOf = (o: Partial<Parameters<typeof inProcessTransport>[1]> = {}) =>
  inProcessTransport(inProcess, { apiKey: server.key, ...o });
const who = { deployment: "shop", worker: "one", session: randomUUID() };
const queue = { workspace: DEFAULT_WORKSPACE, deployment: "shop", queue: "workflow" } as const;
const send = (execution: string) => server.ports.tasks.send(queue, { kind: "workflow", execution });
const takenBy = (session: string) => server.ports.tasks.receive(queue, { session, max: 9, waitMs: 0 });
const poll = (o: Partial<WorkerBody<"poll">> = {}): WorkerBody<"poll"> => ({
  ...who,
  queue: "workflow",
  max: 10,
  wait_ms: 20_000,
  ...o,
});
const names = (deliveries: readonly Delivery[]) => deliveries.map(({ task }) => task.execution);

test("a call is answered, and one that the server refuses says why", async () => {
  const transport = transportOf();
  const definitions = [{ name: "orders", input_schema: {} }] as never;
  const registered = await transport.call("register", { ...who, definitions, activities: [], sdk: "t/1" });
  expect(registered.tasks).toEqual({ via: "poll" });
  const wrong = transport.call("finish", { receipts: 7 } as never);
  await expect(wrong).rejects.toThrow(ServerRefusal);
  await expect(wrong).rejects.toThrow(/finish: 422 .*receipts/);
  await expect(transportOf({ apiKey: "no key of this server" }).call("finish", { receipts: [] })).rejects.toMatchObject(
    {
      status: 401,
    },
  );
});

test("a body above the limit of HTTP is refused here too, in characters of one and of three bytes", async () => {
  const transport = transportOf();
  for (const letter of ["a", "€"]) {
    const receipts = [letter.repeat(MAX_WORKER_BODY_BYTES / Buffer.byteLength(letter))];
    await expect(transport.call("finish", { receipts })).rejects.toMatchObject({ status: 413 });
  }
});

test("half of a surrogate pair arrives as U+FFFD", async () => {
  const finish = vi.spyOn(server.ports.tasks, "finish");
  await transportOf()
    .call("finish", { receipts: ["cut \ud83d"] })
    .catch(() => {});
  expect(JSON.stringify(finish.mock.calls)).toContain("cut \ufffd");
});

test("PARTS-1: a poll in parts gives each task as it comes", async () => {
  const parts: string[][] = [];
  const polled = transportOf().call("poll", poll({ max: 2, parts: true }), {
    retry: false,
    onPart: (deliveries) => parts.push(names(deliveries)),
  });
  await vi.waitFor(() => expect(parts).toEqual([[]]));
  await send("a");
  await vi.waitFor(() => expect(parts).toEqual([[], ["a"]]));
  await send("b");
  expect(await polled).toEqual({ deliveries: [] });
  expect(parts).toEqual([[], ["a"], ["b"]]);
});

test.each([
  undefined,
  true,
] as const)("INPROCESS-2: a poll that its caller aborts takes no task (parts: %s)", async (parts) => {
  const received = vi.spyOn(server.ports.tasks, parts ? "receiveInParts" : "receive");
  const cut = new AbortController();
  const polled = transportOf().call("poll", poll({ ...(parts && { parts }) }), {
    signal: cut.signal,
    onPart: () => {},
  });
  await vi.waitFor(() => expect(received).toHaveBeenCalled());
  cut.abort();
  await expect(polled).rejects.toMatchObject({ name: "AbortError" });
  await vi.waitFor(() => expect(received.mock.calls[0]![1].signal?.aborted).toBe(true));
  await send("a");
  expect(await takenBy("t")).toMatchObject([{ attempt: 1 }]);
});

test("a poll of a port that is closed takes no task, and its caller is told; further calls do not wait", async () => {
  const received = vi.spyOn(server.ports.tasks, "receive");
  const transport = transportOf();
  const polled = transport.call("poll", poll());
  polled.catch(() => {});
  await vi.waitFor(() => expect(received).toHaveBeenCalled());
  transport.close();
  await expect(polled).rejects.toThrow(ServerUnreachable);
  await expect(transport.call("finish", { receipts: [] })).rejects.toThrow(/cannot reach the server in this process/);
  await vi.waitFor(() => expect(received.mock.calls[0]![1].signal?.aborted).toBe(true));
  await send("a");
  expect(await takenBy("t")).toMatchObject([{ attempt: 1 }]);
});

test("a call that is not answered in time fails, and its late answer is dropped", async () => {
  const answer = Promise.withResolvers<void>();
  const finish = vi.spyOn(server.ports.tasks, "finish").mockImplementationOnce(() => answer.promise);
  const transport = transportOf();
  const late = transport.call("finish", { receipts: ["r"] }, { retry: false, timeoutMs: 20 });
  await expect(late).rejects.toThrow("finish: cannot reach the server in this process: timed out");
  answer.resolve();
  expect(await transport.call("finish", { receipts: [] })).toEqual({});
  expect(finish).toHaveBeenCalled();
});

test("a server that stops ends polls with an answer, and its caller repeats other calls until its patience ends", async () => {
  const tries: string[] = [];
  const transport = transportOf({ patienceMs: 200, onRetry: (_, why) => tries.push(why.message) });
  const received = vi.spyOn(server.ports.tasks, "receive");
  const polled = transport.call("poll", poll());
  await vi.waitFor(() => expect(received).toHaveBeenCalled());
  const closed = server.close();
  expect(await polled).toEqual({ deliveries: [] });
  await closed;
  await expect(transport.call("finish", { receipts: [] })).rejects.toThrow(ServerUnreachable);
  expect(tries[0]).toContain("it has ended");
});

const step = activity({ name: "step", input: z.object({ n: z.number() }) }, async ({ n }) => ({ n: n + 1 }));
const steps = workflow({ name: "steps", input: z.object({ n: z.number() }) }, async ({ n }) => {
  let at = { n: 0 };
  while (at.n < n) at = (await step(at)) as { n: number };
  return at;
});
const run = async (input: unknown) => {
  const headers = { authorization: `Bearer ${server.key}`, "content-type": "application/json" };
  const body = JSON.stringify({ input, wait_for_result: true });
  return (await fetch(`${server.url}/v1/workflows/steps/execute`, { method: "POST", headers, body })).json();
};

test("INPROCESS-1: a worker uses the server of its process for its address, and HTTP for every other", async () => {
  Object.assign(globalThis, { [IN_PROCESS_SERVER]: inProcess });
  expect(serverInProcess(`${server.url}/`)).toBe(inProcess);
  expect(serverInProcess("http://127.0.0.1:1")).toBeUndefined();
  const options = { apiKey: server.key, workflows: [steps], activities: [step], log: QUIET };
  const local = server.url.replace("127.0.0.1", "localhost");
  const worker = await startWorker({ ...options, url: local, deployment: "shop" });
  expect(ports.length).toBe(1);
  expect(await run({ n: 20 })).toMatchObject({ result: { n: 20 } });
  expect(await worker.stop()).toBe(0);
  Object.assign(globalThis, { [IN_PROCESS_SERVER]: { ...inProcess, url: "http://127.0.0.1:1" } });
  const other = await startWorker({ ...options, url: local, deployment: "shop" });
  expect(ports.length).toBe(1);
  expect(await run({ n: 2 })).toMatchObject({ result: { n: 2 } });
  await other.stop();
});
