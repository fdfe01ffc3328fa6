/**
 * A server over a store in a file, or over the AWS adapter with tables in memory, with two workspaces: one that a fuzz test attacks, and a bystander. `isUnharmed` checks
 * after the attack that the server answers, that no row of the bystander has changed, that a restart finds nothing
 * damaged, and that executions of both then complete.
 */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "vitest";
import { startServer } from "../../../cli/server/index.ts";
import { createKey } from "../../../shared/api/index.ts";
import { realClock } from "../../../shared/lib/clock.ts";
import type { Log, Ports } from "../../../shared/ports.ts";
import { embedded } from "../../../shared/server/embedded.ts";
import { MEMORY_TABLES, memoryAws } from "../../support/memory-aws.ts";
import { ScriptedWorker } from "../support/scripted-worker.ts";

export interface Member {
  readonly workspace: string;
  readonly key: string;
  readonly worker: ScriptedWorker;
}
export interface Attacked {
  readonly url: string;
  readonly attacker: Member;
  readonly bystander: Member;
  /** The run of the bystander's execution, which is called `bystander`. */
  readonly run: string;
  ask(key: string, method: string, at: string, body?: unknown): Promise<{ status: number; text: string }>;
  /** Starts the execution unless it runs. */
  start(member: Member, execution: string): Promise<void>;
  isUnharmed(about: string): Promise<void>;
  close(): Promise<void>;
}

/** What differs between the engines. */
interface Store {
  /** As after a start of the server. */
  open(): Ports & { close(): void; sweep(everyMs: number): Promise<unknown> };
  /** Every row, or item, of the workspace. */
  rows(workspace: string): Promise<unknown[]>;
  remove(): Promise<void>;
}

async function inFile(log: Log): Promise<Store> {
  const folder = await mkdtemp(path.join(tmpdir(), "sirocco-fuzz-"));
  let ports: ReturnType<typeof embedded>;
  return {
    open() {
      ports = embedded({ file: path.join(folder, "store.db"), log });
      return ports;
    },
    async rows(workspace) {
      ports.database.writeWaiting();
      await ports.durable();
      const tables = ports.database.all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
      return tables.flatMap(({ name }) => {
        const columns = ports.database.all(`PRAGMA table_info("${name}")`).map((column) => column.name);
        if (!columns.includes("ws")) return [];
        return ports.database.all(`SELECT '${name}' AS "table", * FROM "${name}" WHERE ws = ?`, workspace);
      });
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

async function onAws(log: Log): Promise<Store> {
  const first = memoryAws({ clock: realClock, log, objects: true });
  return {
    open() {
      const { ports } = first.another();
      return { ...ports, close: () => {}, sweep: (everyMs) => ports.sweep(everyMs, Date.now() + 60_000) };
    },
    rows: async (workspace) =>
      Object.values(MEMORY_TABLES).flatMap((table) =>
        first.clients
          .items(table)
          .filter(({ pk }) => pk!.S!.startsWith(`${workspace}#`))
          .sort((a, b) => (`${a.pk!.S} ${a.sk!.S}` < `${b.pk!.S} ${b.sk!.S}` ? -1 : 1))
          .map((item) => ({ table, ...item })),
      ),
    remove: async () => {},
  };
}

export const STORES = { "the embedded engine": inFile, "the AWS adapter": onAws };

export async function attacked(engine: keyof typeof STORES = "the embedded engine"): Promise<Attacked> {
  const errors: string[] = [];
  const error = (message: string, fields: object = {}) => void errors.push(`${message} ${JSON.stringify(fields)}`);
  const log = { info: () => {}, warn: () => {}, error };
  const store = await STORES[engine](log);
  let ports = store.open();
  let server = await startServer({ ports, version: "test", port: 0 });
  // A restarted server has another port: no connection to the one before is used again.
  const workerOf = (key: string, deployment: string) =>
    new ScriptedWorker({ url: server.url, key, clock: realClock, deployment, name: "w1" });

  async function member(deployment: string): Promise<Member> {
    const workspace = randomUUID();
    const { key } = await createKey(ports, { workspace, name: "tester" });
    const worker = workerOf(key, deployment);
    await worker.register([{ name: "orders", execution_timeout: null, signals: [{ name: "go", input_schema: {} }] }]);
    return { workspace, key, worker };
  }
  const ask: Attacked["ask"] = async (key, method, at, body) => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const response = await fetch(server.url + at, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  };
  const start: Attacked["start"] = async ({ key, worker }, execution) => {
    const body = { execution_id: execution, deployment_name: worker.deployment, id_reuse_policy: "allow" };
    const { status, text } = await ask(key, "POST", "/v1/workflows/orders/execute", body);
    if (status !== 200) expect(JSON.parse(text), text).toMatchObject({ code: "WF_1101", status: "RUNNING" });
  };

  const attacker = await member("attackers");
  const bystander = await member("bystanders");
  await start(bystander, "bystander");
  const drive = await bystander.worker.claim("bystander");
  const child = { child: 1, workflow: "orders", execution: "child", input: null, on_parent_close: "abandon" } as const;
  await drive.append([{ kind: "child_scheduled", ...child }]);
  await drive.park();
  const sent = await ask(bystander.key, "POST", "/v1/workflows/executions/bystander/signals", { name: "go" });
  expect(sent.status, sent.text).toBe(202);

  const answers = async (about: string) => {
    const health = await fetch(`${server.url}/health`);
    expect({ status: health.status, body: await health.json() }, about).toEqual({
      status: 200,
      body: { status: "ok", version: "test", limits: expect.anything() },
    });
  };
  const rows = () => store.rows(bystander.workspace);
  const before = await rows();
  return {
    url: server.url,
    attacker,
    bystander,
    run: drive.head.run,
    ask,
    start,
    async isUnharmed(about) {
      await answers(about);
      expect(await rows(), about).toEqual(before);
      await server.close(500);
      ports.close();
      ports = store.open();
      server = await startServer({ ports, version: "test", port: 0 });
      expect(await rows(), `${about}, after a restart`).toEqual(before);
      await ports.sweep(60_000);
      await answers(`${about}, after a restart`);
      expect(errors, about).toEqual([]);
      const [theirs, mine] = [workerOf(bystander.key, "bystanders"), workerOf(attacker.key, "attackers")];
      for (const worker of [theirs, mine]) await worker.register([{ name: "orders", execution_timeout: null }]);
      await theirs.complete("bystander", 1);
      // What the attacker may have held of its own stays so until somebody releases it.
      const { version } = await ports.registry.holds(attacker.workspace);
      await ports.registry.setHolds(attacker.workspace, { version: version + 1, holds: [] });
      await start(attacker, "after-the-attack");
      await mine.complete("after-the-attack", 1);
    },
    async close() {
      await server.close(500);
      ports.close();
      await store.remove();
    },
  };
}
