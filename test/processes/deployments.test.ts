/** Two deployments that serve the same workflow, as real processes with a short liveness window. */
import { expect, test } from "vitest";
import { Installation, until } from "./installation.ts";

test("two deployments of one workflow conflict until the caller names one or one of them stops", async () => {
  using on = new Installation();
  await on.server();
  const alice = await on.worker("a1", { deployment: "alice" });
  expect(alice.ready.warnings).toEqual([]);
  const second = await on.worker("a2", { deployment: "alice" });
  expect(second.ready.warnings, "another worker of the same deployment is no conflict").toEqual([]);
  const bob = await on.worker("b1", { deployment: "bob" });
  expect(bob.ready.warnings).toEqual(["Workflow 'walk' is also registered by active deployment 'alice'"]);

  const execute = (deploymentName?: string) =>
    on.client.workflows.executeWorkflow({
      workflowIdentifier: "walk",
      workflowExecutionRequest: { input: { steps: 2 }, deploymentName },
    });
  const refused = await execute().catch((error) => error);
  expect(refused.statusCode).toBe(409);
  expect(JSON.parse(refused.body)).toEqual({ code: "AMBIGUOUS_WORKFLOW", deployments: ["alice", "bob"] });

  // An execution runs in the deployment that its caller names.
  await execute("bob");
  await until("bob's work", async () => (on.entries().length >= 2 ? true : undefined));
  expect(new Set(on.entries().map((e) => e.by))).toEqual(new Set(["b1"]));

  const listed = await on.client.workflows.deployments.listDeployments();
  expect(listed.deployments.map((d) => [d.name, d.isActive, d.activeWorkerCount]).sort()).toEqual([
    ["alice", true, 2],
    ["bob", true, 1],
  ]);

  // A clean stop of one deployment ends the conflict at once.
  bob.child.kill("SIGTERM");
  await bob.ended;
  const routed = await execute();
  expect("deploymentName" in routed && routed.deploymentName).toBe("alice");

  // A killed worker ends it after the liveness window.
  const again = await on.worker("b2", { deployment: "bob" });
  await expect(execute()).rejects.toMatchObject({ statusCode: 409 });
  again.child.kill("SIGKILL");
  await until("bob's window", async () => {
    try {
      return await execute();
    } catch {
      return undefined;
    }
  });
  const all = await on.client.workflows.deployments.listDeployments({ activeOnly: false });
  expect(all.deployments.map((d) => [d.name, d.isActive]).sort()).toEqual([
    ["alice", true],
    ["bob", false],
  ]);
});

test("several workers of one deployment share the load", async () => {
  using on = new Installation();
  await on.server();
  await Promise.all(["w1", "w2", "w3"].map((name) => on.worker(name)));
  await Promise.all(
    Array.from({ length: 30 }, () =>
      on.client.workflows.executeWorkflow({
        workflowIdentifier: "walk",
        workflowExecutionRequest: { input: { steps: 3, ms: 30 } },
      }),
    ),
  );
  await until("ninety steps", async () => (on.entries().length >= 90 ? true : undefined));
  const share = Map.groupBy(on.entries(), (e) => e.by);
  expect([...share.keys()].sort()).toEqual(["w1", "w2", "w3"]);
});
