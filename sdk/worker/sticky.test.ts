/** Sticky activities: those of one `onOneWorker` run in one worker session, and fail when it ends. */
import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { HistoryEvent } from "../../shared/protocol/history.ts";
import type { Task, WorkerAnswer } from "../../shared/protocol/worker.ts";
import { ActivityError, activity, on, onOneWorker, parallel, signal, sleep, waitUntil, workflow } from "../index.ts";
import { environment, type TestOptions } from "../testing/environment.ts";
import type { Transport } from "./transport.ts";
import type { Worker } from "./worker.ts";

const load = activity({ name: "load", sticky: true, retry: { maxAttempts: 5, first: "1s" } }, async () => "");
const use = activity(
  { name: "use", sticky: true, input: z.object({ n: z.number() }), retry: { maxAttempts: 5, first: "1s" } },
  async () => "",
);
const anywhere = activity({ name: "anywhere" }, async () => "");
const go = signal("go");

const pair = workflow({ name: "pair", timeout: null, handlers: [go] }, async () => {
  let ready = false;
  on(go, () => {
    ready = true;
  });
  return onOneWorker(async () => {
    await load();
    await waitUntil(() => ready);
    const many = await parallel([1, 2, 3], (n) => use({ n }));
    await anywhere();
    await sleep("1h");
    return [...many, await use({ n: 4 })].length;
  });
});
const again = workflow({ name: "again", timeout: null }, async () => {
  const lost: unknown[] = [];
  for (;;) {
    try {
      return await onOneWorker(async () => {
        await load();
        await sleep("10m");
        await use({ n: 1 });
        return lost;
      });
    } catch (error) {
      if (!(error instanceof ActivityError) || error.reason !== "lost") throw error;
      lost.push([error.activity, error.attempt, (error.cause as Error).name]);
    }
  }
});
const outside = workflow({ name: "outside", timeout: null }, async () => {
  await load();
});

const options = { workflows: [pair, again, outside], activities: [load, use, anywhere], workers: 3 };

/** Begins of attempts from the queue: the session that the activity names, and the one that began it. */
type Begun = [wanted: string, by: string];

async function watched(over: Partial<TestOptions> = {}) {
  const begun: Begun[] = [];
  const wire = (inner: Transport): Transport => ({
    close: () => inner.close(),
    call: (async (operation, body, o) => {
      const answer = await inner.call(operation, body, o);
      if (operation === "poll") for (const { task } of (answer as WorkerAnswer<"poll">).deliveries) note(task);
      if (operation === "begin" && "queued" in body && body.queued) {
        const wanted = wantedBy.get(`${body.run}/${body.activity}`);
        if (wanted !== undefined) begun.push([wanted, body.session!]);
      }
      return answer;
    }) as Transport["call"],
  });
  const wantedBy = new Map<string, string>();
  const note = (task: Task) => {
    if (task.kind === "activity" && task.options.session)
      wantedBy.set(`${task.run}/${task.activity}`, task.options.session);
  };
  const workers: Worker[] = [];
  const env = await environment({ ...options, ...over }, { wire, worker: (worker) => void workers.push(worker) });
  return { env, workers, begun };
}

const scheduledIn = (events: readonly HistoryEvent[]) =>
  events.flatMap((e) => (e.kind === "activity_scheduled" && e.options.session ? [[e.options.session, e.where]] : []));

describe("onOneWorker", () => {
  test("runs its sticky activities in one session, whichever worker takes the steps in between", async () => {
    // With one slot a worker, many go through the queue.
    const { env, workers, begun } = await watched({ maxConcurrentActivities: 1 });
    await using _ = env;
    const runs = [];
    for (let i = 0; i < 6; i++) runs.push(await env.start(pair, {}));
    await env.advance("1m");
    for (const run of runs) await run.signal(go);
    for (const run of runs) expect(await run.result()).toBe(4);
    const sessions = new Set(workers.map((worker) => worker.session));
    for (const run of runs) {
      const scheduled = scheduledIn(await run.history());
      expect(scheduled).toHaveLength(5);
      const [session] = scheduled[0]!;
      expect(sessions.has(session!)).toBe(true);
      for (const [named, where] of scheduled) {
        expect(named).toBe(session);
        expect(["queue", `local:${session}`]).toContain(where);
      }
    }
    expect(begun.length).toBeGreaterThan(0);
    for (const [wanted, by] of begun) expect(by).toBe(wanted);
  });

  test("fails with an error that code can catch when its worker has died, and another one gets another worker", async () => {
    const { env } = await watched({ workers: 1 });
    await using _ = env;
    const run = await env.start(again, {});
    await env.advance("1m");
    await env.killWorker();
    await env.addWorker();
    expect(await run.result()).toEqual([["use", 1, "WorkerLost"]]);
    const named = scheduledIn(await run.history()).map(([session]) => session);
    expect(named).toHaveLength(4);
    expect(new Set(named).size).toBe(2);
  });

  test("fails when its worker dies while the activity runs there, without another attempt", async () => {
    const { env } = await watched({ workers: 2 });
    await using _ = env;
    let calls = 0;
    env.stub(use, () => {
      calls += 1;
      return calls === 1 ? new Promise(() => {}) : "";
    });
    const run = await env.start(again, {});
    await env.advance("11m");
    expect(calls).toBe(1);
    await env.killWorker();
    await env.killWorker();
    await env.addWorker();
    const lost = await run.result();
    expect(lost).toEqual([["use", 1, "WorkerLost"]]);
    expect(calls).toBe(2);
  });

  test("retries a failed attempt on the same worker", async () => {
    const { env, begun } = await watched();
    await using _ = env;
    const tried: [number, string | undefined][] = [];
    env.stub(use, (_, ctx) => {
      tried.push([ctx.attempt, ctx.info.options.session]);
      if (ctx.attempt < 3) throw new Error("busy");
      return "";
    });
    const run = await env.start(again, {});
    expect(await run.result()).toEqual([]);
    const [[session] = []] = scheduledIn(await run.history());
    expect(tried).toEqual([1, 2, 3].map((attempt) => [attempt, session]));
    for (const [, by] of begun) expect(by).toBe(session);
  });

  test("says what is wrong where there is no session, and where its worker lacks the activity", async () => {
    const inner = activity({ name: "inner" }, async () => load());
    const nested = workflow({ name: "nested", timeout: null }, async () => {
      await inner();
    });
    const other = activity({ name: "other", sticky: true }, async () => 1);
    const lacking = workflow({ name: "lacking", timeout: null }, async () => onOneWorker(() => other()));
    const errors: unknown[] = [];
    const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: (m: string) => void errors.push(m) };
    const { env } = await watched({
      workflows: [outside, nested, lacking],
      activities: [load, inner],
      log: quiet,
    });
    await using _ = env;
    await env.start(outside, {});
    await env.advance("1s");
    expect(errors.join()).toContain(
      'activity "load" is sticky and was called outside a session: call it in onOneWorker',
    );
    await expect((await env.start(nested, {})).result()).rejects.toThrow("is sticky and was called inside an activity");
    await expect((await env.start(lacking, {})).result()).rejects.toThrow(
      "has no activity 'other': add it to runWorker",
    );
    expect(() => activity({ name: "__session" }, async () => {})).toThrow("is reserved for onOneWorker()");
  });
});
