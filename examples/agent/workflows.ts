/** An agent with tools: the model decides, tools run as activities, the answer is streamed word by word. */
import { activity, parallel, task, WorkflowError, workflow } from "@sirocco/sdk";
import * as z from "zod";

const Call = z.object({ tool: z.enum(["weather", "time"]), city: z.string() });
const Message = z.object({ role: z.enum(["user", "tool"]), text: z.string() });
const Step = z.object({ calls: z.array(Call), answer: z.string().nullable() });

/** A stand-in for a model, which needs no key: put the call of your provider here. Its retries are those of the activity. */
export const think = activity(
  {
    name: "think",
    input: z.object({ messages: z.array(Message) }),
    output: Step,
    retry: { maxAttempts: 5, first: "1s" },
  },
  async ({ messages }) => {
    const found = messages.filter(({ role }) => role === "tool");
    if (found.length === 0) {
      const cities = [...messages[0]!.text.matchAll(/[A-Z]\w+/g)].map(([city]) => city).slice(1);
      return { calls: cities.map((city) => ({ tool: "weather" as const, city })), answer: null };
    }
    const answer = found.map(({ text }) => text).join(" ");
    // Whoever follows the execution sees each word as it comes (`run.tokens("answer", "/text")`).
    await task("answer", { text: "" }, async (t) => {
      for (const word of answer.split(/(?<= )/)) t.set(({ text }) => ({ text: text + word }));
    });
    return { calls: [], answer };
  },
);

export const useTool = activity({ name: "use-tool", input: Call, output: z.string() }, ({ tool, city }) =>
  tool === "weather" ? `It rains in ${city}.` : `It is noon in ${city}.`,
);

export const agent = workflow(
  {
    name: "agent",
    input: z.object({ question: z.string() }),
    output: z.object({ answer: z.string(), calls: z.int() }),
    timeout: "1h",
  },
  async ({ question }) => {
    const messages: z.infer<typeof Message>[] = [{ role: "user", text: question }];
    let calls = 0;
    for (let step = 0; step < 10; step++) {
      const next = await think({ messages });
      if (next.answer !== null) return { answer: next.answer, calls };
      const results = await parallel(next.calls, (call) => useTool(call), { concurrency: 5 });
      calls += results.length;
      messages.push(...results.map((text) => ({ role: "tool" as const, text })));
    }
    throw new WorkflowError("the model did not come to an answer in ten steps");
  },
);
