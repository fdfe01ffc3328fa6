/** An installation for one test file: a store in memory, a manual clock, real HTTP, and the official client. */

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Mistral } from "@mistralai/mistralai";
import { HTTPClient } from "@mistralai/mistralai/lib/http";
import type { SDKError } from "@mistralai/mistralai/models/errors";
import { type RunningServer, type ServerOptions, startServer } from "../../../cli/server/index.ts";
import { createKey, type NewKey } from "../../../shared/api/index.ts";
import type { Log, Ports, Settings } from "../../../shared/ports.ts";
import { type OpenApiDocument, type OpenApiOperation, openapiDocument } from "../../../shared/protocol/openapi.ts";
import { matchRoute, type Route } from "../../../shared/protocol/routes.ts";
import type { Aws } from "../../../shared/server/aws.ts";
import { type Embedded, embedded } from "../../../shared/server/embedded.ts";
import { ManualClock } from "../../contract/manual-clock.ts";
import { type MemoryAws, memoryAws } from "../../support/memory-aws.ts";
import { ScriptedWorker } from "./scripted-worker.ts";

export interface World<Store extends Ports = Embedded> {
  readonly ports: Store;
  readonly clock: ManualClock;
  readonly server: RunningServer;
  readonly workspace: string;
  readonly key: string;
  /** The official client, unmodified, with `key`. */
  readonly client: Mistral;
  clientWith(key: string): Mistral;
  newKey(over?: Partial<NewKey>): Promise<{ key: string; workspace: string; client: Mistral }>;
  /** A raw call; `key: null` sends none. */
  ask(method: string, path: string, o?: Ask): Promise<{ status: number; headers: Headers; body: Body }>;
  /** Registers a worker of a deployment. */
  worker(
    deployment: string,
    definitions: readonly Definition[],
    o?: { name?: string; key?: string },
  ): Promise<ScriptedWorker>;
  /** A round of the sweeper. */
  sweep(everyMs: number): Promise<void>;
  /** Brings the changes of an execution so far to the feed, as the change stream does on AWS. */
  feed(execution: string): Promise<void>;
  /** What it resolves to. Meanwhile the clock moves on, by which the AWS adapter looks for changes. */
  waitingFor<T>(promise: Promise<T>): Promise<T>;
  /** Log lines of the server so far. */
  readonly lines: { level: string; message: string; fields: Record<string, unknown> }[];
  close(): Promise<void>;
}

export interface Ask {
  readonly body?: unknown;
  readonly key?: string | null;
  readonly headers?: Record<string, string>;
  /** The body as text, instead of `body`. */
  readonly text?: string;
}
export type Body = Record<string, unknown> & { detail?: unknown; code?: string };
export type Definition = { name: string } & Record<string, unknown>;

export type WorldOptions = { settings?: Partial<Settings> } & Partial<Omit<ServerOptions, "ports">>;

export async function world(o: WorldOptions = {}): Promise<World> {
  const w = await worldOver(o, (given) => embedded(given));
  return Object.assign(w, { sweep: w.ports.sweep, feed: async () => {} });
}

/** As long as a round of the sweeper's function may take. */
const ROUND_MS = 50_000;

/** The same over the AWS adapter with tables, queues and a bucket in memory. It has no change stream: a test calls `feed`. */
export async function awsWorld(o: WorldOptions = {}): Promise<World<Aws> & { readonly memory: MemoryAws }> {
  const made: MemoryAws[] = [];
  const w = await worldOver(o, (given) => {
    made.push(memoryAws({ ...given, objects: true, delays: true }));
    return { ...made[0]!.ports, close: () => {} };
  });
  const sweep = async (everyMs: number) => void (await w.ports.sweep(everyMs, w.clock.now() + ROUND_MS));
  const feed = async (execution: string) => {
    const failed = await w.ports.feedChanges(made[0]!.changesOf({ workspace: w.workspace, execution }));
    if (failed.length > 0) throw new Error(`the feed has not taken ${failed.length} changes of ${execution}`);
  };
  return Object.assign(w, { sweep, feed, memory: made[0]! });
}

/** For `describe.each`: what both engines must do alike, over real HTTP. */
export const ENGINES: readonly [string, (o?: WorldOptions) => Promise<World<Ports>>][] = [
  ["the embedded engine", world],
  ["the AWS adapter", awsWorld],
];

async function worldOver<Store extends Ports>(
  o: WorldOptions,
  storeOf: (given: { clock: ManualClock; log: Log; settings?: Partial<Settings> }) => Store & { close(): void },
): Promise<Omit<World<Store>, "sweep" | "feed">> {
  const { settings, ...server } = o;
  const clock = new ManualClock();
  const lines: World["lines"] = [];
  const note =
    (level: string) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      lines.push({ level, message, fields });
    };
  const log = { info: note("info"), warn: note("warn"), error: note("error") };
  const ports = storeOf({ clock, log, ...(settings && { settings }) });
  const running = await startServer({ ports, version: "9.9.9", port: 0, ...server });
  const clientWith = (key: string) =>
    new Mistral({ serverURL: running.url, apiKey: key, httpClient: new HTTPClient({ fetcher: checkedFetch }) });
  const newKey = async (over: Partial<NewKey> = {}) => {
    const workspace = over.workspace ?? randomUUID();
    const { key } = await createKey(ports, { workspace, name: "tester", ...over });
    return { key, workspace, client: clientWith(key) };
  };
  const mine = await newKey();
  const ask = async (method: string, path: string, a: Ask = {}) => {
    const key = a.key === undefined ? mine.key : a.key;
    const text = a.text ?? (a.body === undefined ? undefined : JSON.stringify(a.body));
    const response = await fetch(running.url + path, {
      method,
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(text !== undefined && { "content-type": "application/json" }),
        ...a.headers,
      },
      ...(text !== undefined && { body: text }),
    });
    const answer = await response.text();
    checkDescribed(method, path, response.status);
    return {
      status: response.status,
      headers: response.headers,
      body: (answer === "" ? {} : JSON.parse(answer)) as Body,
    };
  };
  return {
    ports,
    clock,
    server: running,
    ...mine,
    clientWith,
    newKey,
    ask,
    lines,
    async waitingFor(promise) {
      let going = true;
      const ended = promise.finally(() => {
        going = false;
      });
      ended.catch(() => {});
      while (going) {
        await clock.advance(50);
        await delay(2);
      }
      return ended;
    },
    async worker(deployment, definitions, w = {}) {
      const worker = new ScriptedWorker({
        url: running.url,
        key: w.key ?? mine.key,
        clock,
        deployment,
        name: w.name ?? "w1",
      });
      await worker.register(definitions);
      return worker;
    },
    async close() {
      await running.close(500);
      ports.close();
    },
  };
}

let described: OpenApiDocument | undefined;

/** The OpenAPI document describes each status that an operation answers. */
function checkDescribed(method: string, path: string, status: number): void {
  const match = matchRoute(method, path.split("?", 1)[0]!);
  if (match.outcome !== "route") return;
  const { operation, method: of, path: template } = match.route;
  described ??= openapiDocument({ version: "9.9.9" });
  const { responses } = (described.paths[template] as Record<string, OpenApiOperation>)[of.toLowerCase()]!;
  if (!(status in responses)) throw new Error(`${operation} answers ${status}, which /openapi.json does not describe`);
}

/** `fetch` that also checks every answer against our own schema of the route. */
async function checkedFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const response = await fetch(request);
  const match = matchRoute(request.method, new URL(request.url).pathname);
  if (match.outcome !== "route" || !response.ok) return response;
  const route: Route = match.route;
  if (response.status !== route.success) throw new Error(`${route.operation} answered ${response.status}`);
  if (route.kind === "json" && route.response) route.response.parse(await response.clone().json());
  return response;
}

/** The status and body of the error with which a call of the client ends. */
export async function failure(call: Promise<unknown>): Promise<{ status: number; body: Body; name: string }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error && "statusCode" in error && "body" in error) {
      const { statusCode, body } = error as unknown as SDKError;
      return { status: statusCode, body: JSON.parse(body) as Body, name: error.name };
    }
    throw error;
  }
  throw new Error("the call succeeded");
}
