/** The counts of executions, messages and steps that handlers write as metrics. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Usage } from "../../shared/aws/meter.ts";
import type { Aws } from "../../shared/server/aws.ts";
import { batchOf, completed, finalOf, headOf, LIMIT, newRef, scheduled, signal, uuid } from "../contract/subject.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";

let on: Installation;
let ports: Aws;

const outcome = (activity: number) =>
  ({ kind: "activity_completed", activity, name: "charge", result: { ok: true } }) as const;
const NOTHING = { steps: 0, messages: 0, started: 0, closed: 0 };
function counted(): Pick<Usage, "steps" | "messages" | "started" | "closed"> {
  const { steps, messages, started, closed } = ports.clients.meter.take();
  return { steps, messages, started, closed };
}

describeUnless(cannotRun)("the counts of executions on AWS", () => {
  beforeAll(async () => {
    on = await install({ feed: false });
    ports = on.adapter();
  });
  afterAll(() => on?.end());

  test("contain each start, step, message and close once, and no repeated or refused call", async () => {
    const ref = newRef();
    const now = ports.clock.now();
    const head = headOf(ref, now);
    ports.clients.meter.take();

    expect((await ports.executions.create(head, [])).kind).toBe("created");
    expect((await ports.executions.create({ ...head, token: uuid() }, [])).kind).toBe("exists");
    expect(counted()).toEqual({ ...NOTHING, started: 1 });

    await ports.executions.putMessage(ref, head.chain, signal(uuid(), now));
    expect(counted()).toEqual({ ...NOTHING, messages: 1 });

    const batch = batchOf(2, now, [scheduled(1), scheduled(2), outcome(1), outcome(2)]);
    expect((await ports.executions.putBatch(ref, head.run, batch, LIMIT)).kind).toBe("written");
    expect((await ports.executions.putBatch(ref, head.run, batch, LIMIT)).kind).toBe("taken");
    expect(counted()).toEqual({ ...NOTHING, steps: 2 });

    const last = { run: head.run, fence: 1, batch: batchOf(6, now, [scheduled(3), outcome(3), completed]) };
    const end = { ...last, next: finalOf(head, now) };
    expect((await ports.executions.close(ref, end)).kind).toBe("closed");
    expect((await ports.executions.close(ref, end)).kind).not.toBe("closed");
    expect(counted()).toEqual({ ...NOTHING, steps: 1, closed: 1 });
  });

  test("contain neither a start nor a close for a run that continues as new", async () => {
    const ref = newRef();
    const now = ports.clock.now();
    const head = headOf(ref, now);
    await ports.executions.create(head, []);
    ports.clients.meter.take();
    const run = uuid();
    const continued = { kind: "execution_continued", run, workflow: head.workflow, input: null } as const;
    const next = { ...head, run, fence: 2, continued_from: head.run, started_at: now };
    const went = { run: head.run, fence: 1, batch: batchOf(2, now, [continued]), next };
    expect((await ports.executions.close(ref, went)).kind).toBe("closed");
    expect(counted()).toEqual(NOTHING);
  });
});
