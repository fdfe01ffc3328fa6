/** Jobs under crashes: a runner dies at each of its writes, two run at once, the store is reopened. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { overriding } from "../lib/overriding.ts";
import { type Ports, type StoredJob, StoreFailed } from "../ports.ts";
import type { JobAction, JobOutcome } from "../protocol/job.ts";
import { messageId } from "../protocol/messages.ts";
import { type Embedded, embedded } from "../server/embedded.ts";
import { deleteExecution } from "./delete.ts";
import { JOB_LEASE_MS, newJob, runJobs } from "./jobs.ts";
import { reset } from "./reset.ts";
import { start } from "./start.ts";
import { terminate } from "./terminate.ts";

const WS = "w";

async function running(ports: Ports, ids: readonly string[]) {
  for (const execution of ids) {
    await start(ports, {
      workspace: WS,
      execution,
      workflow: "orders",
      registration: null,
      deployment: "shop",
      input: null,
      token: execution,
      timeoutMs: null,
      by: "client",
    });
  }
}

/** Executions on which the action can act. */
async function subjects(ports: Ports, action: JobAction) {
  await running(ports, IDS);
  if (action.kind !== "delete") return;
  for (const execution of IDS)
    await terminate(ports, { workspace: WS, execution }, { kind: "terminated", reason: null });
}

async function made(ports: Ports, action: JobAction): Promise<StoredJob> {
  const now = ports.clock.now();
  const statuses = [action.kind === "delete" ? "TERMINATED" : "RUNNING"] as const;
  const query = { workspace: WS, statuses, startedBefore: now } as const;
  const job = newJob({ workspace: WS, id: ports.uuid(), action, filter: {}, query, by: "ops" }, now);
  await ports.jobs.create(job);
  return job;
}

async function outcomesOf(ports: Ports, job: StoredJob): Promise<JobOutcome[]> {
  const { pages } = (await ports.jobs.get(job))!;
  const all: JobOutcome[] = [];
  for (let page = 0; page < pages; page++) all.push(...(await ports.jobs.outcomes(job, page)));
  return all;
}

/** Ports of a runner that dies with its `n`th call of a store or queue: `before` the call has an effect, or after it. */
function dying(ports: Ports, n: number, when: "before" | "after") {
  let calls = 0;
  const dead = () => new StoreFailed(new Error("killed"));
  const counted = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, name) {
        const method = Reflect.get(target, name);
        if (typeof method !== "function") return method;
        return async (...args: unknown[]) => {
          calls += 1;
          if (calls > n || (calls === n && when === "before")) throw dead();
          const answer = await method.apply(target, args);
          if (calls === n) throw dead();
          return answer;
        };
      },
    });
  const { executions, jobs, tasks } = ports;
  return {
    ports: { ...ports, executions: counted(executions), jobs: counted(jobs), tasks: counted(tasks) },
    survived: () => calls < n,
  };
}

const IDS = ["a", "b", "c"];
const ACTIONS: JobAction[] = [
  { kind: "cancel" },
  { kind: "terminate", reason: "moved" },
  { kind: "signal", name: "go", input: { n: 1 } },
  { kind: "reset", to: "start", reason: "again", excluded: [] },
  { kind: "delete" },
];

describe.each(ACTIONS)("a job that must $kind", (action) => {
  test.each([
    "before",
    "after",
  ] as const)("acts once on each execution although its runner dies %s any of its calls", async (when) => {
    for (let n = 1; ; n++) {
      const clock = new ManualClock();
      const ports = embedded({ clock });
      await subjects(ports, action);
      const job = await made(ports, action);
      const runner = dying(ports, n, when);
      await runJobs(runner.ports).catch((error) => expect(error).toBeInstanceOf(StoreFailed));
      await clock.advance(JOB_LEASE_MS + 1);
      await runJobs(ports);
      const ended = (await ports.jobs.get(job))!;
      expect(ended, `death ${when} call ${n}`).toMatchObject({
        status: "COMPLETED",
        total: 3,
        counts: { succeeded: 3, skipped: 0, failed: 0 },
      });
      expect((await outcomesOf(ports, job)).map(({ execution }) => execution).toSorted()).toEqual(IDS);
      await expectDone(ports, job);
      ports.close();
      if (runner.survived()) return expect(n).toBeGreaterThan(15);
    }
  });

  test("counts each execution once although two runners share it", async () => {
    const clock = new ManualClock();
    const ports = embedded({ clock });
    await subjects(ports, action);
    const job = await made(ports, action);
    const slow = { ...ports.jobs, replace: ports.jobs.replace.bind(ports.jobs) };
    // The second runner begins when the first has acted and has not stored the outcomes: its lease has passed.
    const jobs = new Proxy(ports.jobs, {
      get(target, name) {
        if (name === "putOutcomes") {
          return async (...args: Parameters<Ports["jobs"]["putOutcomes"]>) => {
            await clock.advance(JOB_LEASE_MS + 1);
            await runJobs({ ...ports, jobs: slow as Ports["jobs"] });
            return target.putOutcomes(...args);
          };
        }
        return Reflect.get(target, name).bind(target);
      },
    });
    Object.setPrototypeOf(slow, ports.jobs);
    for (const name of ["get", "due", "outcomes", "putOutcomes"] as const)
      (slow as Record<string, unknown>)[name] = (ports.jobs[name] as () => unknown).bind(ports.jobs);
    await runJobs({ ...ports, jobs });
    expect(await ports.jobs.get(job)).toMatchObject({ status: "COMPLETED", counts: { succeeded: 3, skipped: 0 } });
    expect(await outcomesOf(ports, job)).toHaveLength(3);
    await expectDone(ports, job);
    ports.close();
  });

  async function expectDone(ports: Ports, job: StoredJob) {
    for (const execution of IDS) {
      const ref = { workspace: WS, execution };
      if (action.kind === "delete") {
        expect(await ports.executions.head(ref)).toBeNull();
        expect(await ports.executions.deletedAt(ref)).not.toBeNull();
        continue;
      }
      const head = (await ports.executions.head(ref))!;
      const inbox = await ports.executions.inbox(head, head.chain);
      if (action.kind === "reset") {
        const { runs } = await ports.executions.runs({
          workspace: WS,
          root: execution,
          sortBy: "start_time",
          order: "asc",
          limit: 9,
        });
        const [first] = runs.filter(({ run }) => run !== head.run);
        expect(head.reset?.from).toBe(first?.run);
        expect(runs.map(({ status }) => status).toSorted()).toEqual(["RUNNING", "TERMINATED"]);
      } else if (action.kind === "terminate") {
        expect(head).toMatchObject({ status: "TERMINATED", failure: `moved (job ${job.id} of 'ops')` });
        expect(inbox).toEqual([]);
      } else {
        const id = action.kind === "cancel" ? messageId.cancel(job.id) : messageId.signal(job.id);
        expect(inbox.map((message) => message.id)).toEqual([id]);
      }
    }
  }
});

test("a job that repeats another one acts where that one failed, and sends no message twice", async () => {
  const clock = new ManualClock();
  const ports = embedded({ clock });
  await running(ports, ["a", "b", "c"]);
  const job = await made(ports, { kind: "signal", name: "go", input: null });
  const { executions } = ports;
  // Of b the message arrives and the first answer is lost; of c nothing arrives.
  const lost = new Set(["b"]);
  const failing = overriding(executions, {
    async head(ref) {
      if (ref.execution === "c") throw new Error("the answer was lost");
      return executions.head(ref);
    },
    async putMessage(...given) {
      const put = await executions.putMessage(...given);
      if (lost.delete(given[0].execution)) throw new Error("the answer was lost");
      return put;
    },
  });
  await runJobs({ ...ports, executions: failing });
  expect(await ports.jobs.get(job)).toMatchObject({ status: "COMPLETED", counts: { succeeded: 1, failed: 2 } });
  const repeat = async (of: StoredJob) => {
    const repeats = { job: of.id, first: of.repeats?.first ?? of.id };
    const next = newJob({ ...of, id: ports.uuid(), repeats }, clock.now());
    await ports.jobs.create(next);
    return next;
  };
  const second = await repeat(job);
  await runJobs({ ...ports, executions: failing });
  expect(await ports.jobs.get(second)).toMatchObject({ status: "COMPLETED", counts: { succeeded: 1, failed: 1 } });
  const third = await repeat(second);
  await runJobs(ports);
  expect(await ports.jobs.get(third)).toMatchObject({ status: "COMPLETED", counts: { succeeded: 1, failed: 0 } });
  expect((await outcomesOf(ports, third)).map(({ execution }) => execution)).toEqual(["c"]);
  for (const execution of ["a", "b", "c"]) {
    const head = (await executions.head({ workspace: WS, execution }))!;
    const ids = (await executions.inbox(head, head.chain)).map(({ id }) => id);
    expect(ids, execution).toEqual([messageId.signal(job.id)]);
  }
  ports.close();
});

test("a reset skips runs that go on as others, and those without the point, and resets no new run", async () => {
  const clock = new ManualClock();
  const ports = embedded({ clock });
  await running(ports, ["a", "b", "c"]);
  const job = await made(ports, { kind: "reset", to: "first_failure", reason: null, excluded: [] });
  await reset(ports, { workspace: WS, execution: "b" }, { target: { to: "start" }, reason: null, excluded: [] });
  await runJobs(ports);
  expect(await ports.jobs.get(job)).toMatchObject({ status: "COMPLETED", total: 3, counts: { skipped: 3 } });
  const details = (await outcomesOf(ports, job)).map(({ execution, detail }) => [execution, detail]);
  expect(details.toSorted()).toEqual([
    ["a", "its history has no first failure"],
    ["b", "it began with a reset, after the job was made"],
    ["c", "its history has no first failure"],
  ]);
  ports.close();
});

const again = {
  workflow: "orders",
  registration: null,
  deployment: "shop",
  input: null,
  token: "another",
  timeoutMs: null,
  by: "client",
} as const;

test("an execution that closed, was started again, or fails by itself has its own outcome", async () => {
  const clock = new ManualClock();
  const ports = embedded({ clock });
  await running(ports, ["closed", "again", "broken", "fine"]);
  const job = await made(ports, { kind: "cancel" });
  // Between the page and the action.
  const executions = new Proxy(ports.executions, {
    get(target, name) {
      if (name === "head") {
        return async (ref: { workspace: string; execution: string }) => {
          if (ref.execution === "broken") throw new Error("damaged");
          return target.head(ref);
        };
      }
      if (name === "runs") {
        return async (query: Parameters<Ports["executions"]["runs"]>[0]) => {
          const found = await target.runs(query);
          if (query.limit === 100) {
            for (const execution of ["closed", "again"])
              await terminate(ports, { workspace: WS, execution }, { kind: "terminated", reason: null });
            await running(
              ports,
              ["again"].map((id) => id),
            );
            await start(ports, { workspace: WS, execution: "again", ...again });
          }
          return found;
        };
      }
      return Reflect.get(target, name).bind(target);
    },
  });
  await runJobs({ ...ports, executions });
  const outcomes = Object.fromEntries(
    (await outcomesOf(ports, job)).map(({ execution, outcome, detail }) => [execution, [outcome, detail]]),
  );
  expect(outcomes).toEqual({
    closed: ["skipped", "it has ended: TERMINATED"],
    again: ["skipped", "it was started again, or deleted, since the job found it"],
    broken: ["failed", expect.stringContaining("log")],
    fine: ["succeeded", null],
  });
  expect(await ports.jobs.get(job)).toMatchObject({ counts: { succeeded: 1, skipped: 2, failed: 1 } });
  ports.close();
});

test("an abort stops a job after the page under way, whose outcomes are counted", async () => {
  const clock = new ManualClock();
  const ports = embedded({ clock });
  await running(
    ports,
    Array.from({ length: 250 }, (_, i) => `e${i}`),
  );
  const job = await made(ports, { kind: "terminate", reason: null });
  const jobs = new Proxy(ports.jobs, {
    get(target, name) {
      if (name !== "putOutcomes") return Reflect.get(target, name).bind(target);
      return async (...args: Parameters<Ports["jobs"]["putOutcomes"]>) => {
        const now = (await target.get(job))!;
        const ended = { status: "ABORTED", endedAt: clock.now(), dueAt: null, page: null } as const;
        await target.replace({ ...now, ...ended, version: now.version + 1 });
        return target.putOutcomes(...args);
      };
    },
  });
  await runJobs({ ...ports, jobs });
  await clock.advance(JOB_LEASE_MS + 1);
  await runJobs(ports);
  expect(await ports.jobs.get(job)).toMatchObject({ status: "ABORTED", pages: 1, counts: { succeeded: 100 } });
  expect(await outcomesOf(ports, job)).toHaveLength(100);
  ports.close();
});

test("a job goes on after a restart of the server, where it was", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sirocco-jobs-"));
  const file = join(directory, "store.db");
  const clock = new ManualClock();
  const ids = Array.from({ length: 250 }, (_, i) => `e${String(i).padStart(3, "0")}`);
  const first: Embedded = embedded({ clock, file });
  await running(first, ids);
  const job = await made(first, { kind: "terminate", reason: null });
  // The budget is over after the first page.
  let pages = 0;
  const now = () => (pages > 0 ? Number.MAX_SAFE_INTEGER : clock.now());
  const jobs = new Proxy(first.jobs, {
    get(target, name) {
      const method = Reflect.get(target, name).bind(target);
      if (name !== "putOutcomes") return method;
      return (...args: unknown[]) => {
        pages += 1;
        return method(...args);
      };
    },
  });
  const until = clock.now() + 1000;
  await runJobs({ ...first, jobs, clock: { now, at: clock.at.bind(clock) } }, until);
  expect(await first.jobs.get(job)).toMatchObject({ status: "RUNNING", total: 250, counts: { succeeded: 100 } });
  await first.durable();
  first.close();

  const second = embedded({ clock, file });
  const stored = (await second.jobs.get(job))!;
  await second.jobs.replace({ ...stored, version: stored.version + 1, dueAt: clock.now() });
  await runJobs(second);
  expect(await second.jobs.get(job)).toMatchObject({ status: "COMPLETED", counts: { succeeded: 250 } });
  expect(new Set((await outcomesOf(second, job)).map(({ execution }) => execution))).toEqual(new Set(ids));
  second.close();
  rmSync(directory, { recursive: true });
});

test("a delete skips what was started again or runs, and counts what was deleted meanwhile as done", async () => {
  const clock = new ManualClock();
  const ports = embedded({ clock });
  await subjects(ports, { kind: "delete" });
  await clock.advance(10);
  const job = await made(ports, { kind: "delete" });
  const [a, b] = ["a", "b"].map((execution) => ({ workspace: WS, execution }));
  const executions = new Proxy(ports.executions, {
    get(target, name) {
      if (name !== "runs") return Reflect.get(target, name).bind(target);
      return async (query: Parameters<Ports["executions"]["runs"]>[0]) => {
        const found = await target.runs(query);
        if (query.limit === 100) {
          await deleteExecution(ports, a!);
          await deleteExecution(ports, b!);
          await start(ports, { ...again, ...b! });
          await reset(
            ports,
            { workspace: WS, execution: "c" },
            { target: { to: "start" }, reason: null, excluded: [] },
          );
        }
        return found;
      };
    },
  });
  await runJobs({ ...ports, executions });
  const outcomes = (await outcomesOf(ports, job)).map(({ execution, outcome, detail }) => [execution, outcome, detail]);
  expect(outcomes.toSorted()).toEqual([
    ["a", "succeeded", null],
    ["b", "skipped", "it was started again, or deleted, since the job found it"],
    ["c", "skipped", "it is running"],
  ]);
  expect((await ports.executions.head(b!))?.status).toBe("RUNNING");
  ports.close();
});
