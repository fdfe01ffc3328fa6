/**
 * The thirteen interleavings that break weaker versions of the protocol, by name, and those found since. Each is played twice: against the weaker
 * call, where the bad outcome must be seen, and against the real one, where it must not.
 */
import { describe, expect, test } from "vitest";
import { claim } from "../../shared/engine/claim.ts";
import { close } from "../../shared/engine/close.ts";
import { flushOutbox } from "../../shared/engine/outbox.ts";
import { send } from "../../shared/engine/send.ts";
import { start } from "../../shared/engine/start.ts";
import type { Ports } from "../../shared/ports.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import { messageId } from "../../shared/protocol/messages.ts";
import {
  completed,
  Died,
  Driver,
  dying,
  local,
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
  wakes,
} from "./stage.ts";
import * as weaker from "./weaker.ts";

const HOUR = 60 * MINUTE;

describe("1: claim removes `due_at`", () => {
  // A task is delivered twice to A and B; B finishes with it and deletes it; A claims and dies.
  const play = async (by: typeof claim) => {
    const s = await stage();
    await started(s);
    const b = new Driver(s.ports, "B");
    await b.claim();
    await b.append([timer(s.clock.now() + HOUR)]);
    expect(await b.park()).toBe(true);
    await s.tasks(); // B deletes the task
    await new Driver(s.ports, "A").claim({ by }); // and A dies
    return s;
  };
  test("weaker: it sleeps for ever", async () => {
    const s = await play(weaker.claimThatRemovesDueAt);
    expect(await stuck(s)).toBe(true);
    expect(await wakes(s, 3 * HOUR)).toBe(false);
  });
  test("real: the guard lapses and the sweeper rings", async () => {
    const s = await play(claim);
    expect(await stuck(s)).toBe(false);
    expect(await wakes(s, 4 * MINUTE)).toBe(true);
  });
});

describe("2: log read before inbox", () => {
  // B has made its first read; A appends [m, timer] and deletes m; B makes its second read, sees nothing to do, parks; A dies.
  const play = async (by: typeof claim, firstRead: "batches" | "inbox") => {
    const s = await stage();
    const head = await started(s);
    const first = new Driver(s.ports, "A");
    await first.claim();
    await first.append([{ kind: "search_keys_set", set: {}, remove: [] }]);
    await first.park();
    const m = signal("m", s.clock.now());
    await send(s.ports, ref(), m);
    const a = new Driver(s.ports, "A");
    await a.claim();
    const b = new Driver(s.ports, "B");
    const pause = pausing(s.ports, firstRead);
    const claiming = b.claim({ by, ports: pause.ports });
    await pause.reached;
    await a.append([took(m), timer(s.clock.now() + HOUR)]);
    pause.resume();
    await claiming;
    expect(head.chain).toBe(b.head.chain);
    return { s, b };
  };
  test("weaker: B sees neither the message nor the timer, and the timer is lost", async () => {
    const { s, b } = await play(weaker.claimThatReadsTheLogFirst, "batches");
    expect(b.seesNothing).toBe(true);
    expect(await b.park()).toBe(true);
    expect(await stuck(s)).toBe(true);
  });
  test("real: what is gone from the inbox stands in the log", async () => {
    const { s, b } = await play(claim, "inbox");
    expect(b.state.timers.size).toBe(1);
    expect(b.next()).toEqual({ events: [], taken: b.messages.map((m) => m.id) });
    expect(await b.park()).toBe(true);
    expect((await s.ports.executions.head(ref()))!.due_at).toBe(b.due());
    expect(await stuck(s)).toBe(false);
  });
});

describe("3: park without turn", () => {
  // A has looked; a sender puts and marks and dies before its ring; A parks on its old view.
  const play = async (park: (a: Driver, ports: Ports) => Promise<boolean>) => {
    const s = await stage();
    await started(s);
    const a = new Driver(s.ports, "A");
    await a.claim();
    await s.tasks();
    await a.append([{ kind: "search_keys_set", set: {}, remove: [] }]);
    await expect(send(dying(s.ports, "before", "send"), ref(), signal("m", s.clock.now()))).rejects.toThrow(Died);
    expect(a.seesNothing).toBe(true);
    const parked = await park(a, s.ports);
    // A second message finds the head rung already, and is acknowledged.
    expect((await send(s.ports, ref(), signal("n", s.clock.now()))).kind).toBe("accepted");
    return { s, parked };
  };
  test("weaker: the mark is wiped out with its message untaken", async () => {
    const { s, parked } = await play((a, ports) =>
      weaker.parkWithoutFence(ports, ref(), { run: a.head.run, dueAt: a.due(), effectsDoneThrough: a.state.tail }),
    );
    expect(parked).toBe(true);
    expect(await stuck(s)).toBe(true);
    expect(await wakes(s, HOUR)).toBe(false);
  });
  test("real: the mark took the turn, so the park is refused and the sweeper rings", async () => {
    const { s, parked } = await play((a) => a.park());
    expect(parked).toBe(false);
    expect(await wakes(s, 2 * MINUTE)).toBe(true);
  });
  test("real: a zombie's park while another drives is refused as well", async () => {
    const s = await stage();
    await started(s);
    const zombie = new Driver(s.ports, "A");
    await zombie.claim();
    await new Driver(s.ports, "B").claim();
    expect(await zombie.park(null)).toBe(false);
    expect((await s.ports.executions.head(ref()))!.due_at).not.toBeNull();
  });
});

describe("4: “already due” judged by time", () => {
  // The guard lapses in a long drive; a sender finds the head due and is acknowledged; the driver closes.
  const play = async (by: typeof send) => {
    const s = await stage();
    await started(s);
    const a = new Driver(s.ports, "A");
    await a.claim();
    await s.clock.advance(s.ports.settings.claimTimeoutMs + 1);
    const m = signal("m", s.clock.now());
    expect((await by(s.ports, ref(), m)).kind).toBe("accepted");
    return { s, a, m, closed: await a.close(completed) };
  };
  test("weaker: the driver keeps its turn, and an acknowledged signal is lost to the close", async () => {
    const { s, m, closed } = await play(weaker.sendThatTrustsTheClock);
    expect(closed.kind).toBe("closed");
    expect(await timesTaken(s, m.id)).toBe(0);
  });
  test("real: the mark takes the turn; the driver claims again and takes the signal in", async () => {
    const { s, a, m, closed } = await play(send);
    expect(closed.kind).toBe("fenced");
    await a.claim();
    expect(a.messages).toEqual([m]);
    await a.append([took(m)]);
    expect((await a.close(completed)).kind).toBe("closed");
    expect(await timesTaken(s, m.id)).toBe(1);
  });
});

describe("5: closing batch, then head", () => {
  // Claim; a signal is put, marked, acknowledged; the closing batch wins its position.
  const play = async (by: typeof close) => {
    const s = await stage();
    await started(s);
    const a = new Driver(s.ports, "A");
    await a.claim();
    const m = signal("m", s.clock.now());
    expect((await send(s.ports, ref(), m)).kind).toBe("accepted");
    return { s, m, closed: await a.close(completed, { by }) };
  };
  test("weaker: the acknowledged signal is lost", async () => {
    const { s, m, closed } = await play(weaker.closeByPositionAlone);
    expect(closed.kind).toBe("closed");
    expect(await timesTaken(s, m.id)).toBe(0);
  });
  test("real: close needs the turn, which the mark has taken; nothing is written", async () => {
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
  const waiting = new Driver(s.ports, "P", ref("p"));
  await waiting.claim();
  await waiting.append([
    { kind: "child_scheduled", child: 1, workflow: "lines", execution: "c", input: null, on_parent_close: "terminate" },
  ]);
  await waiting.park();
  await s.tasks();
  const a = new Driver(s.ports, "A", ref("c"));
  await a.claim();
  const told = async () => {
    const inbox = await s.ports.executions.inbox(ref("p"), parent.chain);
    return inbox.some((m) => m.kind === "child" && m.outcome.kind === "completed");
  };
  return { s, a, told };
}

describe("6: close removes `due_at`, then tells the parent", () => {
  test("weaker: a crash in between, and the parent waits for ever", async () => {
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
  ] as const)("real: a crash after `%s`, and the sweeper tells it", async (at) => {
    const { s, a, told } = await family();
    await expect(a.close(completed, { ports: dying(s.ports, "after", at) })).rejects.toThrow(Died);
    expect((await s.ports.executions.head(ref("c")))!.due_at).not.toBeNull();
    await s.sweeping(2 * MINUTE);
    expect(await told()).toBe(true);
    expect((await s.ports.executions.head(ref("c")))!.due_at).toBeNull();
    expect(await wakes(s, 2 * MINUTE, "p")).toBe(true);
  });
});

describe("7: start over a final head that owes effects", () => {
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
  test("weaker: the debt is overwritten, and the parent is never told", async () => {
    const { s, told } = await play(weaker.startOverAnyFinalHead);
    await s.sweeping(3 * HOUR);
    expect(await told()).toBe(false);
  });
  test("real: the debt is paid, then the id is used again", async () => {
    const { told } = await play((ports) => ports);
    expect(await told()).toBe(true);
  });
});

describe("8: inbox keyed `*`", () => {
  // A signal is put for a start of the execution that closes before the mark; its sender dies before it deletes it.
  const play = async (by: (ports: Ports, m: ReturnType<typeof signal>) => Promise<unknown>, read: typeof claim) => {
    const s = await stage();
    await started(s);
    const a = new Driver(s.ports, "A");
    await a.claim();
    const m = signal("m", s.clock.now());
    const pause = pausing(s.ports, "head");
    const sending = by(dying(pause.ports, "before", "removeMessages"), m);
    await pause.reached;
    expect((await a.close(completed)).kind).toBe("closed");
    pause.resume();
    await expect(sending).rejects.toThrow(Died);
    await started(s); // the next start of the id
    const b = new Driver(s.ports, "B");
    await b.claim({ by: read });
    return { b, m };
  };
  test("weaker: the next start takes in a signal that was meant for the last", async () => {
    const { b, m } = await play((ports, x) => weaker.sendToAnyChain(ports, ref(), x), weaker.claimOfAnyChain);
    expect(b.next().events).toMatchObject([{ kind: "signal_received", message: m.id }]);
  });
  test("real: a message belongs to one chain", async () => {
    const { b } = await play((ports, x) => send(ports, ref(), x), claim);
    expect(b.messages).toEqual([]);
    expect(b.next().events).toEqual([]);
  });
});

describe("9: continue with a taken message still in the inbox", () => {
  const play = async (carries: "nothing" | "what was taken") => {
    const s = await stage();
    await started(s);
    const m = signal("m", s.clock.now());
    await send(s.ports, ref(), m);
    const a = new Driver(s.ports, "A");
    await a.claim();
    await expect(a.append([took(m)], { ports: dying(s.ports, "before", "removeMessages") })).rejects.toThrow(Died);
    await a.claim();
    const run = crypto.randomUUID();
    const event: NewEvent = { kind: "execution_continued", run, workflow: "orders", input: null };
    const carried = carries === "nothing" ? [] : [...a.state.taken.keys()];
    expect((await a.close(event, { carried })).kind).toBe("closed");
    const b = new Driver(s.ports, "B");
    await b.claim();
    expect(b.head.run).toBe(run);
    expect(b.messages).toEqual([m]);
    return { b, m };
  };
  test("weaker: the new run takes it in again", async () => {
    const { b, m } = await play("nothing");
    expect(b.next().events).toMatchObject([{ kind: "signal_received", message: m.id }]);
  });
  test("real: the new run begins with the ids its predecessor took in, and only deletes it", async () => {
    const { b, m } = await play("what was taken");
    expect(b.next()).toEqual({ events: [], taken: [m.id] });
  });
});

describe("10: orphan by receive count", () => {
  /** A runs a local activity and its session beats for `aLives` ms; B looks at every task that comes. */
  const play = async (aLives: number, p: { duplicate: boolean }) => {
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
    const a = new Driver(s.ports, "A");
    await a.claim();
    await a.append([local("A")]);
    const q = { workspace: ref().workspace, deployment: "shop", queue: "workflow" as const };
    const [delivery] = await s.ports.tasks.receive(q, { session: "A", max: 1, waitMs: 0 });
    if (p.duplicate) {
      // The queue delivers A's task to B, too, as the same first delivery; B has nothing to do and deletes it.
      await s.ports.tasks.finish(q.workspace, [delivery!.receipt]);
    }
    /** Looks for `ms`; answers by which rule, and when, B would have repeated the activity. */
    const look = async (ms: number) => {
      const found: { byCount: number[]; bySession: number[] } = { byCount: [], bySession: [] };
      const from = s.clock.now();
      while (s.clock.now() < from + ms) {
        await s.sweeping(MINUTE);
        const now = s.clock.now();
        if (now < from + aLives) {
          await s.ports.registry.beat({ ...q, worker: "a", session: "A", now });
          if (!p.duplicate) await s.ports.tasks.extend(q.workspace, [delivery!.receipt], 2 * MINUTE);
        }
        if (!p.duplicate && now >= from + 12 * HOUR) {
          await s.ports.tasks.extend(q.workspace, [delivery!.receipt], 0); // a queue lends nothing for longer than 12 h
        }
        for (const d of await s.ports.tasks.receive(q, { session: "B", max: 9, waitMs: 0 })) {
          const b = new Driver(s.ports, "B");
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
    return { look };
  };
  test("B deletes A's duplicate task, A dies: by count nobody repeats the activity, by session somebody does", async () => {
    const { look } = await play(0, { duplicate: true });
    const { byCount, bySession } = await look(HOUR);
    expect(byCount).toEqual([]);
    expect(bySession.length).toBeGreaterThan(0);
    expect(bySession[0]!).toBeLessThan(10 * MINUTE);
  });
  test("an activity of 13 h: by count it is repeated while it runs, by session it is not", async () => {
    const { look } = await play(Number.POSITIVE_INFINITY, { duplicate: false });
    const { byCount, bySession } = await look(13 * HOUR);
    expect(byCount.length).toBeGreaterThan(0);
    expect(bySession).toEqual([]);
  });
});

describe("11: non-holder takes an unmarked message", () => {
  // A and B claim; B, the holder, reads an empty inbox; m is put and its sender dies; A reads m.
  const play = async (by: typeof claim) => {
    const s = await stage();
    await started(s);
    const first = new Driver(s.ports, "first");
    await first.claim();
    await first.append([{ kind: "search_keys_set", set: {}, remove: [] }]);
    const a = new Driver(s.ports, "A");
    const pause = pausing(s.ports, "claim");
    const claiming = a.claim({ by, ports: pause.ports });
    await pause.reached;
    const b = new Driver(s.ports, "B");
    await b.claim();
    expect(b.messages).toEqual([]);
    const m = signal("m", s.clock.now());
    await expect(send(dying(s.ports, "before", "requestWake"), ref(), m)).rejects.toThrow(Died);
    pause.resume();
    await claiming;
    return { s, a, b, m };
  };
  test("weaker: A appends [m, timer] and dies; B, its log older, parks “none”", async () => {
    const { s, a, b, m } = await play(weaker.claimThatTakesAnyMessage);
    expect(a.messages).toEqual([m]);
    await a.append([took(m), timer(s.clock.now() + HOUR)]);
    expect(b.seesNothing).toBe(true);
    expect(await b.park()).toBe(true);
    expect(await stuck(s)).toBe(true);
  });
  test("real: A has lost the turn and leaves the message to the next holder", async () => {
    const { s, a, b, m } = await play(claim);
    expect(a.messages).toEqual([]);
    expect(await b.park()).toBe(true);
    expect(await s.ports.executions.inbox(ref(), a.head.chain)).toEqual([m]); // never acknowledged, never lost
  });
  test("real: the same holds for messages in the answer of an append", async () => {
    const s = await stage();
    await started(s);
    const a = new Driver(s.ports, "A");
    await a.claim();
    const b = new Driver(s.ports, "B");
    await b.claim();
    const m = signal("m", s.clock.now());
    await expect(send(dying(s.ports, "before", "requestWake"), ref(), m)).rejects.toThrow(Died);
    const answer = await a.append([{ kind: "search_keys_set", set: {}, remove: [] }]);
    expect(answer).toEqual({ kind: "appended", messages: [], fenced: true });
  });
});

describe("12: effects of a dead driver", () => {
  // A appends [m, remote activity] and dies before the task is sent; the next driver sees nothing to do and parks.
  const play = async (by: typeof claim) => {
    const s = await stage();
    await started(s);
    const m = signal("m", s.clock.now());
    await send(s.ports, ref(), m);
    const a = new Driver(s.ports, "A");
    await a.claim();
    await expect(a.append([took(m), remote()], { ports: dying(s.ports, "before", "send") })).rejects.toThrow(Died);
    const b = new Driver(s.ports, "B");
    await b.claim({ by });
    expect(b.next().events).toEqual([]);
    expect(await b.park()).toBe(true);
    await s.sweeping(HOUR);
    return (await s.tasks("activity")).length;
  };
  test("weaker: the activity is recorded and never queued", async () => {
    expect(await play(weaker.claimWithoutEffects)).toBe(0);
  });
  test("real: a claim performs again the effects of batches after `effects_done_through`", async () => {
    expect(await play(claim)).toBe(1);
  });
});

describe("13: loser of a position stops quietly", () => {
  // A runs a local activity; B, handed a duplicate, fires a timer; A's outcome loses its position. A's session lives.
  const play = async (loser: "stops" | "reads again and goes on") => {
    const s = await stage();
    await started(s);
    const a = new Driver(s.ports, "A");
    await a.claim();
    await a.append([local("A"), timer(s.clock.now() + 1_000)]);
    await s.clock.advance(2_000);
    const b = new Driver(s.ports, "B");
    await b.claim();
    expect((await b.append(b.next().events)).kind).toBe("appended"); // timer fired
    await b.park();
    const outcomes = [{ activity: 1, attempt: 1, outcome: { kind: "completed" as const, result: 42 } }];
    const { events } = a.next({ outcomes, running: true });
    expect(events).toMatchObject([{ kind: "activity_completed" }, { kind: "timer_fired" }]);
    expect((await a.append(events)).kind).toBe("conflict");
    if (loser !== "stops") {
      await a.reread();
      expect((await a.append(a.next({ outcomes }).events)).kind).toBe("appended");
    }
    /** B looks as often as it is rung; A is alive, so the activity is no orphan. */
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
  test("weaker: the activity stays open for as long as A lives, though it has ended", async () => {
    expect(await play("stops")).toBe(true);
  });
  test("real: the loser keeps its outcome, reads again, decides again", async () => {
    expect(await play("reads again and goes on")).toBe(false);
  });
});

describe("14: settling what another close owes", () => {
  // The child continues as new and owes an effect to a child of its own. A slow driver has read that debt; another closes
  // the new run, which owes the parent, and dies; the slow one performs the old debt and settles.
  const play = async (weaken: (ports: Ports) => Ports) => {
    const { s, a, told } = await family();
    const run = crypto.randomUUID();
    const event: NewEvent = { kind: "execution_continued", run, workflow: "lines", input: null };
    const outbox = [{ kind: "cancel_child" as const, execution: "nobody", parent_run: a.head.run, child: 1 }];
    await expect(a.close(event, { outbox, ports: dying(s.ports, "after", "close") })).rejects.toThrow(Died);
    const slow = new Driver(s.ports, "slow", ref("c"));
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
  test("weaker: the debt of the end is erased, and the parent is never told", async () => {
    expect(await play(weaker.settleWhateverIsOwed)).toBe(false);
  });
  test("real: only what was seen is settled", async () => {
    expect(await play((ports) => ports)).toBe(true);
  });
});

describe("15: an outcome that is younger than the log", () => {
  // B, the holder, has appended; before it reads its inbox A, whose local activity has ended, appends a remote activity at
  // the next position; that is done at once, and its outcome put; B reads it; only then comes the mark.
  const play = async () => {
    const s = await stage();
    await started(s);
    const a = new Driver(s.ports, "A");
    await a.claim();
    await a.append([local("A"), timer(s.clock.now())]);
    const b = new Driver(s.ports, "B");
    await b.claim();
    const appended = pausing(s.ports, "putBatch");
    const appending = b.append(b.next().events, { ports: appended.ports });
    await appended.reached;
    await a.reread();
    const outcomes = [{ activity: 1, attempt: 1, outcome: { kind: "completed" as const, result: null } }];
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
  /** The next holder; answers whether the activity is still open when it has taken in everything. */
  const goesOn = async (s: Awaited<ReturnType<typeof stage>>) => {
    const c = new Driver(s.ports, "C");
    await c.claim();
    const { events, taken } = c.next();
    if (events.length > 0) await c.append(events, { taken });
    return c.state.activities.has(2);
  };
  test("weaker: B knows no such activity, takes the outcome for an old one and deletes it: it is never taken in", async () => {
    const { s, b, finish } = await play();
    await s.ports.executions.removeMessages(ref(), b.head.chain, [b.messages[0]!.id]);
    await finish();
    expect(await goesOn(s)).toBe(true);
    expect(await stuck(s)).toBe(false); // the mark has rung, but there is nothing left to find
  });
  test("real: an outcome of something not heard of is left for whoever has", async () => {
    const { s, b, finish } = await play();
    const { events, taken } = b.next();
    expect(events).toEqual([]);
    expect(taken).toEqual([]);
    await finish();
    expect(await goesOn(s)).toBe(false);
  });
});

describe("16: effects of a batch that was only read", () => {
  // A, no longer the holder, wins a position with a remote activity and dies with its server before the task is sent. B,
  // the holder, loses that position, learns the batch and parks.
  const play = async (loser: "reads" | "claims") => {
    const s = await stage();
    await started(s);
    const a = new Driver(s.ports, "A");
    await a.claim();
    await a.append([local("A"), timer(s.clock.now() + 1_000)]);
    const b = new Driver(s.ports, "B");
    await b.claim();
    await s.clock.advance(2_000);
    const outcomes = [{ activity: 1, attempt: 1, outcome: { kind: "completed" as const, result: null } }];
    const { events } = a.next({ outcomes });
    const dead = dying(s.ports, "after", "putBatch");
    await expect(a.append([...events, remote(2)], { ports: dead })).rejects.toThrow(Died);
    expect((await b.append(b.next().events)).kind).toBe("conflict");
    if (loser === "reads") await b.reread();
    else await b.claim();
    expect(b.next().events).toEqual([]);
    expect(await b.park()).toBe(true); // and says that all it knows was performed
    await s.sweeping(3 * HOUR);
    return (await s.tasks("activity")).length;
  };
  test("weaker: a loser that only reads says of an effect that it was performed, and it never is", async () => {
    expect(await play("reads")).toBe(0);
  });
  test("real: a loser claims, which performs it", async () => {
    expect(await play("claims")).toBe(1);
  });
});

describe("17: a start that is repeated after the end", () => {
  // A request to start is slow; its client asks again with the same token; that start runs and closes; the first arrives.
  const play = async (token: "one" | "two") => {
    const s = await stage();
    await started(s, { token: "one" });
    const a = new Driver(s.ports, "A");
    await a.claim();
    await a.close(completed);
    await started(s, { token });
    return (await s.ports.executions.head(ref()))!.status;
  };
  test("weaker: were the token not part of the condition, it would run a second time", async () => {
    expect(await play("two")).toBe("RUNNING");
  });
  test("real: the same token is the same start", async () => {
    expect(await play("one")).toBe("COMPLETED");
  });
});

test("a debt performed twice tells the parent once", async () => {
  const { s, a, told } = await family();
  await expect(a.close(completed, { ports: dying(s.ports, "after", "close") })).rejects.toThrow(Died);
  const final = (await s.ports.executions.head(ref("c")))!;
  await flushOutbox(s.ports, final);
  await flushOutbox(s.ports, final);
  expect(await told()).toBe(true);
  const parent = new Driver(s.ports, "P", ref("p"));
  await parent.claim();
  expect(parent.messages).toHaveLength(1);
});
