/** The workflows that the Python client calls, with all kinds of handlers, and a worker in this process that serves them. */
import * as z from "zod";
import {
  activity,
  on,
  query,
  type RunningWorker,
  signal,
  startWorker,
  update,
  waitUntil,
  workflow,
} from "../../sdk/index.ts";

const greet = activity(
  { name: "greet", input: z.object({ name: z.string() }), output: z.object({ greeting: z.string() }) },
  async ({ name }, ctx) => {
    ctx.log.info("greeting", { name });
    return { greeting: `Hello, ${name}` };
  },
);
const approve = signal("approve", z.object({}));
const status = query("status", z.object({ name: z.string(), approved: z.boolean() }));
const rename = update("rename", z.object({ name: z.string() }), z.object({ before: z.string() }));

const story = workflow(
  { name: "story", input: z.object({ name: z.string() }), handlers: [approve, status, rename] },
  async (input) => {
    let { name } = input;
    let approved = false;
    on(approve, () => {
      approved = true;
    });
    on(status, () => ({ name, approved }));
    on(rename, ({ name: next }) => {
      const before = name;
      name = next;
      return { before };
    });
    await waitUntil(() => approved, "5m");
    return greet({ name });
  },
);
/** Its result is not an object, so clients get it wrapped. */
const sum = workflow({ name: "sum", input: z.object({ numbers: z.array(z.number()) }) }, async ({ numbers }) =>
  numbers.reduce((a, b) => a + b, 0),
);

export const startStoryWorker = (url: string, apiKey: string): Promise<RunningWorker> =>
  startWorker({
    url,
    apiKey,
    deployment: "py",
    name: "story-worker",
    workflows: [story, sum],
    activities: [greet],
    shutdownGrace: "1s",
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: console.error } as never,
  });
