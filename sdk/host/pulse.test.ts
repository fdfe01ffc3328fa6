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
  return { pulse, pass, said, pings };
}

test("a host that answers is alive, and nothing is said", () => {
  const { pulse, pass, said, pings } = started();
  pass(60, false, true);
  expect(pulse.alive).toBe(true);
  expect(said).toEqual([]);
  expect(pings.length).toBe(13);
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
