import { testEnvironment } from "@sirocco/sdk/testing";
import { expect, test } from "vitest";
import { approval, remind } from "./workflows.ts";

const options = { workflows: [approval], activities: [remind] };
const input = { what: "a chair", boss: "ada" };

interface Inputs {
  readonly inputs: { readonly task_id: string; readonly execution_id: string }[];
}

test("the boss is reminded each day until the answer comes", async () => {
  await using env = await testEnvironment(options);
  env.stub(remind, async () => {});
  const run = await env.start(approval, input);
  await env.advance("3 days");
  expect(env.attempts(remind)).toBe(3);
  const { body } = await env.api("GET", "/v1/workflows/inputs");
  const [question] = (body as Inputs).inputs;
  const answer = {
    name: "__submit_input",
    input: { task_id: question!.task_id, input: { approved: true, by: "ada" } },
  };
  expect((await env.api("POST", `/v1/workflows/executions/${run.id}/updates`, answer)).status).toBe(200);
  expect(await run.result()).toEqual({ outcome: "approved", reminders: 3 });
});

test("after a week the request lapses", async () => {
  await using env = await testEnvironment(options);
  env.stub(remind, async () => {});
  const run = await env.start(approval, input);
  expect(await run.result()).toMatchObject({ outcome: "lapsed" });
});

test("a request that is cancelled reminds nobody any more", async () => {
  await using env = await testEnvironment(options);
  env.stub(remind, async () => {});
  const run = await env.start(approval, input);
  await env.advance("1 day");
  await run.cancel();
  expect(await run.status()).toBe("CANCELED");
  await env.advance("3 days");
  expect(env.attempts(remind)).toBe(1);
});
