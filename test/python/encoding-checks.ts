/** What the official Python client, with its own encoding, and a worker with ours must tell each other, on either engine. */
import { randomBytes, randomUUID } from "node:crypto";
import { Mistral } from "@mistralai/mistralai";
import { expect } from "vitest";
import { type EncodingOptions, encryptedText, s3Store } from "../../sdk/encoding/index.ts";
import { python } from "./client.ts";

interface Place {
  readonly url: string;
  readonly key: string;
}
interface Encoded {
  readonly b64payload: string;
  readonly encoding_options: string[];
}

/** The settings of a worker of either SDK. */
export interface Settings {
  readonly mode: "full" | "partial";
  readonly key: string;
  readonly previous?: string;
  /** The address of a store that has the bucket `blobs`: payloads are compressed and offloaded. */
  readonly s3?: string;
  /** The store holds encrypted bytes. */
  readonly hidden?: boolean;
}

/** Starts a worker of the workflows of `encoding-workflows.ts`. */
export type Serve = (at: Place, deployment: string, settings: Settings) => Promise<{ stop(): Promise<unknown> }>;

export function encodingOf({ mode, key, previous, s3, hidden = false }: Settings): EncodingOptions {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  return {
    encryption: { mode, key, ...(previous && { previousKeys: [previous] }) },
    ...(s3 && {
      compression: { minBytes: 10_000 },
      offload: {
        store: s3Store({ bucket: "blobs", prefix: "mine", region: "us-east-1", endpoint: s3, client: { credentials } }),
        minBytes: 100_000,
        encrypted: hidden,
      },
    }),
  };
}

const newKey = () => randomBytes(32).toString("hex");
const ask = (scenario: string, at: Place, options: object, ...args: string[]) =>
  python("encoding", at, scenario, JSON.stringify(options), ...args);
/** The result as the server holds it. */
async function stored(at: Place, executionId: string): Promise<Encoded> {
  const { workflows } = new Mistral({ serverURL: at.url, apiKey: at.key });
  return (await workflows.executions.getWorkflowExecution({ executionId })).result as Encoded;
}

export async function checkEncryption(at: Place, serve: Serve, started: unknown = { name: "Ada III" }): Promise<void> {
  const key = newKey();
  const worker = await serve(at, "encrypted", { mode: "full", key });
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
      ["ACTIVITY_TASK_STARTED", [started]],
      ["CUSTOM_TASK_IN_PROGRESS", [[{ op: "replace", path: "/name", value: "Dear Ada III" }]]],
      ["ACTIVITY_TASK_COMPLETED", [done]],
      ["WORKFLOW_EXECUTION_COMPLETED", [done]],
    ]),
  );
  expect((await stored(at, id)).encoding_options).toEqual(["encrypted"]);
  expect(await ask("schedule", at, options)).toEqual({ input: { secret: "Ada" } });
  await worker.stop();
}

export async function checkPartialEncryption(at: Place, serve: Serve): Promise<void> {
  const key = newKey();
  const worker = await serve(at, "partly", { mode: "partial", key });
  const options = { mode: "partial", key, deployment: "partly" };
  const input = { text: "readable", secret: encryptedText("s3cret") };
  const { execution, result } = await ask("echo", at, options, JSON.stringify(input));
  expect(result).toEqual(input);
  const { b64payload, encoding_options } = await stored(at, execution as string);
  expect(encoding_options).toEqual(["encrypted-partial"]);
  const text = Buffer.from(b64payload, "base64").toString();
  expect(text).toContain("readable");
  expect(text).not.toContain("s3cret");
  const login = (await ask("login", at, options, "Ada", "t0ken")) as {
    execution: string;
    result: unknown;
    payloads: unknown[];
  };
  const shown = (data: string) => ({ user: "Ada", token: encryptedText(data) });
  expect(login.result).toEqual(shown("t0ken"));
  expect(login.payloads.at(0)).toEqual(shown("t0ken"));
  expect(login.payloads.at(-1)).toEqual(shown("t0ken-2"));
  const raw = await fetch(`${at.url}/v1/workflows/executions/${login.execution}/history`, {
    headers: { authorization: `Bearer ${at.key}` },
  });
  const recorded = await raw.text();
  expect(recorded).toContain('"encrypted-partial"');
  expect(recorded).not.toMatch(/t0ken|-2"/);
  await worker.stop();
}

export async function checkRotation(at: Place, serve: Serve): Promise<void> {
  const [first, second] = [newKey(), newKey()];
  const worker = await serve(at, "rotated", { mode: "full", key: second, previous: first });
  const input = JSON.stringify({ secret: "Ada" });
  const previous = { mode: "full", key: first, previous: second, deployment: "rotated" };
  expect(await ask("echo", at, previous, input)).toMatchObject({ result: { secret: "Ada" } });
  const late = { mode: "full", key: second, deployment: "rotated" };
  expect(await ask("echo", at, late, input)).toMatchObject({ result: { secret: "Ada" } });
  await worker.stop();
}

/** `s3`: the address of a store that has the bucket `blobs`. */
export async function checkOffloading(at: Place, serve: Serve, s3: string): Promise<void> {
  const settings = { mode: "full", key: newKey(), s3 } as const;
  const worker = await serve(at, "offloaded", settings);
  expect(await optionsOfLarge(at, { ...settings, deployment: "offloaded" })).toEqual([
    ["compressed", "encrypted"],
    ["compressed", "offloaded", "encrypted"],
  ]);
  await worker.stop();
}

/** The official clients read what this SDK alone writes: blobs that are encrypted as well. */
export async function checkHiddenBlobs(at: Place, serve: Serve, s3: string): Promise<void> {
  const settings = { mode: "full", key: newKey(), s3 } as const;
  const worker = await serve(at, "hidden", { ...settings, hidden: true });
  expect(await optionsOfLarge(at, { ...settings, deployment: "hidden" })).toEqual([
    ["compressed", "encrypted"],
    ["compressed", "encrypted", "offloaded", "encrypted"],
  ]);
  await worker.stop();
}

/** Sends two large inputs and gets them back: one that compresses well, and one that does not. */
async function optionsOfLarge(at: Place, options: object): Promise<string[][]> {
  const out = (await ask("large", at, options, "200000")) as { executions: string[]; same: boolean[] };
  expect(out.same).toEqual([true, true]);
  return Promise.all(out.executions.map(async (id) => (await stored(at, id)).encoding_options));
}
