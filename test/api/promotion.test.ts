/** Current deployments over real HTTP: starts, ramps, schedules, continued runs, rollback, and what is safe to stop. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ports } from "../../shared/ports.ts";
import { isRamped } from "../../shared/routing/current.ts";
import { cli } from "../cli/support.ts";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { type Ask, ENGINES, failure, type World } from "./support/world.ts";

describe.each(ENGINES)("on %s", (_, create) => {
  let w: World<Ports>;
  beforeEach(async () => {
    w = await create();
  });
  afterEach(() => w.close());

  const ORDERS = [{ name: "orders" }];
  const post = async (name: string, action: "promote" | "rollback", body?: object, o: Ask = {}) =>
    w.ask("POST", `/v1/workflows/deployments/${name}/${action}`, { ...(body && { body }), ...o });
  const start = (executionId?: string, more: object = {}) =>
    w.client.workflows.executeWorkflow({
      workflowIdentifier: "orders",
      workflowExecutionRequest: { ...(executionId && { executionId }), ...more },
    });
  const deploymentOf = async (executionId?: string, more: object = {}) => {
    const started = await start(executionId, more);
    return "deploymentName" in started ? started.deploymentName : undefined;
  };

  async function twoVersions(): Promise<[ScriptedWorker, ScriptedWorker]> {
    return [await w.worker("v1", ORDERS), await w.worker("v2", ORDERS)];
  }

  describe("the current deployment", () => {
    test("gets the starts that name none, whichever other deployments are active", async () => {
      await twoVersions();
      expect(await failure(start())).toMatchObject({ status: 409, body: { code: "AMBIGUOUS_WORKFLOW" } });
      expect((await post("v1", "promote")).body).toMatchObject({
        deployment_name: "v1",
        workflows: [{ workflow_name: "orders", current_deployment: "v1", previous_deployment: null, ramp: null }],
      });
      expect(await deploymentOf()).toBe("v1");
      await post("v2", "promote");
      expect(await deploymentOf()).toBe("v2");
      expect(await deploymentOf(undefined, { deploymentName: "v1" })).toBe("v1");
    });

    test("is taken back in one call, to the one before it, and then to none", async () => {
      await twoVersions();
      await post("v1", "promote");
      await post("v2", "promote");
      expect((await post("v2", "rollback")).body).toMatchObject({ workflows: [{ current_deployment: "v1" }] });
      expect(await deploymentOf()).toBe("v1");
      expect((await post("v1", "rollback")).body).toMatchObject({ workflows: [{ current_deployment: null }] });
      expect(await failure(start())).toMatchObject({ status: 409, body: { code: "AMBIGUOUS_WORKFLOW" } });
      expect(await post("v1", "rollback")).toMatchObject({ status: 409, body: { code: "NOT_PROMOTED" } });
    });

    test("refuses starts while none of its workers is live, and says what to do", async () => {
      const [v1] = await twoVersions();
      await post("v1", "promote");
      await v1.stop();
      const refused = await failure(start("o-1"));
      expect(refused).toMatchObject({ status: 404, body: { code: "WF_1100" } });
      expect(refused.body.detail).toContain("starts go to its current deployment 'v1'");
      expect(await post("v1", "promote")).toMatchObject({ status: 409, body: { code: "NOT_PROMOTED" } });
      await post("v2", "promote");
      expect(await deploymentOf("o-1")).toBe("v2");
    });

    test("is one of the named workflows alone", async () => {
      await w.worker("v1", [...ORDERS, { name: "refunds" }]);
      await w.worker("v2", [...ORDERS, { name: "refunds" }]);
      const { body } = await post("v2", "promote", { workflow_names: ["refunds"] });
      expect(body).toMatchObject({ workflows: [{ workflow_name: "refunds" }] });
      expect(await failure(start())).toMatchObject({ status: 409, body: { code: "AMBIGUOUS_WORKFLOW" } });
      const unknown = await post("v2", "promote", { workflow_names: ["orders", "nothing"] });
      expect(unknown).toMatchObject({ status: 404, body: { detail: expect.stringContaining("'nothing'") } });
      expect((await w.ask("GET", "/v1/workflows/deployments/v2")).body.current_for).toEqual([
        { ...(body.workflows as object[])[0], percent: 100 },
      ]);
    });

    test("ends the warning that a workflow is registered twice", async () => {
      const [, v2] = await twoVersions();
      expect((await v2.register(ORDERS)).warnings).toEqual([expect.stringContaining("active deployment 'v1'")]);
      await post("v1", "promote");
      expect(await v2.register(ORDERS)).toMatchObject({ warnings: [], has_conflicts: false });
    });

    test("is changed by keys that may operate and are not limited to deployments, and by no others", async () => {
      await twoVersions();
      for (const over of [{ rights: ["read"] as const }, { rights: ["operate"] as const, deployments: ["v1"] }]) {
        const { key } = await w.newKey({ workspace: w.workspace, ...over });
        for (const action of ["promote", "rollback"] as const) {
          expect(await post("v1", action, undefined, { key })).toMatchObject({ status: 403 });
        }
      }
      const { key } = await w.newKey({ workspace: w.workspace, rights: ["operate"] });
      expect(await post("v1", "promote", undefined, { key })).toMatchObject({ status: 200 });
      expect(await post("nothing", "promote")).toMatchObject({ status: 404 });
      for (const ramp_percent of [0, -1, 101, "10%"]) {
        expect(await post("v1", "promote", { ramp_percent })).toMatchObject({ status: 422 });
      }
    });
  });

  describe("a ramp", () => {
    test("gives the executions whose ids it takes to the other deployment, each always in the same way", async () => {
      await twoVersions();
      expect(await post("v2", "promote", { ramp_percent: 30 })).toMatchObject({
        status: 409,
        body: { detail: expect.stringContaining("has no current deployment yet") },
      });
      await post("v1", "promote");
      expect(await post("v1", "promote", { ramp_percent: 30 })).toMatchObject({ status: 409 });
      await post("v2", "promote", { ramp_percent: 30 });
      const where = new Map<string, string | null | undefined>();
      for (let n = 0; n < 60; n++) where.set(`o-${n}`, await deploymentOf(`o-${n}`));
      const taken = [...where.values()].filter((name) => name === "v2").length;
      expect(taken).toBeGreaterThan(5);
      expect(taken).toBeLessThan(40);
      for (const [id, before] of where) {
        await w.client.workflows.executions.terminateWorkflowExecution({ executionId: id });
        const again = await w.ask("POST", "/v1/workflows/orders/execute", {
          body: { execution_id: id, id_reuse_policy: "allow" },
        });
        expect(again.body.deployment_name, id).toBe(before);
      }
      await post("v2", "rollback");
      expect(await deploymentOf()).toBe("v1");
    });

    test("gives nothing to a deployment without a live worker", async () => {
      const [, v2] = await twoVersions();
      await post("v1", "promote");
      await post("v2", "promote", { ramp_percent: 99 });
      await v2.stop();
      for (let n = 0; n < 10; n++) expect(await deploymentOf()).toBe("v1");
    });

    test("is decided by the id that an idempotency key has kept", async () => {
      await twoVersions();
      await post("v1", "promote");
      await post("v2", "promote", { ramp_percent: 50 });
      const keyed = (key: string) =>
        w.ask("POST", "/v1/workflows/orders/execute", { body: {}, headers: { "idempotency-key": key } });
      for (const key of ["a", "b", "c", "d", "e"]) {
        const all = await Promise.all(Array.from({ length: 4 }, () => keyed(key)));
        const [first] = all;
        for (const { body } of all) {
          expect(body.execution_id).toBe(first!.body.execution_id);
          expect(body.deployment_name).toBe(first!.body.deployment_name);
        }
        const wanted = isRamped("orders", first!.body.execution_id as string, 50) ? "v2" : "v1";
        expect(first!.body.deployment_name).toBe(wanted);
      }
    });
  });

  describe("running executions", () => {
    /** Claims the execution with the task that the worker finds, and continues it as new. */
    async function continueAsNew(worker: ScriptedWorker, execution: string) {
      const drive = await worker.claim(execution);
      await drive.close({ kind: "execution_continued", run: w.ports.uuid(), workflow: "orders", input: null });
    }
    const headOf = async (execution: string) => (await w.ports.executions.head({ workspace: w.workspace, execution }))!;

    test("stay, and their next runs go to the current deployment, whose workers alone may claim them", async () => {
      const v1 = await w.worker("v1", ORDERS);
      await start("loop");
      const v2 = await w.worker("v2", ORDERS);
      await post("v2", "promote");
      expect((await headOf("loop")).deployment).toBe("v1");
      await continueAsNew(v1, "loop");
      const moved = await headOf("loop");
      const [registration] = await w.ports.registry.registrations(w.workspace, {
        workflow: "orders",
        deployment: "v2",
      });
      expect(moved).toMatchObject({ deployment: "v2", registration: registration!.id, owner: null });
      expect((await v2.poll()).map(({ task }) => task.execution)).toEqual(["loop"]);
      // A task of the old run that comes late.
      const late = { execution: "loop", session: v1.session, deployment: "v1" };
      expect(await v1.call("claim", late)).toEqual({ kind: "closed" });
      expect(await headOf("loop")).toEqual(moved);
      const own = await v2.call("claim", { execution: "loop", session: v2.session, deployment: "v2" });
      expect(own).toMatchObject({ kind: "claimed", head: { deployment: "v2" } });
    });

    test("stay in the deployment that their start has named, and so do their children", async () => {
      const v1 = await w.worker("v1", ORDERS);
      await w.worker("v2", ORDERS);
      await post("v2", "promote");
      await start("mine", { deploymentName: "v1" });
      const drive = await v1.claim("mine");
      await drive.append([
        {
          kind: "child_scheduled",
          child: 1,
          workflow: "orders",
          execution: "mine-1",
          input: null,
          on_parent_close: "abandon",
        },
      ]);
      await continueAsNew(v1, "mine");
      await continueAsNew(v1, "mine-1");
      for (const id of ["mine", "mine-1"]) expect((await headOf(id)).deployment, id).toBe("v1");
    });

    test("stay where no worker of the current deployment is live", async () => {
      const [v1, v2] = await twoVersions();
      await post("v2", "promote");
      await post("v1", "promote");
      await start("loop");
      await post("v2", "promote");
      await v2.stop();
      await continueAsNew(v1, "loop");
      expect((await headOf("loop")).deployment).toBe("v1");
    });
  });

  describe("schedules", () => {
    const schedule = (schedule_id: string, more: object = {}) =>
      w.ask("POST", "/v1/workflows/schedules", {
        body: {
          workflow_identifier: "orders",
          schedule_id,
          schedule: { input: null, cron_expressions: ["0 3 1 1 *"], policy: { overlap: 6 } },
          ...more,
        },
      });
    const firedIn = async (id: string) => {
      await w.clock.advance(1_000);
      const fired = await w.ask("POST", `/v1/workflows/schedules/${id}/trigger`, { body: {} });
      expect(fired.status).toBe(204);
      const { runs } = await w.ports.executions.runs({
        workspace: w.workspace,
        search: id,
        sortBy: "start_time",
        order: "desc",
        limit: 1,
      });
      return runs[0]!.deployment;
    };

    test("that name no deployment follow the current one, the others stay", async () => {
      await w.worker("v1", ORDERS);
      expect(await schedule("free")).toMatchObject({ status: 201 });
      expect(await schedule("bound", { deployment_name: "v1" })).toMatchObject({ status: 201 });
      await w.worker("v2", ORDERS);
      expect(await firedIn("free")).toBe("v1");
      await post("v2", "promote");
      expect(await firedIn("free")).toBe("v2");
      expect(await firedIn("bound")).toBe("v1");
      const named = await w.ask("PATCH", "/v1/workflows/schedules/free", {
        body: { schedule: {}, deployment_name: "v1" },
      });
      expect(named.status).toBe(200);
      expect(await firedIn("free")).toBe("v1");
    });
  });

  describe("a deployment", () => {
    test("says which starts it gets, how old its oldest execution is, and when it is safe to stop", async () => {
      const [v1] = await twoVersions();
      const shown = async (name: string) => {
        const { body } = await w.ask("GET", "/v1/workflows/deployments?with_executions=true");
        const all = body.deployments as Record<string, unknown>[];
        const one = all.find((each) => each.name === name)!;
        const { body: alone } = await w.ask("GET", `/v1/workflows/deployments/${name}`);
        for (const field of ["current_for", "oldest_execution", "safe_to_stop"])
          expect(alone[field]).toEqual(one[field]);
        return one;
      };
      await post("v1", "promote");
      await start("first");
      await w.clock.advance(1_000);
      await start("second");
      await post("v2", "promote", { ramp_percent: 10 });
      expect(await shown("v1")).toMatchObject({
        current_for: [
          {
            workflow_name: "orders",
            current_deployment: "v1",
            previous_deployment: null,
            ramp: { deployment_name: "v2", percent: 10 },
            percent: 90,
          },
        ],
        oldest_execution: { execution_id: "first" },
        safe_to_stop: false,
      });
      expect(await shown("v2")).toMatchObject({
        current_for: [{ workflow_name: "orders", current_deployment: "v1", percent: 10 }],
        oldest_execution: null,
        safe_to_stop: false,
      });
      await post("v2", "promote");
      await v1.complete("first");
      expect(await shown("v1")).toMatchObject({ oldest_execution: { execution_id: "second" }, safe_to_stop: false });
      await v1.complete("second");
      expect(await shown("v1")).toMatchObject({ current_for: [], oldest_execution: null, safe_to_stop: true });
      const { body } = await w.ask("GET", "/v1/workflows/deployments");
      expect((body.deployments as object[])[0]).not.toHaveProperty("safe_to_stop");
    });
  });

  describe("the command", () => {
    const sirocco = (...argv: string[]) => cli(argv, { env: { SIROCCO_URL: w.server.url, SIROCCO_API_KEY: w.key } });

    test("promotes with and without a ramp, rolls back, and shows who gets new starts", async () => {
      const [v1] = await twoVersions();
      const promoted = await sirocco("deployments", "promote", "v1");
      expect(promoted).toMatchObject({ code: 0, out: expect.stringMatching(/orders +v1/) });
      const ramped = await sirocco("deployments", "promote", "v2", "--ramp", "2.5%", "--workflow", "orders");
      expect(ramped).toMatchObject({ code: 0, out: expect.stringMatching(/orders +v1 +2\.5% to v2/) });
      expect((await sirocco("deployments")).out).toMatch(/v1 +active +1 of 1 .* orders \(97\.5%\) +none/);
      expect((await sirocco("deployments", "rollback", "v2")).out).toMatch(/orders +v1/);
      await start("o-1");
      expect((await sirocco("deployments", "v1")).out).toMatch(/oldest execution: +o-1, started/);
      await sirocco("deployments", "promote", "v2");
      await v1.complete("o-1");
      expect((await sirocco("deployments")).out).toMatch(/v1 +active .* none: safe to stop/);
      const { out } = await sirocco("deployments", "promote", "v1", "--json");
      expect(JSON.parse(out)).toMatchObject({ deployment_name: "v1", workflows: [{ previous_deployment: "v2" }] });
    });

    test("refuses a ramp that is no percentage, and says what the server refuses", async () => {
      await twoVersions();
      for (const ramp of ["0", "101%", "ten", "-5"]) {
        const { code, err } = await sirocco("deployments", "promote", "v2", `--ramp=${ramp}`);
        expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining("such as 10%") });
      }
      const { code, err } = await sirocco("deployments", "rollback", "v2");
      expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining("there is nothing to roll back") });
    });
  });
});
