/**
 * Interleavings: orders of calls and crashes that break a weaker version of the protocol. The titles are names: comments
 * cite them. The test plays each interleaving twice, against the weaker call (weaker.ts), where the bad outcome must
 * happen, and against the real call, where it must not.
 */
import { describe, expect, test } from "vitest";
import { claim } from "../../shared/engine/claim.ts";
import { close } from "../../shared/engine/close.ts";
import { flushOutbox } from "../../shared/engine/outbox.ts";
import { reset } from "../../shared/engine/reset.ts";
import { send } from "../../shared/engine/send.ts";
import { start } from "../../shared/engine/start.ts";
import { terminate } from "../../shared/engine/terminate.ts";
import type { Executions, Ports, Ref } from "../../shared/ports.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import { messageId } from "../../shared/protocol/messages.ts";
import {
  completed,
  Died,
  dying,
  local,
  ManualWorker,
  MINUTE,
  pausing,
  ref,
  remote,
  signal,
  stage,
  started,
  stuck,
  timer,
  timesTaken,
  took,
  WORKSPACE,
  wakes,
} from "./stage.ts";
import * as weaker from "./weaker.ts";

const HOUR = 60 * MINUTE;

describe("claim removes the due time", () => {
  // The queue delivers a task to A and to B. B parks and deletes it. A claims and dies.
  const play = async (by: typeof claim) => {
    const s = await stage();
    await started(s);
    const b = new ManualWorker(s.ports, "B");
    await b.claim();
    await b.append([timer(s.clock.now() + HOUR)]);
    expect(await b.park()).toBe(true);
    await s.tasks(); // B deletes the task
    await new ManualWorker(s.ports, "A").claim({ by }); // and A dies
    return s;
  };
  test("weaker: nothing ever wakes the execution", async () => {
    const s = await play(weaker.claimThatRemovesDueAt);
    expect(await stuck(s)).toBe(true);
    expect(await wakes(s, 3 * HOUR)).toBe(false);
  });
  test("real: the claim timeout passes and the sweeper enqueues a task", async () => {
    const s = await play(claim);
    expect(await stuck(s)).toBe(false);
    expect(await wakes(s, 4 * MINUTE)).toBe(true);
  });
});

describe("claim reads the log before the inbox", () => {
  // B makes its first read. A appends [m, timer] and deletes m. B makes its second read, finds nothing to do and parks. A dies.
  const play = async (by: typeof claim, firstRead: "batches" | "inbox") => {
    const s = await stage();
    const head = await started(s);
    const first = new ManualWorker(s.ports, "A");
    await first.claim();
    await first.append([{ kind: "search_keys_set", set: {}, remove: [] }]);
    await first.park();
    const m = signal("m", s.clock.now());
    await send(s.ports, ref(), m);
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    const b = new ManualWorker(s.ports, "B");
    const pause = pausing(s.ports, firstRead);
    const claiming = b.claim({ by, ports: pause.ports });
    await pause.reached;
    await a.append([took(m), timer(s.clock.now() + HOUR)]);
    pause.resume();
    await claiming;
    expect(head.chain).toBe(b.head.chain);
    return { s, b };
  };
  test("weaker: B reads neither the message nor the timer, and the timer is lost", async () => {
    const { s, b } = await play(weaker.claimThatReadsTheLogFirst, "batches");
    expect(b.isIdle).toBe(true);
    expect(await b.park()).toBe(true);
    expect(await stuck(s)).toBe(true);
  });
  test("real: a message that is no longer in the inbox is in the log", async () => {
    const { s, b } = await play(claim, "inbox");
    expect(b.state.timers.size).toBe(1);
    expect(b.next()).toEqual({ events: [], taken: b.messages.map((m) => m.id), repeats: [], refused: [] });
    expect(await b.park()).toBe(true);
    expect((await s.ports.executions.head(ref()))!.due_at).toBe(b.due());
    expect(await stuck(s)).toBe(false);
  });
});

describe("park without the fence", () => {
  // A has claimed. A sender puts a message, requests a wake-up and dies before it enqueues the task. A parks by its old view.
  const play = async (park: (a: ManualWorker, ports: Ports) => Promise<boolean>) => {
    const s = await stage();
    await started(s);
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    await s.tasks();
    await a.append([{ kind: "search_keys_set", set: {}, remove: [] }]);
    await expect(send(dying(s.ports, "before", "send"), ref(), signal("m", s.clock.now()))).rejects.toThrow(Died);
    expect(a.isIdle).toBe(true);
    const parked = await park(a, s.ports);
    // The sender of a second message finds the wake-up pending, and acknowledges.
    expect((await send(s.ports, ref(), signal("n", s.clock.now()))).kind).toBe("accepted");
    return { s, parked };
  };
  test("weaker: the park erases the wake-up, and no worker takes the message in", async () => {
    const { s, parked } = await play((a, ports) =>
      weaker.parkWithoutFence(ports, ref(), { run: a.head.run, dueAt: a.due(), effectsDoneThrough: a.state.tail }),
    );
    expect(parked).toBe(true);
    expect(await stuck(s)).toBe(true);
    expect(await wakes(s, HOUR)).toBe(false);
  });
  test("real: the wake-up has raised the fence, so the park is refused and the sweeper enqueues a task", async () => {
    const { s, parked } = await play((a) => a.park());
    expect(parked).toBe(false);
    expect(await wakes(s, 2 * MINUTE)).toBe(true);
  });
  test("real: the park of a zombie is refused as well while another worker owns the fence", async () => {
    const s = await stage();
    await started(s);
    const zombie = new ManualWorker(s.ports, "A");
    await zombie.claim();
    await new ManualWorker(s.ports, "B").claim();
    expect(await zombie.park(null)).toBe(false);
    expect((await s.ports.executions.head(ref()))!.due_at).not.toBeNull();
  });
});

describe("send judges by the clock that the head is due", () => {
  // The claim timeout passes while A still drives. A sender finds the head due and acknowledges. A closes.
  const play = async (by: typeof send) => {
    const s = await stage();
    await started(s);
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    await s.clock.advance(s.ports.settings.claimTimeoutMs + 1);
    const m = signal("m", s.clock.now());
    expect((await by(s.ports, ref(), m)).kind).toBe("accepted");
    return { s, a, m, closed: await a.close(completed) };
  };
  test("weaker: A keeps its fence, and its close loses an acknowledged signal", async () => {
    const { s, m, closed } = await play(weaker.sendThatTrustsTheClock);
    expect(closed.kind).toBe("closed");
    expect(await timesTaken(s, m.id)).toBe(0);
  });
  test("real: the wake-up raises the fence; A claims again and takes the signal in", async () => {
    const { s, a, m, closed } = await play(send);
    expect(closed.kind).toBe("fenced");
    await a.claim();
    expect(a.messages).toMatchObject([m]);
    await a.append([took(m)]);
    expect((await a.close(completed)).kind).toBe("closed");
    expect(await timesTaken(s, m.id)).toBe(1);
  });
});

describe("the closing batch is written before the head", () => {
  // A claims. A sender puts a signal, requests a wake-up and acknowledges. The closing batch of A wins its position.
  const play = async (by: typeof close) => {
    const s = await stage();
    await started(s);
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    const m = signal("m", s.clock.now());
    expect((await send(s.ports, ref(), m)).kind).toBe("accepted");
    return { s, m, closed: await a.close(completed, { by }) };
  };
  test("weaker: the close loses the acknowledged signal", async () => {
    const { s, m, closed } = await play(weaker.closeByPositionAlone);
    expect(closed.kind).toBe("closed");
    expect(await timesTaken(s, m.id)).toBe(0);
  });
  test("real: the wake-up has raised the fence, so the close is refused and writes nothing", async () => {
    const { s, closed } = await play(close);
    expect(closed.kind).toBe("fenced");
    expect((await s.ports.executions.head(ref()))!.status).toBe("RUNNING");
    expect(await wakes(s, 2 * MINUTE)).toBe(true);
  });
});

/** A parent that waits for its child `c`, which A is about to close. */
async function family() {
  const s = await stage();
  const parent = await started(s, { execution: "p" });
  const waiting = new ManualWorker(s.ports, "P", ref("p"));
  await waiting.claim();
  await waiting.append([
    { kind: "child_scheduled", child: 1, workflow: "lines", execution: "c", input: null, on_parent_close: "terminate" },
  ]);
  await waiting.park();
  await s.tasks();
  const a = new ManualWorker(s.ports, "A", ref("c"));
  await a.claim();
  const told = async () => {
    const inbox = await s.ports.executions.inbox(ref("p"), parent.chain);
    return inbox.some((m) => m.kind === "child" && m.outcome.kind === "completed");
  };
  return { s, a, told };
}

describe("close removes the due time, then tells the parent", () => {
  test("weaker: after a crash in between the parent waits for ever", async () => {
    const { s, a, told } = await family();
    const { run, chain, fence } = a.head;
    const batch = a.batch([completed]);
    const request = { run, chain, fence, batch, taken: [], result: null, failure: null, outbox: [], carried: [] };
    const dies = async () => {
      throw new Died("before the parent is told");
    };
    await expect(weaker.closeThatTellsAfterwards(s.ports, ref("c"), request, dies)).rejects.toThrow(Died);
    await s.sweeping(3 * HOUR);
    expect(await told()).toBe(false);
  });
  test.each([
    "close",
    "putMessage",
    "requestWake",
  ] as const)("real: after a crash after `%s` the sweeper tells it", async (at) => {
    const { s, a, told } = await family();
    await expect(a.close(completed, { ports: dying(s.ports, "after", at) })).rejects.toThrow(Died);
    expect((await s.ports.executions.head(ref("c")))!.due_at).not.toBeNull();
    await s.sweeping(2 * MINUTE);
    expect(await told()).toBe(true);
    expect((await s.ports.executions.head(ref("c")))!.due_at).toBeNull();
    expect(await wakes(s, 2 * MINUTE, "p")).toBe(true);
  });
});

describe("start over a final head with an outbox", () => {
  const play = async (weaken: (ports: Ports) => Ports) => {
    const { s, a, told } = await family();
    await expect(a.close(completed, { ports: dying(s.ports, "after", "close") })).rejects.toThrow(Died);
    const again = await start(weaken(s.ports), {
      ...ref("c"),
      workflow: "lines",
      registration: null,
      deployment: "shop",
      input: null,
      token: "again",
      by: "client",
      timeoutMs: null,
    });
    expect(again).toMatchObject({ kind: "started", head: { token: "again" } });
    return { s, told };
  };
  test("weaker: the start overwrites the outbox, and nobody ever tells the parent", async () => {
    const { s, told } = await play(weaker.startOverAnyFinalHead);
    await s.sweeping(3 * HOUR);
    expect(await told()).toBe(false);
  });
  test("real: the start flushes the outbox before it uses the id again", async () => {
    const { told } = await play((ports) => ports);
    expect(await told()).toBe(true);
  });
});

describe("one inbox for all starts of an execution", () => {
  // A sender puts a signal for one start of the execution, which closes before the wake-up is requested. The sender dies
  // before it deletes the signal.
  const play = async (by: (ports: Ports, m: ReturnType<typeof signal>) => Promise<unknown>, read: typeof claim) => {
    const s = await stage();
    await started(s);
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    const m = signal("m", s.clock.now());
    const pause = pausing(s.ports, "head");
    const sending = by(dying(pause.ports, "before", "removeMessages"), m);
    await pause.reached;
    expect((await a.close(completed)).kind).toBe("closed");
    pause.resume();
    await expect(sending).rejects.toThrow(Died);
    await started(s); // the next start of the id
    const b = new ManualWorker(s.ports, "B");
    await b.claim({ by: read });
    return { b, m };
  };
  test("weaker: the next start takes in a signal for the last", async () => {
    const { b, m } = await play((ports, x) => weaker.sendToAnyChain(ports, ref(), x), weaker.claimOfAnyChain);
    expect(b.next().events).toMatchObject([{ kind: "signal_received", message: m.id }]);
  });
  test("real: a message belongs to one chain", async () => {
    const { b } = await play((ports, x) => send(ports, ref(), x), claim);
    expect(b.messages).toEqual([]);
    expect(b.next().events).toEqual([]);
  });
});

describe("continue with a taken message in the inbox", () => {
  const play = async (carries: "nothing" | "the ids taken in") => {
    const s = await stage();
    await started(s);
    const m = signal("m", s.clock.now());
    await send(s.ports, ref(), m);
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    await expect(a.append([took(m)], { ports: dying(s.ports, "before", "removeMessages") })).rejects.toThrow(Died);
    await a.claim();
    const before = a.head.run;
    const event: NewEvent = { kind: "execution_continued", run: before, workflow: "orders", input: null };
    const carried = carries === "nothing" ? [] : [...a.state.taken.keys()];
    expect((await a.close(event, { carried })).kind).toBe("closed");
    const b = new ManualWorker(s.ports, "B");
    await b.claim();
    expect(b.head).toMatchObject({ continued_from: before, run: expect.not.stringMatching(before) });
    expect(b.messages).toMatchObject([m]);
    return { b, m };
  };
  test("weaker: the new run takes the message in again", async () => {
    const { b, m } = await play("nothing");
    expect(b.next().events).toMatchObject([{ kind: "signal_received", message: m.id }]);
  });
  test("real: the new run begins with the ids that its predecessor took in, and only deletes the message", async () => {
    const { b, m } = await play("the ids taken in");
    expect(b.next()).toEqual({ events: [], taken: [m.id], repeats: [], refused: [] });
  });
});

describe("orphans by receive count", () => {
  /** A runs a local activity and sends heartbeats for `lifetimeOfA` ms. B receives every task. */
  const play = async (lifetimeOfA: number, p: { duplicate: boolean }) => {
    const s = await stage();
    await s.ports.registry.register({
      workspace: ref().workspace,
      deployment: "shop",
      worker: "a",
      session: "A",
      definitions: [],
      now: s.clock.now(),
    });
    await started(s);
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    await a.append([local("A")]);
    const q = { workspace: ref().workspace, deployment: "shop", queue: "workflow" as const };
    const [delivery] = await s.ports.tasks.receive(q, { session: "A", max: 1, waitMs: 0 });
    if (p.duplicate) {
      // The queue delivers A's task to B as well, as the same first delivery. B finds nothing to do and deletes it.
      await s.ports.tasks.finish(q.workspace, [delivery!.receipt]);
    }
    /** Runs for `ms`; answers by which rule, and when, B would have repeated the activity. */
    const observe = async (ms: number) => {
      const found: { byCount: number[]; bySession: number[] } = { byCount: [], bySession: [] };
      const from = s.clock.now();
      while (s.clock.now() < from + ms) {
        await s.sweeping(MINUTE);
        const now = s.clock.now();
        if (now < from + lifetimeOfA) {
          await s.ports.registry.beat({ ...q, worker: "a", session: "A", now });
          if (!p.duplicate) await s.ports.tasks.extend(q.workspace, [delivery!.receipt], 2 * MINUTE);
        }
        if (!p.duplicate && now >= from + 12 * HOUR) {
          await s.ports.tasks.extend(q.workspace, [delivery!.receipt], 0); // no SQS lease lasts longer than 12 h
        }
        for (const d of await s.ports.tasks.receive(q, { session: "B", max: 9, waitMs: 0 })) {
          const b = new ManualWorker(s.ports, "B");
          await b.claim();
          const beat = (await s.ports.registry.heartbeats(q.workspace, ["A"])).get("A") ?? 0;
          if (b.next({ dead: () => d.attempt > 1 }).events.length > 0) found.byCount.push(now - from);
          const silentFor = now - beat;
          const dead = () => silentFor > s.ports.settings.sessionTimeoutMs;
          if (b.next({ dead }).events.length > 0) found.bySession.push(now - from);
          await b.park();
          await s.ports.tasks.finish(q.workspace, [d.receipt]);
        }
      }
      return found;
    };
    return { observe };
  };
  test("B deletes A's duplicate task, A dies: by count no worker repeats the activity, by session B does", async () => {
    const { observe } = await play(0, { duplicate: true });
    const { byCount, bySession } = await observe(HOUR);
    expect(byCount).toEqual([]);
    expect(bySession.length).toBeGreaterThan(0);
    expect(bySession[0]!).toBeLessThan(10 * MINUTE);
  });
  test("an activity of 13 h: by count B repeats it while it runs, by session B does not", async () => {
    const { observe } = await play(Number.POSITIVE_INFINITY, { duplicate: false });
    const { byCount, bySession } = await observe(13 * HOUR);
    expect(byCount.length).toBeGreaterThan(0);
    expect(bySession).toEqual([]);
  });
});

describe("a worker without the fence takes a message", () => {
  // A and B claim. B, the owner, reads an empty inbox. A sender puts m and dies before it requests a wake-up. A reads m.
  const play = async (by: typeof claim) => {
    const s = await stage();
    await started(s);
    const first = new ManualWorker(s.ports, "first");
    await first.claim();
    await first.append([{ kind: "search_keys_set", set: {}, remove: [] }]);
    const a = new ManualWorker(s.ports, "A");
    const pause = pausing(s.ports, "claim");
    const claiming = a.claim({ by, ports: pause.ports });
    await pause.reached;
    const b = new ManualWorker(s.ports, "B");
    await b.claim();
    expect(b.messages).toEqual([]);
    const m = signal("m", s.clock.now());
    await expect(send(dying(s.ports, "before", "requestWake"), ref(), m)).rejects.toThrow(Died);
    pause.resume();
    await claiming;
    return { s, a, b, m };
  };
  test("weaker: A appends [m, timer] and dies; B parks by its older log without a due time", async () => {
    const { s, a, b, m } = await play(weaker.claimThatTakesAnyMessage);
    expect(a.messages).toMatchObject([m]);
    await a.append([took(m), timer(s.clock.now() + HOUR)]);
    expect(b.isIdle).toBe(true);
    expect(await b.park()).toBe(true);
    expect(await stuck(s)).toBe(true);
  });
  test("real: A finds a newer fence and leaves the message to the next owner", async () => {
    const { s, a, b, m } = await play(claim);
    expect(a.messages).toEqual([]);
    expect(await b.park()).toBe(true);
    expect(await s.ports.executions.inbox(ref(), a.head.chain)).toMatchObject([m]); // not acknowledged, and not lost
  });
  test("real: the same holds for messages in the answer of an append", async () => {
    const s = await stage();
    await started(s);
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    const b = new ManualWorker(s.ports, "B");
    await b.claim();
    const m = signal("m", s.clock.now());
    await expect(send(dying(s.ports, "before", "requestWake"), ref(), m)).rejects.toThrow(Died);
    const answer = await a.append([{ kind: "search_keys_set", set: {}, remove: [] }]);
    expect(answer).toEqual({ kind: "appended", messages: [], fenced: true });
  });
});

describe("a read of the inbox misses an older message", () => {
  // A claims and reads the inbox page by page. After the first page a sender sends "1 first" and, once that is
  // acknowledged, "2 second". The second page holds only "2 second".
  const play = async (by: typeof claim) => {
    const s = await stage();
    await started(s);
    const page = pausing(s.ports, "inbox");
    const inbox = async (of: Ref, chain: string) => {
      const first = await page.ports.executions.inbox(of, chain);
      const second = await s.ports.executions.inbox(of, chain);
      return [...first, ...second.filter((m) => m.id >= "signal#2")];
    };
    const executions = new Proxy(s.ports.executions, {
      get: (target, name: keyof Executions) => (name === "inbox" ? inbox : target[name]!.bind(target)),
    });
    const a = new ManualWorker(s.ports, "A");
    const claiming = a.claim({ by, ports: { ...s.ports, executions } });
    await page.reached;
    for (const id of ["1 first", "2 second"]) {
      expect((await send(s.ports, ref(), signal(id, s.clock.now()))).kind).toBe("accepted");
    }
    page.resume();
    await claiming;
    return { s, a };
  };
  test("weaker: the later message is taken in first", async () => {
    const { a } = await play(weaker.claimThatTakesAnyMessage);
    expect(a.messages.map((m) => m.id)).toEqual(["signal#2 second"]);
  });
  test("real: the acknowledgement has raised the fence, so A takes nothing, and the next owner takes both in order", async () => {
    const { s, a } = await play(claim);
    expect(a.messages).toEqual([]);
    const b = new ManualWorker(s.ports, "B");
    await b.claim();
    expect(b.next().taken).toEqual(["signal#1 first", "signal#2 second"]);
  });
});

describe("effects of a dead worker", () => {
  // A appends [m, queued activity] and dies before the task is sent. The next worker finds nothing to do and parks.
  const play = async (by: typeof claim) => {
    const s = await stage();
    await started(s);
    const m = signal("m", s.clock.now());
    await send(s.ports, ref(), m);
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    await expect(a.append([took(m), remote()], { ports: dying(s.ports, "before", "send") })).rejects.toThrow(Died);
    const b = new ManualWorker(s.ports, "B");
    await b.claim({ by });
    expect(b.next().events).toEqual([]);
    expect(await b.park()).toBe(true);
    await s.sweeping(HOUR);
    return (await s.tasks("activity")).length;
  };
  test("weaker: the log has the activity, and no task for it is ever sent", async () => {
    expect(await play(weaker.claimWithoutEffects)).toBe(0);
  });
  test("real: a claim performs again the effects of batches after `effects_done_through`", async () => {
    expect(await play(claim)).toBe(1);
  });
});

describe("the loser of a position stops", () => {
  // A runs a local activity. B receives a duplicate task and fires a timer. The batch with A's outcome loses its position.
  // A's session is alive.
  const play = async (loser: "stops" | "reads again and goes on") => {
    const s = await stage();
    await started(s);
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    await a.append([local("A"), timer(s.clock.now() + 1_000)]);
    await s.clock.advance(2_000);
    const b = new ManualWorker(s.ports, "B");
    await b.claim();
    expect((await b.append(b.next().events)).kind).toBe("appended"); // timer fired
    await b.park();
    const outcomes = [
      { activity: 1, attempt: 1, outcome: { kind: "completed" as const, result: 42 }, at: s.clock.now() - 1_500 },
    ];
    const { events } = a.next({ outcomes, running: true });
    expect(events).toMatchObject([{ kind: "activity_completed" }, { kind: "timer_fired" }]);
    expect((await a.append(events)).kind).toBe("conflict");
    if (loser !== "stops") {
      await a.reread();
      expect((await a.append(a.next({ outcomes }).events)).kind).toBe("appended");
    }
    // B claims whenever a task arrives. A is alive, so the activity is no orphan.
    for (let i = 0; i < 60; i++) {
      await s.sweeping(MINUTE);
      if ((await s.tasks()).length === 0) continue;
      await b.claim();
      const next = b.next({ dead: () => false }).events;
      if (next.length > 0) await b.append(next);
      await b.park();
    }
    await b.reread();
    return b.state.activities.has(1);
  };
  test("weaker: the activity stays open for as long as A lives, although it has ended", async () => {
    expect(await play("stops")).toBe(true);
  });
  test("real: the loser keeps its outcome, reads again, decides again", async () => {
    expect(await play("reads again and goes on")).toBe(false);
  });
});

describe("clearing the outbox of another close", () => {
  // The child continues as new, with an outbox entry for a child of its own. A slow worker reads that outbox. Another
  // worker closes the new run, with an entry for the parent, and dies. The slow worker performs the old entry and clears.
  const play = async (weaken: (ports: Ports) => Ports) => {
    const { s, a, told } = await family();
    const run = crypto.randomUUID();
    const event: NewEvent = { kind: "execution_continued", run, workflow: "lines", input: null };
    const outbox = [{ kind: "cancel_child" as const, execution: "nobody", parent_run: a.head.run, child: 1 }];
    await expect(a.close(event, { outbox, ports: dying(s.ports, "after", "close") })).rejects.toThrow(Died);
    const slow = new ManualWorker(s.ports, "slow", ref("c"));
    const pause = pausing(weaken(s.ports), "claim");
    const claiming = slow.claim({ ports: pause.ports });
    await pause.reached;
    await a.claim();
    await expect(a.close(completed, { ports: dying(s.ports, "after", "close") })).rejects.toThrow(Died);
    pause.resume();
    await claiming;
    await s.sweeping(HOUR);
    return told();
  };
  test("weaker: it erases the entry of the close, and nobody ever tells the parent", async () => {
    expect(await play(weaker.clearAnyOutbox)).toBe(false);
  });
  test("real: it clears only the entries that it has read", async () => {
    expect(await play((ports) => ports)).toBe(true);
  });
});

describe("an outcome younger than the log", () => {
  // B, the owner, has appended. Before B reads its inbox, A, whose local activity has ended, appends a queued activity at
  // the next position. A worker runs it at once and puts its outcome. B reads the outcome. Only then the wake-up follows.
  const play = async () => {
    const s = await stage();
    await started(s);
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    await a.append([local("A"), timer(s.clock.now())]);
    const b = new ManualWorker(s.ports, "B");
    await b.claim();
    const appended = pausing(s.ports, "putBatch");
    const appending = b.append(b.next().events, { ports: appended.ports });
    await appended.reached;
    await a.reread();
    const outcomes = [
      { activity: 1, attempt: 1, outcome: { kind: "completed" as const, result: null }, at: s.clock.now() },
    ];
    await a.append([...a.next({ outcomes }).events, remote(2)]);
    const { run, chain } = a.head;
    const put = pausing(s.ports, "putMessage");
    const telling = send(
      put.ports,
      ref(),
      {
        id: messageId.activity(run, 2, 1),
        kind: "activity",
        run,
        activity: 2,
        attempt: 1,
        outcome: { kind: "completed", result: 7 },
        sent_at: s.clock.now(),
      },
      chain,
    );
    await put.reached;
    appended.resume();
    await appending;
    expect(b.messages).toHaveLength(1);
    const finish = () => {
      put.resume();
      return telling;
    };
    return { s, a, b, finish };
  };
  /** Claims and takes in all messages; answers whether the activity is still open. */
  const staysOpen = async (s: Awaited<ReturnType<typeof stage>>) => {
    const c = new ManualWorker(s.ports, "C");
    await c.claim();
    const { events, taken } = c.next();
    if (events.length > 0) await c.append(events, { taken });
    return c.state.activities.has(2);
  };
  test("weaker: B does not know the activity, takes the outcome for an old one and deletes it: no worker takes it in", async () => {
    const { s, b, finish } = await play();
    await s.ports.executions.removeMessages(ref(), b.head.chain, [b.messages[0]!.id]);
    await finish();
    expect(await staysOpen(s)).toBe(true);
    expect(await stuck(s)).toBe(false); // a worker wakes up, but the outcome is gone
  });
  test("real: B leaves the outcome of an unknown activity to a worker that knows it", async () => {
    const { s, b, finish } = await play();
    const { events, taken } = b.next();
    expect(events).toEqual([]);
    expect(taken).toEqual([]);
    await finish();
    expect(await staysOpen(s)).toBe(false);
  });
});

describe("effects of a batch that a worker has only read", () => {
  // A, no longer the owner, wins a position with a queued activity and dies with its server before the task is sent. B,
  // the owner, loses that position, reads the batch and parks.
  const play = async (loser: "reads" | "claims") => {
    const s = await stage();
    await started(s);
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    await a.append([local("A"), timer(s.clock.now() + 1_000)]);
    const b = new ManualWorker(s.ports, "B");
    await b.claim();
    await s.clock.advance(2_000);
    const outcomes = [
      { activity: 1, attempt: 1, outcome: { kind: "completed" as const, result: null }, at: s.clock.now() },
    ];
    const { events } = a.next({ outcomes });
    const dead = dying(s.ports, "after", "putBatch");
    await expect(a.append([...events, remote(2)], { ports: dead })).rejects.toThrow(Died);
    expect((await b.append(b.next().events)).kind).toBe("conflict");
    if (loser === "reads") await b.reread();
    else await b.claim();
    expect(b.next().events).toEqual([]);
    expect(await b.park()).toBe(true); // with `effects_done_through` at its tail
    await s.sweeping(3 * HOUR);
    return (await s.tasks("activity")).length;
  };
  test("weaker: a loser that only reads reports an effect as performed, and nobody ever performs it", async () => {
    expect(await play("reads")).toBe(0);
  });
  test("real: a loser claims, and the claim performs the effect", async () => {
    expect(await play("claims")).toBe(1);
  });
});

describe("a start repeated after the end", () => {
  // A request to start is slow. Its client repeats it with the same token. That start runs and closes. Then the first
  // request arrives.
  const play = async (token: "one" | "two") => {
    const s = await stage();
    await started(s, { token: "one" });
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    await a.close(completed);
    await started(s, { token });
    return (await s.ports.executions.head(ref()))!.status;
  };
  test("weaker: without the token in the condition the execution runs a second time", async () => {
    expect(await play("two")).toBe("RUNNING");
  });
  test("real: the same token is the same start", async () => {
    expect(await play("one")).toBe("COMPLETED");
  });
});

test("an outbox entry performed twice tells the parent once", async () => {
  const { s, a, told } = await family();
  await expect(a.close(completed, { ports: dying(s.ports, "after", "close") })).rejects.toThrow(Died);
  const final = (await s.ports.executions.head(ref("c")))!;
  await flushOutbox(s.ports, final);
  await flushOutbox(s.ports, final);
  expect(await told()).toBe(true);
  const parent = new ManualWorker(s.ports, "P", ref("p"));
  await parent.claim();
  expect(parent.messages).toHaveLength(1);
});

const START = { target: { to: "start" }, reason: null, excluded: [] } as const;
/** The ids of the signals that the current run has taken in. */
const signalsOf = async (s: Awaited<ReturnType<typeof stage>>): Promise<string[]> => {
  const head = (await s.ports.executions.head(ref()))!;
  const batches = await s.ports.executions.batches(ref(), head.run, 1);
  return batches.flatMap((b) => b.events).flatMap((e) => (e.kind === "signal_received" ? [e.message] : []));
};

describe("a reset copies a log that grows", () => {
  // The reset has read the log. A appends [m, n] and deletes them. The reset puts the head of the new run.
  const play = async (weakened: (ports: Ports) => Ports) => {
    const s = await stage();
    await started(s);
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    await a.append([timer(s.clock.now() + HOUR)]);
    const [m, n] = [signal("m", s.clock.now()), signal("n", s.clock.now())];
    await send(s.ports, ref(), m);
    await send(s.ports, ref(), n);
    await a.claim();
    const pause = pausing(weakened(s.ports), "prepare");
    const resetting = reset(pause.ports, ref(), START);
    await pause.reached;
    expect((await a.append([took(m), took(n)])).kind).toBe("appended");
    pause.resume();
    expect((await resetting).kind).toBe("reset");
    return s;
  };
  test("weaker: the new run has neither message, in its log or in the inbox", async () => {
    const s = await play(weaker.closeAtAnyTail);
    expect(await signalsOf(s)).toEqual([]);
    expect(await s.ports.executions.inbox(ref(), (await s.ports.executions.head(ref()))!.chain)).toEqual([]);
  });
  test("real: the reset reads on after the conflict, and the new run has both in their order", async () => {
    expect(await signalsOf(await play((ports) => ports))).toEqual(["signal#m", "signal#n"]);
  });
});

describe("a reset while a worker drives", () => {
  // A child runs in worker A. Its sender has an acknowledgement for m. The child is reset.
  const play = async (by: typeof reset) => {
    const s = await stage();
    const parent = await started(s);
    const p = new ManualWorker(s.ports, "P");
    await p.claim();
    const child = { kind: "child_scheduled", child: 1, workflow: "lines", execution: "c", input: null } as const;
    await p.append([{ ...child, on_parent_close: "terminate" }]);
    const of = ref("c");
    const a = new ManualWorker(s.ports, "A", of);
    await a.claim();
    await a.append([timer(s.clock.now() + HOUR)]);
    const m = signal("m", s.clock.now());
    await send(s.ports, of, m);
    expect((await by(s.ports, of, START)).kind).toBe("reset");
    const told = await s.ports.executions.inbox(ref(), parent.chain);
    return { s, a, of, told };
  };
  test("weaker: the parent learns of an end, and the acknowledged message is lost", async () => {
    const { s, of, told } = await play(weaker.resetByTerminateAndStart);
    expect(told).toMatchObject([{ kind: "child", outcome: { status: "TERMINATED" } }]);
    expect(await s.ports.executions.inbox(of, (await s.ports.executions.head(of))!.chain)).toEqual([]);
  });
  test("real: the parent learns nothing, the message waits for the new run, every call of the old run is refused", async () => {
    const { s, a, of, told } = await play(reset);
    expect(told).toEqual([]);
    const head = (await s.ports.executions.head(of))!;
    expect(await s.ports.executions.inbox(of, head.chain)).toMatchObject([{ id: "signal#m" }]);
    expect(await a.append([timer(s.clock.now() + HOUR, 2)])).toEqual({ kind: "conflict" });
    expect(await a.park()).toBe(false);
    expect(await a.close(completed)).toEqual({ kind: "conflict" });
    expect(await s.ports.executions.head(of)).toEqual(head);
    const b = new ManualWorker(s.ports, "B", of);
    await b.claim();
    expect(b.messages).toMatchObject([{ id: "signal#m" }]);
    await b.append([took(signal("m", s.clock.now()))]);
    await b.close(completed);
    const parent = (await s.ports.executions.head(ref()))!;
    expect(await s.ports.executions.inbox(ref(), parent.chain)).toMatchObject([{ outcome: { kind: "completed" } }]);
  });
});

describe("a reset of a closed parent asks its children", () => {
  // The parent is terminated and ends its child, whose outcome reaches nobody. The parent is reset to after its start of the child.
  const play = async (weakened: (ports: Ports) => Ports) => {
    const s = await stage();
    await started(s);
    const p = new ManualWorker(s.ports, "P");
    await p.claim();
    const child = { kind: "child_scheduled", child: 1, workflow: "lines", execution: "c", input: null } as const;
    await p.append([{ ...child, on_parent_close: "terminate" }]);
    await p.append([timer(s.clock.now() + HOUR)]);
    await terminate(s.ports, ref(), { kind: "terminated", reason: null });
    const target = { event: p.state.tail };
    expect((await reset(weakened(s.ports), ref(), { ...START, target })).kind).toBe("reset");
    const q = new ManualWorker(s.ports, "Q");
    await q.claim();
    return q;
  };
  test("weaker: the new run waits for the child for ever", async () => {
    const q = await play(weaker.reopenThatAsksNobody);
    expect(q.state.children.size).toBe(1);
    expect([q.next(), q.due()]).toEqual([{ events: [], taken: [], repeats: [], refused: [] }, null]);
  });
  test("real: the new run learns how the child ended", async () => {
    const q = await play((ports) => ports);
    expect(q.next().events).toMatchObject([{ kind: "child_failed", child: 1, status: "TERMINATED" }]);
  });
});

describe("a reset that excludes a message which lies in the inbox", () => {
  // A appends [m] and dies before the server deletes m. The reset excludes signals.
  const play = async (weakened: (ports: Ports) => Ports) => {
    const s = await stage();
    await started(s);
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    await a.append([timer(s.clock.now() + HOUR)]);
    const m = signal("m", s.clock.now());
    await send(s.ports, ref(), m);
    await a.claim();
    await a.append([took(m)], { taken: [] });
    await reset(weakened(s.ports), ref(), { ...START, excluded: ["signals"] });
    const b = new ManualWorker(s.ports, "B");
    await b.claim();
    return b;
  };
  test("weaker: the new run takes it in", async () => {
    expect((await play(weaker.closeWithoutCarried)).next().events).toMatchObject([{ message: "signal#m" }]);
  });
  test("real: the new run knows its id and drops it", async () => {
    expect((await play((ports) => ports)).next()).toEqual({
      events: [],
      taken: ["signal#m"],
      repeats: [],
      refused: [],
    });
  });
});

describe("a reset meets another end of the run", () => {
  const run = async () => {
    const s = await stage();
    await started(s);
    const a = new ManualWorker(s.ports, "A");
    await a.claim();
    await a.append([timer(s.clock.now() + HOUR)]);
    return { s, a };
  };
  test("two resets at once: one wins, the other learns that the run is another", async () => {
    for (const ended of [false, true]) {
      const { s, a } = await run();
      if (ended) await a.close(completed);
      const pause = pausing(s.ports, "prepare");
      const one = reset(pause.ports, ref(), START);
      await pause.reached;
      const two = await reset(s.ports, ref(), START);
      pause.resume();
      expect(two.kind).toBe("reset");
      expect((await one).kind).toBe("moved");
      expect((await s.ports.executions.head(ref()))!.run).toBe(two.kind === "reset" && two.head.run);
    }
  });
  test("the same reset at once, with one key: both answer the same run", async () => {
    for (const ended of [false, true]) {
      const { s, a } = await run();
      if (ended) await a.close(completed);
      const keyed = { ...START, run: a.head.run, token: "k" };
      const pause = pausing(s.ports, "prepare");
      const one = reset(pause.ports, ref(), keyed);
      await pause.reached;
      const two = await reset(s.ports, ref(), keyed);
      pause.resume();
      const { run: began } = (await s.ports.executions.head(ref()))!;
      expect([await one, two]).toMatchObject(Array(2).fill({ kind: "reset", head: { run: began } }));
    }
  });
  test("a close: the run has ended, and the reset lets it run again", async () => {
    const { s, a } = await run();
    const pause = pausing(s.ports, "prepare");
    const resetting = reset(pause.ports, ref(), START);
    await pause.reached;
    expect(await a.close(completed)).toEqual({ kind: "closed" });
    pause.resume();
    expect((await resetting).kind).toBe("reset");
    expect((await s.ports.executions.run(WORKSPACE, a.head.run))!.status).toBe("COMPLETED");
    expect((await s.ports.executions.head(ref()))!.status).toBe("RUNNING");
  });
  test("continue-as-new: the reset learns that the run is another", async () => {
    const { s, a } = await run();
    const pause = pausing(s.ports, "prepare");
    const resetting = reset(pause.ports, ref(), START);
    await pause.reached;
    const next = { kind: "execution_continued", run: crypto.randomUUID(), workflow: "orders", input: null } as const;
    expect(await a.close(next)).toEqual({ kind: "closed" });
    pause.resume();
    const head = (await s.ports.executions.head(ref()))!;
    expect(await resetting).toEqual({ kind: "moved", head });
  });
  test("a signal and a cancel while the reset prepares: both wait in the inbox of the new run", async () => {
    const { s } = await run();
    const pause = pausing(s.ports, "prepare");
    const resetting = reset(pause.ports, ref(), START);
    await pause.reached;
    await send(s.ports, ref(), signal("m", s.clock.now()));
    const cancel = { id: messageId.cancel("c"), kind: "cancel", reason: null, sent_at: s.clock.now() } as const;
    await send(s.ports, ref(), cancel);
    pause.resume();
    expect((await resetting).kind).toBe("reset");
    const b = new ManualWorker(s.ports, "B");
    await b.claim();
    expect(b.messages.map(({ id }) => id)).toEqual(["signal#m", "cancel#c"]);
  });
  test("a process that dies before the head leaves the old run as it was, and another reset works", async () => {
    for (const ended of [false, true]) {
      const { s, a } = await run();
      if (ended) await a.close(completed);
      const before = await s.ports.executions.head(ref());
      const call = ended ? "reopen" : "close";
      await expect(reset(dying(s.ports, "before", call), ref(), START)).rejects.toThrow(Died);
      expect(await s.ports.executions.head(ref())).toEqual(before);
      expect((await reset(s.ports, ref(), START)).kind).toBe("reset");
    }
  });
  test("a process that dies after the head: the sweeper wakes the new run", async () => {
    const { s } = await run();
    await s.tasks();
    await expect(reset(dying(s.ports, "after", "close"), ref(), START)).rejects.toThrow(Died);
    expect(await wakes(s, 3 * MINUTE)).toBe(true);
  });
});

/** B has claimed and parked: it owns the execution, which waits for a signal. A has claimed before. */
async function owned() {
  const s = await stage();
  await started(s);
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  const b = new ManualWorker(s.ports, "B");
  await b.claim();
  await b.append([timer(s.clock.now() + HOUR)]);
  await a.reread();
  expect(await b.park()).toBe(true);
  await s.tasks();
  const m = signal("m", s.clock.now());
  return { s, a, b, m };
}

describe("a claim is lost with the answer of a poll", () => {
  // A signal wakes the execution of B. The poll of B takes the task, and the server claims. B never has the answer.
  const play = async (weakened: (ports: Ports) => Ports) => {
    const { s, m } = await owned();
    expect((await send(s.ports, ref(), m)).kind).toBe("accepted");
    const delivery = await s.polled("B", weakened(s.ports));
    expect(delivery.claimed?.messages).toMatchObject([m]);
    return { s, m, delivery };
  };
  test("weaker: the queue loses the task as well, and nothing ever wakes the execution", async () => {
    const { s, delivery } = await play(weaker.claimWokenThatRemovesDueAt);
    await s.ports.tasks.finish(WORKSPACE, [delivery.receipt]);
    expect(await stuck(s)).toBe(true);
    expect(await wakes(s, 30 * MINUTE)).toBe(false);
  });
  test("real: the queue loses the task as well, and the sweeper enqueues one", async () => {
    const { s, delivery } = await play((ports) => ports);
    await s.ports.tasks.finish(WORKSPACE, [delivery.receipt]);
    expect(await stuck(s)).toBe(false);
    expect(await wakes(s, 4 * MINUTE)).toBe(true);
  });
  test("real: the task comes again without a claim, to another worker, which takes the signal in", async () => {
    const { s, m } = await play((ports) => ports);
    await s.clock.advance(s.ports.settings.leaseMs + 1);
    const again = await s.polled("C");
    expect(again).toMatchObject({ attempt: 2 });
    expect(again.claimed).toBeUndefined();
    const c = new ManualWorker(s.ports, "C");
    await c.claim();
    await c.append([took(m)]);
    expect(await timesTaken(s, m.id)).toBe(1);
  });
  test.each([
    ["before", "claimWoken"],
    ["after", "claimWoken"],
    ["after", "inbox"],
    ["after", "batches"],
  ] as const)("real: the server dies %s `%s`, and the task comes again", async (when, call) => {
    const { s, m } = await owned();
    await send(s.ports, ref(), m);
    const { claimed } = await s.polled("B", dying(s.ports, when, call));
    expect(claimed).toBeUndefined();
    expect(await stuck(s)).toBe(false);
    expect(await wakes(s, 4 * MINUTE)).toBe(true);
    const c = new ManualWorker(s.ports, "C");
    await c.claim();
    expect(c.messages).toMatchObject([m]);
    expect(c.state.timers.size).toBe(1);
  });
});

describe("a claim that came with a task is for a view that was dropped", () => {
  // A sender puts m. B claims and appends [m, timer]. The wake-up for m follows, and the poll of B has the claim. B has dropped its view.
  const play = async () => {
    const s = await stage();
    await started(s);
    const b = new ManualWorker(s.ports, "B");
    await b.claim();
    await s.tasks();
    const m = signal("m", s.clock.now());
    const pause = pausing(s.ports, "putMessage");
    const sending = send(pause.ports, ref(), m);
    await pause.reached;
    await b.claim();
    await b.append([took(m), timer(s.clock.now() + HOUR)]);
    pause.resume();
    expect((await sending).kind).toBe("accepted");
    const delivery = await s.polled("B");
    expect(delivery).toMatchObject({ claimed: { batches: [], messages: [] }, claimed_after: 3 });
    return { s, delivery, b: new ManualWorker(s.ports, "B") };
  };
  test("weaker: B finds nothing to do and parks, and the timer is lost", async () => {
    const { s, delivery, b } = await play();
    weaker.takeAsWhole(b, delivery);
    expect(b.isIdle).toBe(true);
    expect(await b.park()).toBe(true);
    expect(await stuck(s)).toBe(true);
  });
  test("real: B throws the claim away and claims by a call", async () => {
    const { s, delivery, b } = await play();
    expect(b.take(delivery)).toBe(false);
    await b.claim();
    expect(b.state.timers.size).toBe(1);
    expect(await b.park()).toBe(true);
    expect(await stuck(s)).toBe(false);
  });
  test("real: so does B where its view lacks the last batch", async () => {
    const { s, a, b, m } = await owned();
    await a.append([remote()]); // by an old fence
    await send(s.ports, ref(), m);
    const delivery = await s.polled("B");
    expect(delivery).toMatchObject({ claimed: { messages: [m] }, claimed_after: 3 });
    expect(b.take(delivery)).toBe(false);
    await b.claim();
    expect(b.state.activities.size).toBe(1);
  });
});

describe("a claim that came with a task is older than the view", () => {
  // The claim of B is on its way. A, no longer the owner, appends a queued activity and dies with its server before the task is
  // sent. B reads the log, as for a query, and then uses the claim.
  const play = async (counts: "what it has read" | "what the claim has read") => {
    const { s, a, b, m } = await owned();
    await send(s.ports, ref(), m);
    const delivery = await s.polled("B");
    await expect(a.append([remote()], { ports: dying(s.ports, "after", "putBatch") })).rejects.toThrow(Died);
    b.performed = b.state.tail;
    await b.reread();
    expect(b.take(delivery)).toBe(true);
    if (counts === "what it has read") b.performed = b.state.tail;
    expect(b.messages).toMatchObject([m]);
    expect((await b.append([took(m)])).kind).toBe("appended");
    expect(await b.park()).toBe(true);
    expect(await wakes(s, 2 * HOUR)).toBe(true); // the timer
    await new ManualWorker(s.ports, "C").claim();
    expect(await timesTaken(s, m.id)).toBe(1);
    return (await s.tasks("activity")).length;
  };
  test("weaker: B reports an effect as performed that it has only read, and nobody ever performs it", async () => {
    expect(await play("what it has read")).toBe(0);
  });
  test("real: the next claim performs the effect", async () => {
    expect(await play("what the claim has read")).toBe(1);
  });
  test("real: B does not use it after a claim of its own", async () => {
    const { s, b, m } = await owned();
    await send(s.ports, ref(), m);
    const delivery = await s.polled("B");
    await b.claim();
    expect(b.take(delivery)).toBe(false);
    await b.append([took(m)]);
    expect(await b.park()).toBe(true);
  });
  test("real: B does not use it for the next run", async () => {
    const { s, b, m } = await owned();
    await send(s.ports, ref(), m);
    const delivery = await s.polled("B");
    await b.claim();
    await b.append([took(m)]);
    const run = crypto.randomUUID();
    expect((await b.close({ kind: "execution_continued", run, workflow: "orders", input: null })).kind).toBe("closed");
    await b.claim();
    expect(b.take(delivery)).toBe(false);
  });
});

describe("a park meets the claim that came with a task", () => {
  // B is about to park. A signal wakes the execution, and the poll of B has the claim. The park arrives, and B dies.
  const play = async (park: (b: ManualWorker, ports: Ports) => Promise<boolean>) => {
    const { s, b, m } = await owned();
    await b.claim();
    await b.append([{ kind: "search_keys_set", set: {}, remove: [] }]);
    await send(s.ports, ref(), m);
    expect((await s.polled("B")).claimed?.messages).toMatchObject([m]);
    return { s, parked: await park(b, s.ports) };
  };
  test("weaker: the park erases the due time of the claim", async () => {
    const { s, parked } = await play((b, ports) =>
      weaker.parkWithoutFence(ports, ref(), { run: b.head.run, dueAt: null, effectsDoneThrough: b.state.tail }),
    );
    expect(parked).toBe(true);
    expect(await stuck(s)).toBe(true);
  });
  test("real: the park is refused, and the sweeper enqueues a task", async () => {
    const { s, parked } = await play((b) => b.park(null));
    expect(parked).toBe(false);
    expect(await wakes(s, 4 * MINUTE)).toBe(true);
  });
  test("real: B takes the signal in by the claim, wherever the park has come", async () => {
    for (const order of ["park first", "signal first"]) {
      const { s, b, m } = await owned();
      await b.claim();
      const pause = pausing(s.ports, "park");
      const { run, fence } = b.head;
      const p = { run, fence, dueAt: null, effectsDoneThrough: b.state.tail };
      const parking = order === "park first" ? pause.ports.executions.park(ref(), p) : null;
      if (parking) await pause.reached;
      await send(s.ports, ref(), m);
      const delivery = await s.polled("B");
      pause.resume();
      expect(await (parking ?? s.ports.executions.park(ref(), p))).toBe(order === "park first");
      expect(b.take(delivery)).toBe(true);
      expect((await b.append([took(m)])).kind).toBe("appended");
      expect(await b.park()).toBe(true);
      expect(await timesTaken(s, m.id)).toBe(1);
      expect((await s.ports.executions.head(ref()))!.due_at).toBe(b.due());
    }
  });
});

describe("two workers have claimed for one wake-up", () => {
  // The poll of B has the claim and is slow. A claims by a call and raises the fence.
  const play = async () => {
    const { s, a, b, m } = await owned();
    await send(s.ports, ref(), m);
    const delivery = await s.polled("B");
    await a.claim();
    expect(b.take(delivery)).toBe(true);
    expect([a.messages, b.messages]).toMatchObject([[m], [m]]);
    return { s, a, b, m };
  };
  test("real: one of them takes the signal in, and only A parks and closes", async () => {
    for (const first of ["A", "B"]) {
      const { s, a, b, m } = await play();
      const [winner, loser] = first === "A" ? [a, b] : [b, a];
      expect((await winner.append([took(m)])).kind).toBe("appended");
      expect((await loser.append([took(m)])).kind).toBe("conflict");
      await loser.reread();
      expect(loser.next().events).toEqual([]);
      expect(await b.park(null)).toBe(false);
      expect((await b.close(completed)).kind).toBe("fenced");
      expect(await a.park()).toBe(true);
      expect(await timesTaken(s, m.id)).toBe(1);
      expect(await stuck(s)).toBe(false);
    }
  });
  test("real: a later signal is for A alone, and its claim comes with the task of A", async () => {
    const { s, a, b, m } = await play();
    const n = signal("n", s.clock.now());
    await send(s.ports, ref(), n);
    expect(await b.append([took(m)])).toMatchObject({ kind: "appended", messages: [], fenced: true });
    expect((await s.polled("B")).claimed).toBeUndefined();
    await s.ports.tasks.send(
      { workspace: WORKSPACE, deployment: "shop", queue: "workflow" },
      { kind: "workflow", execution: "x" },
    );
    const delivery = await s.polled("A");
    expect(delivery.claimed?.messages).toMatchObject([n]);
    expect(a.take(delivery)).toBe(false); // its view lacks the batch of B
  });
});
