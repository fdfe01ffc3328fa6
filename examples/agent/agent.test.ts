import { startWorker } from "@sirocco/sdk";
import { createClient } from "@sirocco/sdk/client";
import { testEnvironment } from "@sirocco/sdk/testing";
import { expect, test } from "vitest";
import { QUIET, testServer } from "../../test/support/test-server.ts";
import { agent, think, useTool } from "./workflows.ts";

const options = { workflows: [agent], activities: [think, useTool] };

test("the answer streams word by word to whoever follows the execution", async () => {
  const server = await testServer();
  const connection = { url: server.url, apiKey: server.key };
  const worker = await startWorker({ ...options, ...connection, deployment: "agents", log: QUIET });
  try {
    const run = await createClient(connection).start(agent, { question: "Does it rain in Paris or Rome?" });
    const words: string[] = [];
    for await (const word of run.tokens("answer", "/text")) words.push(word);
    expect(words.join("")).toBe("It rains in Paris. It rains in Rome.");
    expect(await run.result()).toEqual({ answer: words.join(""), calls: 2 });
  } finally {
    await worker.stop();
    await server.close();
  }
});

test("a model that cannot be reached is asked again, and tools that ran do not run again", async () => {
  await using env = await testEnvironment(options);
  env.failNext(think, new Error("503"), 3);
  const run = await env.start(agent, { question: "Does it rain in Paris?" });
  expect(await run.result()).toMatchObject({ calls: 1 });
  expect([env.attempts(think), env.attempts(useTool)]).toEqual([5, 1]);
});
