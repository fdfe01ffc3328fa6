/**
 * Well-formed lies through every call of the worker data path: ids of other runs and of another workspace, outdated fences,
 * wrong positions, second closes, outcomes that nobody produced. Each call fits its schema, so no door refuses it for its
 * form. The server must answer each one, with anything but a fault, and the installation must be unharmed afterwards.
 */
import { randomUUID } from "node:crypto";
import * as fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { messageId } from "../../../shared/protocol/messages.ts";
import { WORKER_ROUTES, type WorkerOperation } from "../../../shared/protocol/worker.ts";
import { type Attacked, attacked, STORES } from "./installation.ts";
import { repeat, seedOf } from "./seed.ts";

const OWN = ["own-1", "own-2", "own-3"];
/** A call takes several times as long on the AWS adapter, and of its store most has been attacked in the rounds before. */
const ROUNDS: Readonly<Record<keyof typeof STORES, number>> = { "the embedded engine": 150, "the AWS adapter": 30 };
const SEED = seedOf(Date.now() % 2 ** 31);
const REPEAT = repeat(SEED);

interface Known {
  readonly runs: readonly string[];
  readonly executions: readonly string[];
  readonly sessions: readonly string[];
}
/** Where a step lies: `right` as the server has it at the time of the call. */
type Place = "right" | "stale" | "ahead";
interface Lie {
  readonly operation: WorkerOperation;
  readonly body: Record<string, unknown>;
  /** For the calls that name a position. */
  readonly at: {
    readonly fence: Place;
    readonly first: Place;
    readonly ids: "own" | "claimed";
    readonly end: End;
    readonly joined: boolean;
  };
}
/** The end of the log that a worker hands back on AWS, see LOG-5: none, that of another time, or made up for the position that it names. */
type End = "none" | "stale" | "made up";

let installation: Attacked;
let known: Known;
/** As calls have answered them. */
let ends: string[];

async function install(engine: keyof typeof STORES): Promise<void> {
  installation = await attacked(engine);
  ends = [];
  const { attacker, bystander, start, run } = installation;
  const runs: string[] = [run];
  for (const execution of OWN) {
    await start(attacker, execution);
    runs.push((await attacker.worker.claim(execution)).head.run);
  }
  known = {
    runs: [...runs, randomUUID()],
    executions: [...OWN, "bystander", "child", "nobody"],
    sessions: [attacker.worker.session, bystander.worker.session, randomUUID()],
  };
}
afterEach(() => installation?.close());

const failure = { message: "made up" };
const retry = { max_attempts: 0, first_ms: 1, factor: 2, max_ms: 1000, non_retryable: [] };
const number = fc.integer({ min: 0, max: 4 });
const time = fc.constantFrom(0, 1, Date.now() - 60_000, Date.now() + 60_000, 8_000_000_000_000);
const outcome = fc.constantFrom(
  { kind: "completed", result: "made up" },
  { kind: "failed", reason: "failed", failure },
  { kind: "failed", reason: "timed_out", failure },
);

/** Everything that a body may name, drawn from what exists and what does not. */
function vocabulary({ runs, executions, sessions }: Known) {
  const run = fc.constantFrom(...runs);
  const execution = fc.constantFrom(...executions);
  const session = fc.constantFrom(...sessions);
  const message = fc.oneof(
    fc.uuid().map(messageId.signal),
    fc.uuid().map(messageId.update),
    fc.tuple(run, number, number).map((parts) => messageId.activity(...parts)),
    fc.tuple(run, number).map((parts) => messageId.child(...parts)),
  );
  return { run, execution, session, message, messages: fc.array(message, { maxLength: 2 }) };
}

function eventsFrom(known: Known) {
  const { run, execution, session, message } = vocabulary(known);
  const activity = number;
  const name = fc.constantFrom("charge", "nothing");
  const options = fc.constant({ retry });
  const where = fc.oneof(
    fc.constant("queue"),
    session.map((id) => `local:${id}`),
  );
  const event = (kind: string, fields: Record<string, fc.Arbitrary<unknown>> = {}) =>
    fc.record({ kind: fc.constant(kind), ...fields });
  const task = fc.record({ name, input: fc.constant(null), options, scheduled_at: time });
  const ordinary = fc.oneof(
    event("activity_scheduled", { activity, name, input: fc.constant(1), where, options }),
    event("activity_completed", { activity, name, result: fc.constant("made up") }),
    event("activity_failed", {
      activity,
      name,
      attempt: number,
      reason: fc.constant("failed"),
      failure: fc.constant(failure),
    }),
    event("activity_attempt_failed", {
      activity,
      name,
      attempt: number,
      reason: fc.constant("failed"),
      failure: fc.constant(failure),
      retry_at: time,
    }),
    event("activity_attempt_started", { activity, attempt: fc.constant(2), where: fc.constant("queue"), task }),
    event("activity_cancel_requested", { activity }),
    event("timer_started", { timer: number, fire_at: time }),
    event("timer_fired", { timer: number }),
    event("timer_cancelled", { timer: number }),
    event("child_scheduled", {
      child: number,
      workflow: fc.constantFrom("orders", "nothing"),
      execution,
      input: fc.constant(null),
      on_parent_close: fc.constantFrom("terminate", "cancel", "abandon"),
    }),
    event("child_cancel_requested", { child: number, execution }),
    event("child_completed", { child: number, result: fc.constant("made up") }),
    event("signal_received", { message, name: fc.constant("go"), input: fc.constant(null) }),
    event("update_accepted", { message, name: fc.constant("set"), input: fc.constant(null) }),
    event("update_completed", { message, name: fc.constant("set"), result: fc.constant(null) }),
    event("cancel_requested", { message, reason: fc.constant(null) }),
    event("search_keys_set", { set: fc.constant({ order: "1" }), remove: fc.constant(["none"]) }),
    event("workflow_task_failed", { failure: fc.constant(failure), fingerprint: fc.constant("f") }),
  );
  const parent = fc.record({ execution, chain: run, run, child: number });
  const started = event("execution_started", {
    workflow: fc.constant("orders"),
    input: fc.constant(null),
    deployment: fc.constantFrom("attackers", "bystanders"),
    run,
    chain: run,
    attempt: fc.constant(1),
    deadline: fc.option(time),
    parent: fc.option(parent),
    root: execution,
    schedule: fc.constant(null),
    first_run: run,
    continued_from: fc.option(run),
    carried: fc.array(message, { maxLength: 1 }),
  });
  const closing = fc.oneof(
    event("execution_completed", { result: fc.constant("made up") }),
    event("execution_failed", { failure: fc.constant(failure) }),
    event("execution_cancelled", { reason: fc.constant(null) }),
    event("execution_terminated", { reason: fc.constant(null) }),
    event("execution_timed_out"),
    event("execution_continued", { run, workflow: fc.constantFrom("orders", "nothing"), input: fc.constant(null) }),
  );
  const effect = fc.oneof(
    fc.record({ kind: fc.constantFrom("terminate_child", "cancel_child"), execution, parent_run: run, child: number }),
    fc.record({ kind: fc.constant("tell_parent"), parent, outcome: fc.constant({ kind: "completed", result: 1 }) }),
    fc.record({ kind: fc.constant("effects"), run, first: number }),
    fc.record({
      kind: fc.constant("tell_schedule"),
      schedule: fc.constant("nightly"),
      status: fc.constant("COMPLETED"),
      failure: fc.constant(null),
    }),
  );
  return { ordinary, closing, started, outbox: fc.array(effect, { maxLength: 2 }) };
}

function liesFrom(known: Known): fc.Arbitrary<Lie> {
  const { run, execution, session, message, messages } = vocabulary(known);
  const { ordinary, closing, started, outbox } = eventsFrom(known);
  const who = { deployment: fc.constantFrom("attackers", "bystanders"), worker: fc.constantFrom("w1", "w2"), session };
  const events = fc.array(fc.oneof({ weight: 8, arbitrary: ordinary }, started, closing), {
    minLength: 1,
    maxLength: 3,
  });
  const ref = { execution, run, chain: run, activity: number, attempt: number };
  const have = fc.option(fc.record({ run, tail: number }), { nil: undefined });
  const task = fc.record({
    kind: fc.constant("activity"),
    execution,
    workflow: fc.constant("orders"),
    run,
    chain: run,
    activity: number,
    name: fc.constant("charge"),
    input: fc.constant(null),
    scheduled_at: time,
    options: fc.constant({ retry }),
    first_attempt: fc.constantFrom(1, 7),
  });
  const receipts = fc.array(fc.constantFrom("1", "made/up/receipt", "attackers/1"), { maxLength: 2 });
  const progress = fc.record({
    event: fc.constantFrom("started", "completed"),
    task: fc.constant("t"),
    task_type: fc.constant("todo"),
    attributes: fc.constant({ payload: { type: "json", value: 1, encoding_options: null } }),
    at: time,
  });
  const bodies: { readonly [K in WorkerOperation]: Record<string, fc.Arbitrary<unknown>> } = {
    register: {
      ...who,
      definitions: fc.constant([{ name: "orders", input_schema: {}, execution_timeout: null }]),
      activities: fc.constant(["charge"]),
      sdk: fc.constant("lies/1"),
    },
    heartbeat: who,
    stop: who,
    sessions: { deployment: who.deployment, ids: fc.array(session, { maxLength: 3 }) },
    poll: {
      ...who,
      queue: fc.constantFrom("workflow", "activity"),
      max: fc.constant(10),
      wait_ms: fc.constant(0),
    },
    extend: { receipts, lease_ms: fc.constantFrom(0, 1000) },
    finish: { receipts },
    task: { name: fc.constant("n") },
    claim: { execution, session, have },
    append: { execution, run, chain: run, events, taken: messages },
    park: {
      execution,
      run,
      due_at: fc.option(time),
      effects_done_through: fc.constantFrom(0, 1, 2, 1_000_000),
    },
    close: {
      execution,
      run,
      chain: run,
      events: fc.tuple(fc.array(ordinary, { maxLength: 1 }), closing).map(([before, last]) => [...before, last]),
      taken: messages,
      failure: fc.option(fc.constant("made up")),
      outbox,
      carried: messages,
    },
    discard: { execution, run, chain: run, ids: fc.array(message, { minLength: 1, maxLength: 2 }) },
    read: { execution, have },
    begin: {
      ...ref,
      queued: fc.option(fc.constant({ name: "charge", input: null, first_attempt: 1 }), { nil: undefined }),
    },
    beat: { ...ref, details: fc.constant("made up") },
    begun: { execution, run, activities: fc.array(number, { maxLength: 3 }) },
    outcome: { ...ref, outcome },
    retrying: { ...ref, name: fc.constant("charge"), failure: fc.constant(failure), retry_at: time },
    pass: { task, attempt: fc.constantFrom(1, 5) },
    renew: { task, attempt: fc.constantFrom(1, 5) },
    permit: { items: fc.array(fc.record({ task, attempt: fc.constantFrom(1, 5) }), { minLength: 1, maxLength: 2 }) },
    publish: {
      execution,
      run,
      activity: number,
      activity_name: fc.constant("charge"),
      publish_id: fc.uuid(),
      events: fc.array(progress, { minLength: 1, maxLength: 2 }),
    },
    message: {
      execution,
      run,
      activity: number,
      to: execution,
      message: fc.constantFrom(
        { kind: "signal", name: "go", input: {} },
        { kind: "cancel", reason: "lies" },
        { kind: "signal", name: "__proto__", input: null },
      ),
    },
    logs: {
      worker: fc.constant("w1"),
      items: fc.array(
        fc.record({
          execution,
          run,
          id: fc.uuid(),
          records: fc.array(fc.record({ at: time, level: fc.constant("info" as const), body: fc.string() }), {
            maxLength: 2,
          }),
          dropped: fc.nat(),
        }),
        { minLength: 1, maxLength: 2 },
      ),
    },
    answer: { query: fc.uuid(), answer: fc.constant({ kind: "result", result: "made up" }) },
  };
  const place = fc.constantFrom<Place>("right", "right", "stale", "ahead");
  const at = fc.record({
    fence: place,
    first: place,
    ids: fc.constantFrom("own" as const, "claimed" as const),
    end: fc.constantFrom<End>("none", "stale", "made up"),
    joined: fc.boolean(),
  });
  // Steps change most, so they are told most.
  const operations = Object.keys(WORKER_ROUTES) as WorkerOperation[];
  const steps = (["append", "append", "close", "claim", "park"] as const).flatMap((one) => [one, one, one]);
  return fc
    .constantFrom(...operations, ...steps)
    .chain((operation) => fc.record({ operation: fc.constant(operation), body: fc.record(bodies[operation]), at }));
}

const OFF: Readonly<Record<Place, number>> = { right: 0, stale: -1, ahead: 1 };

/** A close in a call of `append` (JOIN-1). */
const isJoined = ({ operation, at }: Lie): boolean => operation === "close" && at.joined;

/** The body as it is sent: steps get their fence and position, and with `own` the ids that belong to their execution. */
async function bodyOf({ operation, body, at }: Lie): Promise<unknown> {
  if (operation !== "append" && operation !== "close" && operation !== "park") return body;
  const read = await installation.attacker.worker.raw("read", { execution: body.execution });
  const { head, batches } = read.body as {
    head?: { run: string; chain: string; fence: number };
    batches?: { events: unknown[] }[];
  };
  const fence = (head?.fence ?? 1) + OFF[at.fence];
  const mine = head && at.ids === "own" ? { run: head.run } : {};
  if (operation === "park") return { items: [{ ...body, ...mine, fence }] };
  const { events, taken, ...rest } = body as { events: object[]; taken: unknown };
  const tail = (batches ?? []).reduce((sum, batch) => sum + batch.events.length, 1);
  const first = Math.max(1, tail + 1 + OFF[at.first]);
  const placed = events.map((event, i) => ({ ...event, id: first + i, at: Date.now() }));
  const batch = { first, events: placed, append_id: randomUUID() };
  const upto = at.end === "none" ? undefined : at.end === "stale" ? ends.at(-1) : `${first - 1} 0 - 0 0`;
  const step = { ...rest, ...mine, ...(mine.run && { chain: head!.chain }), fence, batch, taken, upto };
  if (isJoined({ operation, body, at })) return { items: [], closes: [step] };
  return operation === "append" ? { items: [step] } : step;
}

test.each(
  Object.keys(STORES) as (keyof typeof STORES)[],
)("no well-formed lie of a worker harms the server, another workspace, or the next start, on %s", async (engine) => {
  await install(engine);
  const told: Record<string, number> = {};
  await fc.assert(
    fc.asyncProperty(fc.array(liesFrom(known), { minLength: 10, maxLength: 40 }), async (lies) => {
      for (const lie of lies) {
        const body = await bodyOf(lie);
        const answer = await installation.attacker.worker.raw(isJoined(lie) ? "append" : lie.operation, body);
        const about = `${lie.operation} ${JSON.stringify(body)} -> ${JSON.stringify(answer.body)}`;
        expect(answer.status, about).toBeLessThan(500);
        const { upto, results } = answer.body as { upto?: string; results?: { upto?: string }[] };
        for (const end of [upto, results?.[0]?.upto]) if (typeof end === "string") ends.push(end);
        // A 422 would mean that a door refused the lie for its form, and that the lie tested nothing.
        if (answer.status !== 422) told[lie.operation] = (told[lie.operation] ?? 0) + 1;
      }
      // New executions take the place of those that a lie has closed.
      // The session registers again, because a lie may have stopped it, and another may have registered it elsewhere since.
      const { worker } = installation.attacker;
      const again = () => worker.register([{ name: "orders", execution_timeout: null }]);
      await again().catch(async () => {
        await worker.raw("stop", { ...worker.who, deployment: "bystanders" });
        await again();
      });
      for (const execution of OWN) await installation.start(installation.attacker, execution);
    }),
    { seed: SEED, numRuns: ROUNDS[engine], endOnFailure: true },
  );
  expect(Object.keys(told).sort(), REPEAT).toEqual(Object.keys(WORKER_ROUTES).sort());
  // An operator can end what a worker has damaged, such as a history with a gap.
  for (const execution of OWN) {
    const { attacker, ask } = installation;
    const ended = await ask(attacker.key, "POST", `/v1/workflows/executions/${execution}/terminate`);
    expect(ended, REPEAT).toMatchObject({ status: 204 });
    const { text } = await ask(attacker.key, "GET", `/v1/workflows/executions/${execution}`);
    expect(JSON.parse(text).status, REPEAT).not.toBe("RUNNING");
  }
  await installation.isUnharmed(REPEAT);
}, 240_000);
