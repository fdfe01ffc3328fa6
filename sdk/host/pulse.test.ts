import { expect, test } from "vitest";
import { VirtualClock } from "../testing/clock.ts";
import { Pulse } from "./pulse.ts";

function started() {
  const clock = new VirtualClock(0);
  const pings: number[] = [];
  const said: string[] = [];
  const log = { debug() {}, error() {}, info: (m: string) => said.push(m), warn: (m: string) => said.push(m) };
  const pulse = new Pulse({
    clock,
    log,
    send: (message) => void (message.type === "ping" && pings.push(message.n)),
    running: () => ["resize"],
    onSilent: () => said.push("silent"),
    onBack: () => said.push("back"),
  });
  pulse.start();
  const answer = (loop: boolean) => pulse.answered({ type: "pong", n: pings.at(-1)!, loop });
  /** Moves time on in steps of a second; the host answers each ping in these ways. */
  const pass = (seconds: number, ...answers: boolean[]) => {
    for (let i = 0; i < seconds; i++) {
      clock.moveTo(clock.now() + 1_000);
      for (const loop of answers) answer(loop);
    }
  };
  return { clock, pulse, pass, said, pings };
}

test("a host that answers is alive, and nothing is said", () => {
  const { pulse, pass, said, pings } = started();
  pass(60, false, true);
  expect(pulse.alive).toBe(true);
  expect(said).toEqual([]);
  expect(pings.length).toBe(13);
});

test("the usage that the host told last is kept, also where an answer tells none", () => {
  const { pulse, pass } = started();
  expect(pulse.usage).toBeUndefined();
  const usage = { cpu_seconds: 1.5, memory_bytes: 2 ** 26 };
  pulse.answered({ type: "pong", n: 1, loop: true, usage });
  expect(pulse.usage).toEqual(usage);
  pass(60, false, true);
  expect(pulse.usage).toEqual(usage);
});

test("a blocked loop is reported once, with the activities that run, and later counts as dead", () => {
  const { pulse, pass, said } = started();
  pass(10, false);
  expect(pulse.alive).toBe(true);
  expect(said).toEqual([expect.stringMatching(/blocked for 2 s. Activities that run: resize\. .*asyncio\.to_thread/)]);
  pass(5, false);
  expect(pulse.alive).toBe(false);
  pass(1, false, true);
  expect(pulse.alive).toBe(true);
  expect(said.at(-1)).toBe("the host's loop answers again");
});

test("a process that is stopped is told from a loop that is blocked", () => {
  const { pass, said } = started();
  pass(3);
  expect(said).toEqual(["the host does not answer: its process is stopped, or too busy to run"]);
});

test("a process that misses two pings in a row is stopped, until it answers; one that answers late is not", () => {
  const { pass, said } = started();
  pass(1, false, true);
  pass(9); // the second ping is late
  pass(1, false, true);
  expect(said).not.toContain("silent");
  pass(15);
  expect(said.filter((one) => one === "silent")).toHaveLength(1);
  pass(10);
  expect(said).not.toContain("back");
  pass(1, false, true);
  expect(said.slice(-2)).toEqual(["back", "the host's loop answers again"]);
});

test("after the machine has slept, one ping is late and the process is not taken for stopped", () => {
  const { clock, pass, said } = started();
  pass(1, false, true);
  clock.moveTo(clock.now() + 3_600_000);
  pass(1, false, true);
  expect(said).not.toContain("silent");
});
