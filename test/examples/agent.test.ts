/** The agent of `examples/python/agent.py`, from the question to the approved answer, against a server in this process. */
import { join } from "node:path";
import { Mistral } from "@mistralai/mistralai";
import { expect, test } from "vitest";
import { startServer } from "../../cli/server/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { embedded } from "../../shared/server/embedded.ts";
import { startPythonWorker, whyNoPython } from "../support/python-worker.ts";

const cannotRun = await whyNoPython();
if (cannotRun) console.warn(`Skipping the agent in Python. ${cannotRun}`);

test.skipIf(cannotRun)(
  "the agent fans out, streams its answer, and publishes what a person approves",
  async () => {
    const engine = embedded({});
    const server = await startServer({ ports: engine, version: "0.0.0", port: 0 });
    const { key } = await createKey(engine, { workspace: DEFAULT_WORKSPACE, name: "example" });
    const worker = await startPythonWorker(join(import.meta.dirname, "../../examples/python/agent.py"), {
      url: server.url,
      key,
      deployment: "agents",
    });
    const { workflows } = new Mistral({ serverURL: server.url, apiKey: key });
    const input = { question: "Why is the sky blue?" };
    await workflows.executeWorkflow({
      workflowIdentifier: "research",
      workflowExecutionRequest: { executionId: "sky", input },
    });
    let streamed = 0;
    const events: string[] = [];
    for await (const frame of await workflows.executions.stream({ executionId: "sky" })) {
      const { eventType, attributes } = (frame.data as { data: unknown }).data as {
        eventType: string;
        attributes: Record<string, unknown>;
      };
      events.push(eventType);
      if (eventType === "CUSTOM_TASK_IN_PROGRESS") streamed += 1;
      if (eventType === "CUSTOM_TASK_STARTED" && attributes.customTaskType === "wait_for_input") {
        const submitted = { task_id: attributes.customTaskId, input: { approved: true, by: "Ada" } };
        await workflows.executions.updateWorkflowExecution({
          executionId: "sky",
          updateInvocationBody: { name: "__submit_input", input: submitted },
        });
      }
      if (eventType === "WORKFLOW_EXECUTION_COMPLETED") break;
    }
    expect(events.filter((type) => type === "ACTIVITY_TASK_COMPLETED")).toHaveLength(4);
    expect(streamed).toBeGreaterThan(10);
    const { result } = await workflows.executions.getWorkflowExecution({ executionId: "sky" });
    expect(result).toMatchObject({ approved_by: "Ada", answer: expect.stringContaining("papers") });
    await worker.stop();
    await server.close(1_000);
    engine.close();
  },
  120_000,
);
