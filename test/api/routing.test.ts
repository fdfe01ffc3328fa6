/** Routing of executions to deployments, and the warnings that registering workers get. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { failure, type World, world } from "./support/world.ts";

let w: World;
beforeEach(async () => {
  w = await world();
});
afterEach(() => w.close());

const INVOICES = [{ name: "invoice_processor" }];
const execute = (request: object = {}, workflowIdentifier = "invoice_processor") =>
  w.client.workflows.executeWorkflow({ workflowIdentifier, workflowExecutionRequest: request });

test("the only active deployment gets the execution, and only its workers receive the task", async () => {
  const alice = await w.worker("alice", INVOICES);
  const carol = await w.worker("carol", [{ name: "other" }]);
  const started = await execute();
  expect(started).toMatchObject({ deploymentName: "alice" });
  expect((await alice.poll()).map((d) => d.task.execution)).toEqual([started.executionId]);
  expect(await carol.poll()).toEqual([]);
});

test("two active deployments are ambiguous: 409 with their names alone, and no execution is started", async () => {
  const bob = await w.worker("bob", INVOICES);
  await w.worker("alice", INVOICES);
  const refused = await failure(execute({ executionId: "which" }));
  expect(refused.status).toBe(409);
  expect(refused.body).toEqual({ code: "AMBIGUOUS_WORKFLOW", deployments: ["alice", "bob"] });
  expect(await bob.poll()).toEqual([]);
});

test("naming the deployment resolves it, under either name of the field", async () => {
  const alice = await w.worker("alice", INVOICES);
  const bob = await w.worker("bob", INVOICES);
  expect(await execute({ deploymentName: "alice" })).toMatchObject({ deploymentName: "alice" });
  expect(await execute({ taskQueue: "bob" })).toMatchObject({ deploymentName: "bob" });
  expect(await execute({ taskQueue: "bob", deploymentName: "bob" })).toMatchObject({ deploymentName: "bob" });
  expect(await alice.poll()).toHaveLength(1);
  expect(await bob.poll()).toHaveLength(2);
  const both = await failure(execute({ taskQueue: "alice", deploymentName: "bob" }));
  expect(both).toMatchObject({ status: 422, body: { detail: [{ loc: ["body", "task_queue"] }] } });
});

test("the conflict is gone once one deployment has been silent for the liveness window", async () => {
  await w.worker("alice", INVOICES);
  const bob = await w.worker("bob", INVOICES);
  await w.clock.advance(50_000);
  await bob.heartbeat();
  expect(await failure(execute())).toMatchObject({ status: 409 });
  await w.clock.advance(1);
  expect(await execute()).toMatchObject({ deploymentName: "bob" });
});

test("the conflict is gone at once when one deployment's only worker stops", async () => {
  const alice = await w.worker("alice", INVOICES);
  await w.worker("bob", INVOICES);
  await alice.stop();
  expect(await execute()).toMatchObject({ deploymentName: "bob" });
});

test("an inactive deployment receives no execution, named or not, and the answer says why", async () => {
  const alice = await w.worker("alice", INVOICES);
  await alice.stop();
  const unnamed = await failure(execute());
  expect(unnamed).toMatchObject({ status: 404, body: { code: "WF_1100" } });
  expect(unnamed.body.detail).toContain("'alice', but no worker of that deployment is running");
  const named = await failure(execute({ deploymentName: "alice" }));
  expect(named).toMatchObject({ status: 404, body: { code: "WF_1100" } });
  expect(named.body.detail).toContain("'alice', but no worker of that deployment is running");
});

test("an unknown workflow, an unknown deployment and one that serves something else are told apart", async () => {
  await w.worker("alice", INVOICES);
  await w.worker("carol", [{ name: "other" }]);
  const workflow = await failure(execute({}, "nope"));
  expect(workflow.body.detail).toContain("no worker has registered a workflow of this name");
  const deployment = await failure(execute({ deploymentName: "zoe" }));
  expect(deployment.body.detail).toContain("There is no deployment 'zoe'");
  expect(deployment.body.detail).toContain("'alice'");
  const other = await failure(execute({ deploymentName: "carol" }));
  expect(other.body.detail).toContain("'carol' does not register workflow 'invoice_processor'");
  expect([workflow.status, deployment.status, other.status]).toEqual([404, 404, 404]);
});

test("a registration whose deployment is inactive cannot be executed by its id", async () => {
  const alice = await w.worker("alice", INVOICES);
  const { workflowRegistrations } = await w.client.workflows.getWorkflowRegistrations({});
  await alice.stop();
  const call = w.client.workflows.executeWorkflowRegistration({
    workflowRegistrationId: workflowRegistrations[0]!.id,
    workflowExecutionRequest: {},
  });
  const refused = await failure(call);
  expect(refused).toMatchObject({ status: 404, body: { code: "WF_1100" } });
  expect(refused.body.detail).toContain("'invoice_processor' cannot be executed: it is registered by 'alice'");
});

test("a registration executed with the name of another deployment is refused", async () => {
  await w.worker("alice", INVOICES);
  const { workflowRegistrations } = await w.client.workflows.getWorkflowRegistrations({});
  await w.worker("carol", INVOICES);
  const run = (deploymentName: string) =>
    w.client.workflows.executeWorkflowRegistration({
      workflowRegistrationId: workflowRegistrations[0]!.id,
      workflowExecutionRequest: { deploymentName },
    });
  expect(await run("alice")).toMatchObject({ status: "RUNNING" });
  const refused = await failure(run("carol"));
  expect(refused).toMatchObject({ status: 404, body: { code: "WF_1100" } });
  expect(refused.body.detail).toContain("belongs to deployment 'alice', not to 'carol'");
});

describe("registration", () => {
  test("warns of other active deployments of a workflow, and succeeds", async () => {
    const bob = await w.worker("bob", INVOICES);
    const alice = await w.worker("alice", [{ name: "unrelated" }]);
    const registered = await alice.register([...INVOICES, { name: "unrelated" }]);
    expect(registered.warnings).toEqual(["Workflow 'invoice_processor' is also registered by active deployment 'bob'"]);
    expect(registered.has_conflicts).toBe(true);
    expect(registered.workflow_registration_refs).toHaveLength(2);
    expect(await failure(execute())).toMatchObject({ status: 409 });
    await bob.stop();
    expect(await alice.register(INVOICES)).toMatchObject({ warnings: [], has_conflicts: false });
  });

  test("several workers of one deployment are no conflict", async () => {
    await w.worker("alice", INVOICES, { name: "one" });
    const two = await w.worker("alice", INVOICES, { name: "two" });
    expect(await two.register(INVOICES)).toMatchObject({ warnings: [], has_conflicts: false });
    expect(await execute()).toMatchObject({ deploymentName: "alice" });
  });

  test("workflows and registrations keep their ids when workers register again", async () => {
    const one = await w.worker("alice", INVOICES, { name: "one" });
    const first = await one.register(INVOICES);
    const two = await w.worker("alice", INVOICES, { name: "two" });
    expect((await two.register(INVOICES)).workflow_registration_refs).toEqual(first.workflow_registration_refs);
    const bob = await w.worker("bob", INVOICES);
    const [theirs] = (await bob.register(INVOICES)).workflow_registration_refs;
    expect(theirs?.workflow_id).toBe(first.workflow_registration_refs[0]?.workflow_id);
    expect(theirs?.workflow_registration_id).not.toBe(first.workflow_registration_refs[0]?.workflow_registration_id);
  });

  test("answers the settings of the worker, and a warning that in-code schedules are deprecated", async () => {
    const alice = await w.worker("alice", INVOICES);
    const answer = await alice.register([
      { name: "nightly", schedules: [{ input: {}, cron_expressions: ["0 3 * * *"] }] },
    ]);
    expect(answer).toMatchObject({
      workspace: w.workspace,
      heartbeat_ms: 10_000,
      session_timeout_ms: 25_000,
      lease_ms: 25_000,
      now: w.clock.now(),
      tasks: { via: "poll" },
      has_conflicts: false,
    });
    expect(answer.warnings).toEqual([expect.stringContaining("'nightly' declares schedules in its code")]);
  });

  test.each([
    ["a reserved name", [{ name: "schedules" }], ["body", "definitions", 0, "name"]],
    ["a name with odd characters", [{ name: "a b" }], ["body", "definitions", 0, "name"]],
    ["the same workflow twice", [{ name: "a" }, { name: "a" }], ["body", "definitions"]],
    [
      "a schema that refers to nothing",
      [{ name: "a", input_schema: { $ref: "#/$defs/absent" } }],
      ["body", "definitions", 0, "input_schema"],
    ],
    [
      "a handler declared twice",
      [
        {
          name: "a",
          signals: [
            { name: "s", input_schema: {} },
            { name: "s", input_schema: {} },
          ],
        },
      ],
      ["body", "definitions", 0, "signals"],
    ],
  ])("refuses %s and stores none of it", async (_, definitions, loc) => {
    const alice = await w.worker("alice", INVOICES);
    const full = [{ name: "fine", input_schema: {} }, ...definitions.map((d) => ({ input_schema: {}, ...d }))];
    const shifted = typeof loc[2] === "number" ? [...loc.slice(0, 2), loc[2] + 1, ...loc.slice(3)] : loc;
    const answer = await alice.raw("register", { ...alice.who, definitions: full, activities: [], sdk: "x" });
    expect(answer).toMatchObject({ status: 422, body: { code: "WF_1001" } });
    expect(answer.body.detail).toMatchObject([{ loc: shifted }]);
    expect((await w.ask("GET", "/v1/workflows/fine")).status).toBe(404);
  });
});
