import assert from "node:assert";
import { test } from "node:test";
import { testEnvironment } from "@sirocco/sdk/testing";
import { approve, charge, order, state } from "./order.ts";

const options = { workflows: [order], activities: [charge] };

test("an approved order is charged, though the provider fails twice", async (t) => {
  const env = await testEnvironment(options);
  t.after(() => env.close());
  env.failNext(charge, new Error("provider unreachable"), 2);
  const run = await env.start(order, { id: "A-1", cents: 1250 });
  await env.advance("3 days");
  assert.deepEqual(await run.query(state), { approvedBy: null });
  await run.signal(approve, { by: "ada" });
  assert.equal((await run.result()).approvedBy, "ada");
  assert.equal(env.attempts(charge), 3);
});

test("after two weeks without an approval it fails", async (t) => {
  const env = await testEnvironment(options);
  t.after(() => env.close());
  const run = await env.start(order, { id: "A-2", cents: 1250 });
  await env.advance("14 days");
  await assert.rejects(run.result(), /nobody approved/);
});
