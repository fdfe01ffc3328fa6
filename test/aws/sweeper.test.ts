/** A round of the sweeper over tables of the emulator. */
import { randomUUID } from "node:crypto";
import { type DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newJob } from "../../shared/engine/jobs.ts";
import { forEachConcurrent } from "../../shared/lib/for-each-concurrent.ts";
import type { Head } from "../../shared/protocol/head.ts";
import type { Aws } from "../../shared/server/aws.ts";
import { batchOf, begun, bench, claimed, closed, newRef, scheduled, scheduleState } from "../contract/subject.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";
import { countedRound, fillBacklog } from "./backlog.ts";

const MINUTE = 60_000;
type Rows = Readonly<Record<"executions" | "schedules" | "closed", readonly string[]>>;
let on: Installation;
let ports: Aws;

describeUnless(cannotRun)("a round of the sweeper on AWS", () => {
  beforeAll(async () => {
    on = await install({ feed: false });
    ports = on.adapter();
  });
  afterAll(() => on?.end());

  const logOf = async ({ workspace, execution }: Head) => {
    const ExpressionAttributeValues = { ":pk": { S: `${workspace}#${execution}` }, ":sk": { S: "LOG#" } };
    const KeyConditionExpression = "pk = :pk AND begins_with(sk, :sk)";
    const input = { TableName: on.tables.executions, KeyConditionExpression, ExpressionAttributeValues };
    return (await ports.clients.dynamo.send(new QueryCommand(input))).Items ?? [];
  };

  test("gives closed runs their expiry concurrently, and leaves a failed one to the next round", async () => {
    const b = bench({ ports, pass: async () => {} });
    const workspace = randomUUID();
    const heads = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const head = await claimed(b, await begun(b, newRef(workspace)));
        await closed(b, head, 2);
        return head;
      }),
    );
    const [failing] = heads;
    const lines: unknown[] = [];
    const clients = on.clients();
    let inFlight = 0;
    let most = 0;
    clients.dynamo.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const isFailing = JSON.stringify(args.input).includes(failing!.execution);
          if (commandName === "UpdateItemCommand" && isFailing) throw new Error("injected");
          most = Math.max(most, ++inFlight);
          return next(args).finally(() => {
            inFlight -= 1;
          });
        },
      { step: "initialize" },
    );
    const log = { info: () => {}, warn: () => {}, error: (...line: unknown[]) => void lines.push(line) };
    const sweeping = on.adapter({ clients, log });
    expect((await sweeping.sweep(MINUTE, b.now() + MINUTE)).expired).toBe(11);
    expect(lines).toMatchObject([
      ["expiry: items of a closed run not done, the next round tries again", { run: `EXPIRE#${failing!.run}` }],
    ]);
    expect(most).toBeGreaterThanOrEqual(4);
    for (const head of heads) {
      const expiring = (await logOf(head)).map((item) => item.ttl !== undefined);
      expect(expiring, head.execution).toEqual([head !== failing]);
    }
    expect((await ports.sweep(MINUTE, b.now() + MINUTE)).expired).toBe(1);
    expect((await logOf(failing!)).every((item) => item.ttl)).toBe(true);
    expect((await ports.sweep(MINUTE, b.now() + MINUTE)).expired).toBe(0);
  }, 60_000);

  test("deletes the log that a reset prepared, if the reset died, and not one that became a run", async () => {
    const b = bench({ ports, pass: async () => {} });
    const of = async (put: boolean) => {
      const final = await closed(b, await begun(b));
      const at = b.now();
      const next: Head = {
        ...final,
        status: "RUNNING",
        run: ports.uuid(),
        started_at: at,
        due_at: at + MINUTE,
        closed_at: null,
        result: null,
        reset: { from: final.run, at, origins: [{ run: final.run, through: 1 }], began_at: final.started_at },
      };
      await ports.executions.prepare(next, [batchOf(2, at, [scheduled(1)])]);
      if (put) expect(await ports.executions.reopen(next, final)).toBe(true);
      return async () => {
        const items = (await logOf(final)).filter((item) => item.sk?.S?.includes(next.run));
        return items.map((item) => item.ttl !== undefined);
      };
    };
    const [dead, alive] = [await of(false), await of(true)];
    await ports.sweep(MINUTE, b.now() + MINUTE);
    expect([await dead(), await alive()]).toEqual([[false], [false]]); // a reset may still be under way
    const later = on.adapter({ clock: { ...ports.clock, now: () => Date.now() + 61 * MINUTE } });
    await later.sweep(MINUTE, Date.now() + 62 * MINUTE);
    expect([await dead(), await alive()]).toEqual([[], [false]]);
  }, 60_000);

  /** Two of each kind of row that a round handles; the round's clients fail where `fails` says so. */
  async function roundWith(fails: (table: string, request: string, rows: Rows) => boolean) {
    const b = bench({ ports, pass: async () => {} });
    const workspace = randomUUID();
    const names = (kind: string) => [0, 1].map((n) => `${kind}-${n}-${randomUUID()}`);
    const rows: Rows = { executions: names("due"), schedules: names("late"), closed: names("closed") };
    for (const execution of rows.executions) await begun(b, { workspace, execution }, { due_at: b.now() - 7_000 });
    for (const schedule of rows.schedules) {
      await ports.schedules.create(workspace, { state: scheduleState(schedule), wakeAt: b.now() - MINUTE });
    }
    for (const execution of rows.closed) await closed(b, await claimed(b, await begun(b, { workspace, execution })));
    const clients = on.clients();
    const handled: string[] = [];
    for (const client of [clients.dynamo, clients.sqs]) {
      (client.middlewareStack as DynamoDBClient["middlewareStack"]).add(
        (next) => async (args) => {
          const request = JSON.stringify(args.input);
          if (fails((args.input as { TableName?: string }).TableName ?? "queues", request, rows))
            throw new Error("injected");
          handled.push(request);
          return next(args);
        },
        { step: "initialize" },
      );
    }
    const lines: { message: string; stage?: string }[] = [];
    const error = (message: string, fields: Record<string, unknown> = {}) =>
      void lines.push({ message, ...(typeof fields.stage === "string" && { stage: fields.stage }) });
    const sweeping = on.adapter({ clients, log: { info: () => {}, warn: () => {}, error } });
    await sweeping.sweep(MINUTE, b.now() + MINUTE);
    /** Rows for which the round made the request that its stage is for. */
    const done = {
      executions: rows.executions.filter((id) => handled.some((r) => r.includes("MessageBody") && r.includes(id))),
      schedules: rows.schedules.filter((id) => handled.some((r) => r.includes(`"S#${id}"`))),
      closed: rows.closed.filter((id) => handled.some((r) => r.includes(id) && r.includes("EXPIRE#"))),
    };
    await ports.sweep(MINUTE, b.now() + MINUTE); // so that the next round of a test meets none of these rows
    return { rows, done, lines };
  }

  const isDue = (request: string, key: string) => request.includes('"IndexName"') && request.includes(`":${key}"`);
  test.each([
    ["due executions", "executions", (table: string, r: string) => table === on.tables.executions && isDue(r, "from")],
    [
      "overdue schedules",
      "schedules",
      (table: string, r: string) => table === on.tables.schedules && isDue(r, "until"),
    ],
    ["expiry", "closed", (table: string, r: string) => table === on.tables.executions && isDue(r, "now")],
  ] as const)(
    "the stage '%s' throws and the others finish",
    async (stage, kind, fails) => {
      const { rows, done, lines } = await roundWith(fails);
      expect(done).toEqual({ ...rows, [kind]: [] });
      expect(lines).toEqual([{ message: "sweep: a stage of the round failed, the others go on", stage }]);
    },
    60_000,
  );

  test.each([
    ["due execution", "executions", "sweep: an execution that is due failed and is set aside"],
    ["overdue schedule", "schedules", "sweep: schedule not woken, the next round tries again"],
    ["closed run", "closed", "expiry: items of a closed run not done, the next round tries again"],
  ] as const)(
    "one %s throws and every other row of the round is handled",
    async (_row, kind, message) => {
      const { rows, done, lines } = await roundWith((table, request, all) => {
        const broken = request.includes(all[kind][0]!);
        return kind === "executions" ? table === "queues" && broken : !isDue(request, "from") && broken;
      });
      expect(done).toEqual({ ...rows, [kind]: rows[kind].slice(1) });
      expect(lines).toEqual([{ message }]);
    },
    60_000,
  );

  test("works on jobs, page by page, until all executions have their outcome", async () => {
    const b = bench({ ports, pass: async () => {} });
    const workspace = randomUUID();
    const refs = Array.from({ length: 120 }, () => newRef(workspace));
    await forEachConcurrent(10, refs, async (ref) => void (await begun(b, ref)));
    await b.eventually(async () => {
      const page = { workspace, sortBy: "start_time", order: "asc", limit: 200 } as const;
      expect((await ports.executions.runs(page)).runs).toHaveLength(120);
    });
    const now = b.now();
    const action = { kind: "terminate", reason: "moved" } as const;
    const query = { workspace, statuses: ["RUNNING"], startedBefore: now } as const;
    const job = newJob({ workspace, id: randomUUID(), action, filter: {}, query, by: "ops" }, now);
    await ports.jobs.create(job);
    await b.eventually(async () => {
      await ports.sweep(MINUTE, b.now() + MINUTE);
      expect(await ports.jobs.get(job)).toMatchObject({ status: "COMPLETED", total: 120, counts: { succeeded: 120 } });
    });
    expect(await ports.executions.head(refs[7]!)).toMatchObject({ status: "TERMINATED" });
    const pages = [await ports.jobs.outcomes(job, 0), await ports.jobs.outcomes(job, 1)];
    expect(pages.map((page) => page.length)).toEqual([100, 20]);
    const acted = pages.flat().map(({ execution }) => execution);
    expect(acted.toSorted()).toEqual(refs.map(({ execution }) => execution).toSorted());
  }, 120_000);

  test("begins nothing after its deadline", async () => {
    const b = bench({ ports, pass: async () => {} });
    await begun(b, newRef(), { due_at: b.now() - 7_000 });
    expect(await ports.sweep(MINUTE, b.now() - 1)).toEqual({ due: 0, woken: 0, released: 0, jobs: 0, expired: 0 });
    expect((await ports.sweep(MINUTE, b.now() + MINUTE)).due).toBeGreaterThanOrEqual(1);
  });

  // Last, because the backlog stays. The same with more entries: bench/sweep-backlog.ts.
  test("overdue executions of a dead deployment delay no timer of another, and their reads are counted", async () => {
    await fillBacklog(on, 2_000); // two pages
    const { missed, unitsUntilAlive, units, looked } = await countedRound(on, 300_000);
    expect(missed).toBe(0);
    expect(looked).toBeGreaterThan(2_000);
    // The backlog is no part of it, however long: one page, and of each shard what was due in the last minutes.
    expect(unitsUntilAlive).toBeLessThan(100);
    // An entry has 110 bytes; each read is rounded up to half a unit, in each of 16 shards.
    expect(units).toBeLessThan(300);
  }, 300_000);
});
