/** What the official Python client, with its own encoding, and a worker with ours must tell each other, on either engine. */
import { randomBytes, randomUUID } from "node:crypto";
import { Mistral } from "@mistralai/mistralai";
import { expect } from "vitest";
import { type BlobStore, encryptedText } from "../../sdk/encoding/index.ts";
import { python } from "./client.ts";
import { startEncodingWorker } from "./encoding-workflows.ts";

interface Place {
  readonly url: string;
  readonly key: string;
}
interface Encoded {
  readonly b64payload: string;
  readonly encoding_options: string[];
}

const newKey = () => randomBytes(32).toString("hex");
const ask = (scenario: string, at: Place, options: object, ...args: string[]) =>
  python("encoding", at, scenario, JSON.stringify(options), ...args);
/** The result as the server holds it. */
async function stored(at: Place, executionId: string): Promise<Encoded> {
  const { workflows } = new Mistral({ serverURL: at.url, apiKey: at.key });
  return (await workflows.executions.getWorkflowExecution({ executionId })).result as Encoded;
}

export async function checkEncryption(at: Place): Promise<void> {
  const key = newKey();
  const worker = await startEncodingWorker(at, "encrypted", { encryption: { mode: "full", key } });
  const options = { mode: "full", key, deployment: "encrypted" };
  const id = `encrypted-${randomUUID().slice(0, 8)}`;
  const done = { name: "Hello, Ada III" };
  const out = await ask("story", at, options, id);
  expect(out).toMatchObject({
    query: { name: "Ada II" },
    update: { name: "Ada III" },
    streamed: done,
    result: done,
  });
  expect(out.events).toEqual(
    expect.arrayContaining([
      ["WORKFLOW_EXECUTION_STARTED", [{ name: "Ada Lovelace" }]],
      ["ACTIVITY_TASK_STARTED", [{ name: "Ada III" }]],
      ["CUSTOM_TASK_IN_PROGRESS", [[{ op: "replace", path: "/name", value: "Dear Ada III" }]]],
      ["ACTIVITY_TASK_COMPLETED", [done]],
      ["WORKFLOW_EXECUTION_COMPLETED", [done]],
    ]),
  );
  expect((await stored(at, id)).encoding_options).toEqual(["encrypted"]);
  expect(await ask("schedule", at, options)).toEqual({ input: { secret: "Ada" } });
  await worker.stop();
}

export async function checkPartialEncryption(at: Place): Promise<void> {
  const key = newKey();
  const worker = await startEncodingWorker(at, "partly", { encryption: { mode: "partial", key } });
  const options = { mode: "partial", key, deployment: "partly" };
  const input = { text: "readable", secret: encryptedText("s3cret") };
  const { execution, result } = await ask("echo", at, options, JSON.stringify(input));
  expect(result).toEqual(input);
  const { b64payload, encoding_options } = await stored(at, execution as string);
  expect(encoding_options).toEqual(["encrypted-partial"]);
  const text = Buffer.from(b64payload, "base64").toString();
  expect(text).toContain("readable");
  expect(text).not.toContain("s3cret");
  await worker.stop();
}

export async function checkRotation(at: Place): Promise<void> {
  const [first, second] = [newKey(), newKey()];
  const worker = await startEncodingWorker(at, "rotated", {
    encryption: { mode: "full", key: second, previousKeys: [first] },
  });
  const input = JSON.stringify({ secret: "Ada" });
  const previous = { mode: "full", key: first, previous: second, deployment: "rotated" };
  expect(await ask("echo", at, previous, input)).toMatchObject({ result: { secret: "Ada" } });
  const late = { mode: "full", key: second, deployment: "rotated" };
  expect(await ask("echo", at, late, input)).toMatchObject({ result: { secret: "Ada" } });
  await worker.stop();
}

/** `s3`: the address of a store that has the bucket `blobs`. */
export async function checkOffloading(at: Place, s3: string, store: BlobStore): Promise<void> {
  const key = newKey();
  const encoding = {
    encryption: { mode: "full", key },
    compression: { minBytes: 10_000 },
    offload: { store, minBytes: 100_000 },
  } as const;
  const worker = await startEncodingWorker(at, "offloaded", encoding);
  const options = { mode: "full", key, s3, deployment: "offloaded" };
  const out = (await ask("large", at, options, "200000")) as { executions: string[]; same: boolean[] };
  expect(out.same).toEqual([true, true]);
  const [small, large] = await Promise.all(out.executions.map((id) => stored(at, id)));
  expect(small!.encoding_options).toEqual(["compressed", "encrypted"]);
  expect(large!.encoding_options).toEqual(["compressed", "offloaded", "encrypted"]);
  await worker.stop();
  const hidden = await startEncodingWorker(at, "hidden", {
    ...encoding,
    offload: { ...encoding.offload, encrypted: true },
  });
  const again = (await ask("large", at, { ...options, deployment: "hidden" }, "200000")) as typeof out;
  expect(again.same).toEqual([true, true]);
  expect((await stored(at, again.executions[1]!)).encoding_options).toEqual([
    "compressed",
    "encrypted",
    "offloaded",
    "encrypted",
  ]);
  await hidden.stop();
}
