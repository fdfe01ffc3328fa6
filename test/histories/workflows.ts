/**
 * The code that the histories in `recorded/` were recorded with. Frozen: executions of that age must replay for ever, so
 * no workflow in this file ever changes. A new workflow is added at the end, with a scenario of its own.
 */
import * as z from "zod";
import {
  activity,
  CancelledError,
  ChildError,
  child,
  continueAsNew,
  deleteSearchKeys,
  on,
  patched,
  parallel,
  query,
  random,
  setSearchKeys,
  signal,
  sleep,
  start,
  task,
  TimeoutError,
  uncancelled,
  update,
  uuid,
  WorkflowError,
  waitForInput,
  waitUntil,
  workflow,
  externalExecution,
} from "../../sdk/index.ts";

export const work = activity(
  { name: "work", input: z.object({ n: z.number() }), output: z.object({ n: z.number() }) },
  async ({ n }) => ({ n: n * 2 }),
);
export const charge = activity(
  {
    name: "charge",
    input: z.object({ order: z.string(), cents: z.int(), at: z.number(), lot: z.number() }),
    retry: { maxAttempts: 4, first: "2s", factor: 3, nonRetryable: ["CardRefused"] },
  },
  async ({ order }) => ({ receipt: `r-${order}` }),
);
export const refund = activity({ name: "refund", input: z.object({ receipt: z.string() }) }, async () => undefined);
export const notify = activity({ name: "notify", input: z.object({ text: z.string() }) }, async () => undefined);

/** Activities in sequence, retried ones, one that fails for good; time, randomness and ids that decisions depend on. */
export const pipeline = workflow(
  { name: "pipeline", input: z.object({ order: z.string() }), timeout: "30 days" },
  async ({ order }) => {
    const { receipt } = await charge({ order, cents: 1250, at: Date.now(), lot: Math.floor(random() * 1000) });
    // The ids of these children are part of the decision: other randomness or another clock would diverge.
    start("audit", { order }, { id: uuid() });
    start("audit", { order }, { id: `at-${Date.now()}-${Math.floor(Math.random() * 1e9)}` });
    await sleep("90s");
    try {
      await work({ n: 7 });
    } catch {
      await refund({ receipt });
      throw new WorkflowError("the work could not be done", { details: { order } });
    }
    return { receipt };
  },
);
export const audit = workflow({ name: "audit" }, async () => ({ audited: true }));

export const approve = signal("approve", z.object({ by: z.string() }));
export const state = query("state", z.object({ by: z.string().nullable(), reminders: z.int() }));

/** Signals (one before its handler is there), timers that fire, one that is cancelled, a timeout of the platform. */
export const approval = workflow({ name: "approval", handlers: [approve, state], timeout: "90 days" }, async () => {
  let by: string | null = null;
  let reminders = 0;
  await sleep("1h");
  on(approve, async (input) => {
    await sleep("5s");
    by = input.by;
  });
  on(state, () => ({ by, reminders }));
  setTimeout(() => {
    reminders += 100;
  }, 3_600_000);
  while (!(await waitUntil(() => by !== null, "1 day"))) {
    reminders += 1;
    if (reminders > 105) throw new TimeoutError("nobody approved", "approval");
    await notify({ text: `reminder ${reminders}` });
  }
  const first = await Promise.race([sleep("1s").then(() => "timer"), sleep("2s").then(() => "later")]);
  return { by, reminders, first };
});

export const leaf = workflow(
  { name: "leaf", input: z.object({ n: z.number() }), output: z.number() },
  async ({ n }) => {
    if (n < 0) throw new WorkflowError("below zero");
    return (await work({ n })).n;
  },
);
export const patient = workflow({ name: "patient", timeout: "30 days" }, async () => sleep("20 days"));

/** Children: awaited, failing, detached, cancelled, and many at a time. */
export const family = workflow({ name: "family", timeout: "60 days" }, async () => {
  const sums = await parallel([1, 2, 3, 4], (n) => child(leaf, { n }), { concurrency: 2 });
  const failed = await child(leaf, { n: -1 }).catch((error: unknown) => (error as ChildError).status);
  const unknown = await child("no_such_workflow").catch((error: unknown) => (error as ChildError).status);
  const late = start(patient, {}, { onParentClose: "cancel" });
  const other = start(patient, {}, { id: "family-other", onParentClose: "terminate" });
  await sleep("1 day");
  late.cancel();
  const end = await late.result().catch((error: unknown) => (error as ChildError).status);
  return { sums, failed, unknown, end, other: other.execution };
});

export const add = signal("add", z.object({ n: z.number() }));

/** Continues as new with what it has summed up; messages that it has not taken in reach the next run. */
export const counter = workflow(
  {
    name: "counter",
    input: z.object({ total: z.number(), runs: z.int() }),
    handlers: [add],
    searchKeys: ["runs"],
    timeout: null,
  },
  async ({ total, runs }) => {
    let sum = total;
    let taken = 0;
    on(add, ({ n }) => {
      sum += n;
      taken += 1;
    });
    setSearchKeys({ total, open: true });
    await waitUntil(() => taken >= 2);
    deleteSearchKeys(["open"]);
    if (runs >= 2) return { sum, runs };
    return continueAsNew({ total: sum, runs: runs + 1 });
  },
);

/** Cancelled: it sees it where it waits, cleans up with activities that still run, and ends as cancelled. */
export const transfer = workflow({ name: "transfer", timeout: "30 days" }, async () => {
  const { receipt } = await charge({ order: "t-1", cents: 1, at: 0, lot: 0 });
  try {
    await Promise.all([work({ n: 1 }), sleep("10 days")]);
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    await uncancelled(async () => {
      await refund({ receipt });
      await sleep("1m");
      await notify({ text: "refunded" });
    });
    throw error;
  }
  return { receipt };
});

export const put = update("put", z.object({ item: z.string(), price: z.number() }), z.object({ items: z.int() }));
export const checkout = update("checkout", z.object({}), z.number());

/** Updates: answered at once, answered after an activity, refused by the validator, failed, open at the end. */
export const cart = workflow({ name: "cart", handlers: [put, checkout], timeout: "30 days" }, async () => {
  const items = new Map<string, number>();
  let done = false;
  on(
    put,
    async ({ item, price }) => {
      if (price > 100) throw new WorkflowError(`${item} is too dear`);
      if (price > 50) await work({ n: price });
      items.set(item, price);
      return { items: items.size };
    },
    {
      validate: ({ item }) => {
        if (items.has(item)) throw new WorkflowError(`${item} is in the cart already`);
      },
    },
  );
  on(checkout, async () => {
    done = true;
    await sleep("1h");
    return items.size;
  });
  await waitUntil(() => done);
  return { items: [...items.keys()] };
});

/** Custom tasks of workflow code: whole states, patches, one that fails, one inside another, one out of time. */
export const report = workflow({ name: "report" }, async () => {
  const lines = await task("writing", { text: "", done: [] as number[] }, async (t) => {
    for (const n of [1, 2]) {
      await work({ n });
      t.set((s) => ({ text: `${s.text}line ${n}. `, done: [...s.done, n] }));
      await task("line", async () => sleep("1s"));
    }
    t.set((s) => s);
    return t.state.done.length;
  });
  await task("doomed", { step: 1 }, async () => {
    throw new WorkflowError("it was doomed");
  }).catch(() => {});
  await task("late", async () => {
    if (!(await waitUntil(() => false, "3s"))) throw new TimeoutError("too late", "start_to_close");
  }).catch(() => {});
  return { lines };
});

/** Asks people: two inputs open at a time, one refused answer, one that nobody gives. */
export const review = workflow({ name: "review", interactive: true, timeout: "30 days" }, async () => {
  const [grade, comment] = await Promise.all([
    waitForInput(z.object({ grade: z.int().max(5) }), { label: "grade" }),
    waitForInput(z.object({ text: z.string() }), { label: "comment", timeout: "2 days" }).catch((error: unknown) =>
      error instanceof TimeoutError ? { text: "none" } : Promise.reject(error),
    ),
  ]);
  return { grade: grade.grade, comment: comment.text };
});

/** Its driver may run no activities: they go through the queue, one of them twice. */
export const thumbnails = workflow({ name: "thumbnails" }, async () => {
  const sizes = await Promise.all([1, 2, 3].map((n) => work({ n })));
  const { receipt } = await charge({ order: "q-1", cents: 5, at: 0, lot: 0 });
  return { sizes: sizes.map((s) => s.n), receipt };
});

/** What its code does while it is broken; the recorder repairs it. */
export const flaw = { broken: false };

/** A bug fails the task; repaired code takes in what came meanwhile. */
export const repaired = workflow({ name: "repaired", handlers: [add], timeout: "30 days" }, async () => {
  let sum = 0;
  on(add, ({ n }) => {
    sum += n;
  });
  const { n } = await work({ n: 20 });
  if (flaw.broken) throw new TypeError("cannot read properties of undefined");
  await waitUntil(() => sum > 0);
  return { sum: sum + n };
});

const patientWork = work.with({ timeout: "1h", retry: { maxAttempts: 0 } });
/** Its workers die one after the other: the next one tries its code in quarantine. */
export const tried = workflow({ name: "tried", timeout: null }, () => patientWork({ n: 1 }));

/** Code that was changed and asks, in a loop, whether the run may take the new way. */
export const changed = workflow({ name: "changed" }, async () => {
  let total = 0;
  for (let i = 0; i < 2; i++) {
    const { n } = await work({ n: i });
    total += patched("double") ? 2 * n : n;
    await sleep("1m");
  }
  return { total, late: patched("late") };
});

/** Runs out of time: the server ends it. */
export const overdue = workflow({ name: "overdue", timeout: "1h" }, async () => sleep("2h"));

export const deposit = signal("deposit", z.object({ n: z.number() }));
export const withdraw = signal("withdraw", z.object({ n: z.number() }));

/** Signals of two kinds arrive before their handlers are attached. Each handler calls an activity, so their order shows. */
export const account = workflow({ name: "account", handlers: [deposit, withdraw], timeout: null }, async () => {
  let done = 0;
  const handled = async (text: string) => {
    await notify({ text });
    done += 1;
  };
  await sleep("1h");
  on(deposit, ({ n }) => handled(`deposit ${n}`));
  on(withdraw, ({ n }) => handled(`withdraw ${n}`));
  await waitUntil(() => done === 4);
  return { done };
});

/** Sends messages to another execution, which takes some and refuses others. */
export const messenger = workflow({ name: "messenger", timeout: null }, async () => {
  const other = externalExecution("counter-1");
  await other.signal(add, { n: 1 });
  const refused = await other.query("sum").catch((error: Error) => error.name);
  await other.cancel("no longer needed");
  await sleep("1h");
  const late = await other.signal("add", { n: 2 }).catch((error: Error) => error.name);
  return { refused, late };
});

export const workflows = [
  pipeline,
  audit,
  approval,
  leaf,
  patient,
  family,
  counter,
  transfer,
  cart,
  report,
  review,
  thumbnails,
  repaired,
  tried,
  overdue,
  account,
  changed,
  messenger,
];
export const activities = [work, charge, refund, notify];
