import { expect, test } from "vitest";
import { Driver, ref, type Stage, signal, stage, started } from "../../test/interleavings/stage.ts";
import type { Ports } from "../ports.ts";
import { send } from "./send.ts";

/** A running execution at rest: claimed, parked, its task gone. */
async function resting(): Promise<Stage> {
  const s = await stage();
  await started(s);
  const a = new Driver(s.ports, "A");
  await a.claim();
  await a.park(null);
  await s.tasks("workflow");
  return s;
}

/** The store marks, its answer is lost, and its client repeats the call. */
const repeating = (ports: Ports): Ports => ({
  ...ports,
  executions: new Proxy(ports.executions, {
    get(target, name: keyof Ports["executions"]) {
      if (name !== "mark") return target[name].bind(target);
      return async (...args: Parameters<typeof target.mark>) => {
        await target.mark(...args);
        return target.mark(...args);
      };
    },
  }) as Ports["executions"],
});

test("a sender whose mark was repeated still rings", async () => {
  const s = await resting();
  const sent = await send(repeating(s.ports), ref(), signal("s", s.clock.now()));
  expect(sent.kind).toBe("accepted");
  expect(await s.tasks("workflow")).toHaveLength(1);
});

test("a sender who finds another's mark leaves the ringing to that one", async () => {
  const s = await resting();
  const { chain } = (await s.ports.executions.head(ref()))!;
  await s.ports.executions.mark(ref(), chain, s.clock.now() + s.ports.settings.ringMs - 1);
  const sent = await send(s.ports, ref(), signal("s", s.clock.now()));
  expect(sent.kind).toBe("accepted");
  expect(await s.tasks("workflow")).toHaveLength(0);
});
