/** An operator's changes to workflows and deployments, over HTTP with the official client. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failure, type World, world } from "./support/world.ts";

let w: World;
beforeAll(async () => {
  w = await world();
  await w.worker("shop", [
    { name: "orders", display_name: "Orders", description: "takes orders" },
    { name: "refunds" },
    { name: "old" },
  ]);
});
afterAll(() => w.close());

const update = (workflowIdentifier: string, workflowUpdateRequest: object) =>
  w.client.workflows.updateWorkflow({ workflowIdentifier, workflowUpdateRequest });
const get = async (workflowIdentifier: string) =>
  (await w.client.workflows.getWorkflow({ workflowIdentifier })).workflow;
const list = async (request: object) => {
  const names: string[] = [];
  for await (const page of await w.client.workflows.getWorkflows(request))
    names.push(...page.result.workflows.map((x) => x.name));
  return names;
};
const addTags = (name: string, tags: unknown) => w.ask("POST", `/v1/workflows/${name}/tags`, { body: { tags } });

describe("workflows", () => {
  test("a title, a description and the chat assistant's mark are changed, and null takes a change back", async () => {
    const { workflow } = await update("orders", { displayName: " Sales ", availableInChatAssistant: true });
    expect(workflow).toMatchObject({
      name: "orders",
      displayName: "Sales",
      description: "takes orders",
      availableInChatAssistant: true,
    });
    await w.worker("shop", [{ name: "orders", display_name: "Orders", description: "takes all orders" }]);
    expect(await get("orders")).toMatchObject({ displayName: "Sales", description: "takes all orders" });
    expect(await list({ availableInChatAssistant: true })).toEqual(["orders"]);
    expect(await list({ search: "sales" })).toEqual(["orders"]);
    expect((await update("orders", { displayName: null })).workflow).toMatchObject({ displayName: "Orders" });
  });

  test("tags are replaced, added to, and found by lists of workflows and of runs", async () => {
    expect((await update("orders", { tags: ["b ", "a", "a"] })).workflow.tags).toEqual(["a", "b"]);
    expect(await addTags("orders", ["c"])).toMatchObject({ status: 204 });
    await update("refunds", { tags: ["a"] });
    expect(await list({ tags: ["a"] })).toEqual(["orders", "refunds"]);
    expect(await list({ tags: ["a", "c"] })).toEqual(["orders"]);
    for (const workflowIdentifier of ["orders", "refunds"])
      await w.client.workflows.executeWorkflow({
        workflowIdentifier,
        workflowExecutionRequest: { executionId: `of-${workflowIdentifier}` },
      });
    const runs = async (workflowTags: string[]) => {
      const page = await w.client.workflows.runs.listRuns({ workflowTags });
      return page.result.executions.map((e) => e.executionId).sort();
    };
    expect(await runs(["a"])).toEqual(["of-orders", "of-refunds"]);
    expect(await runs(["a", "c"])).toEqual(["of-orders"]);
    expect(await runs(["nothing"])).toEqual([]);
  });

  test("tags that are blank, too long or too many are refused and change nothing", async () => {
    await update("refunds", { tags: ["kept"] });
    const many = Array.from({ length: 50 }, (_, i) => `t${i}`);
    for (const tags of [[" "], ["x".repeat(101)], [...many, "one more"], "text", many]) {
      expect(await addTags("refunds", tags)).toMatchObject({ status: 422, body: { code: "WF_1001" } });
    }
    expect((await get("refunds")).tags).toEqual(["kept"]);
    expect(await addTags("nothing", ["a"])).toMatchObject({ status: 404 });
    expect(await failure(update("refunds", { displayName: " " }))).toMatchObject({ status: 422 });
  });

  test("an archived workflow leaves the list of the others, and its starts go on", async () => {
    const archived = await w.client.workflows.archiveWorkflow({ workflowIdentifier: "old" });
    expect(archived.workflow).toMatchObject({ name: "old", archived: true });
    expect(await list({ archived: true })).toEqual(["old"]);
    expect(await list({ archived: false })).toEqual(["orders", "refunds"]);
    expect(await list({})).toEqual(["old", "orders", "refunds"]);
    const shown = await w.client.workflows.getWorkflowRegistrations({ archived: true });
    expect(shown.workflowRegistrations.map((r) => r.workflowId)).toEqual([archived.workflow.id]);
    await w.worker("shop", [{ name: "old" }]);
    expect(await get("old")).toMatchObject({ archived: true });
    await w.client.workflows.executeWorkflow({ workflowIdentifier: "old", workflowExecutionRequest: {} });
    expect((await w.client.workflows.unarchiveWorkflow({ workflowIdentifier: "old" })).workflow.archived).toBe(false);
    const unknown = w.client.workflows.archiveWorkflow({ workflowIdentifier: "nothing" });
    expect(await failure(unknown)).toMatchObject({ status: 404, body: { code: "WF_1100" } });
  });

  test("many are archived in one call, and an unknown id does not stop the rest", async () => {
    const ids = [(await get("orders")).id, "unknown", (await get("refunds")).id];
    const done = await w.client.workflows.bulkArchiveWorkflows({ workflowIds: ids });
    expect(done.archived.map(({ name, archived }) => [name, archived])).toEqual([
      ["orders", true],
      ["refunds", true],
    ]);
    expect(done.errored).toMatchObject([{ workflowId: "unknown", message: expect.stringContaining("no workflow") }]);
    const undone = await w.client.workflows.bulkUnarchiveWorkflows({ workflowIds: [ids[0]!, ids[2]!] });
    expect(undone.unarchived.map(({ archived }) => archived)).toEqual([false, false]);
    expect(await list({ archived: true })).toEqual([]);
  });

  test("a key that may only read changes nothing", async () => {
    const reader = await w.newKey({ workspace: w.workspace, rights: ["read"], name: "reader" });
    expect(await failure(reader.client.workflows.archiveWorkflow({ workflowIdentifier: "orders" }))).toMatchObject({
      status: 403,
    });
    const harden = { key: reader.key, body: { key_ids: ["x"] } };
    expect((await w.ask("POST", "/v1/workflows/deployments/shop/harden", harden)).status).toBe(403);
  });
});

describe("hardened deployments", () => {
  const keyId = async (name: string) => {
    const { body } = await w.ask("GET", "/v1/keys");
    return (body.keys as { key_id: string; name: string }[]).find((key) => key.name === name)!.key_id;
  };
  const harden = (name: string, key_ids: string[]) =>
    w.ask("POST", `/v1/workflows/deployments/${name}/harden`, { body: { key_ids } });

  test("only workers with the named keys register, poll and stay", async () => {
    const trusted = await w.newKey({ workspace: w.workspace, name: "trusted" });
    const stranger = await w.worker("vault", [{ name: "secrets" }], { name: "stranger" });
    expect(await stranger.poll()).toEqual([]);
    const id = await keyId("trusted");
    const hardened = await harden("vault", [id]);
    expect(hardened).toMatchObject({
      status: 200,
      body: { name: "vault", is_hardened: true, authorized_key_ids: [id] },
    });

    expect((await stranger.heartbeat()).all_active).toBe(false);
    const refused = { status: 403, body: { code: "WF_1104", detail: expect.stringContaining("'tester'") } };
    const definitions = [{ name: "secrets", input_schema: {} }] as never;
    const body = { ...stranger.who, definitions, activities: [], sdk: "scripted/1" };
    expect(await stranger.raw("register", body)).toMatchObject(refused);
    expect(await stranger.raw("poll", { ...stranger.who, queue: "workflow", max: 1, wait_ms: 0 })).toMatchObject(
      refused,
    );
    await w.worker("vault", [{ name: "secrets" }], { name: "guard", key: trusted.key });

    const detail = await w.client.workflows.deployments.getDeployment({ name: "vault" });
    expect(detail).toMatchObject({ isHardened: true, workers: [{ name: "guard" }] });
    const listed = async (isHardened: boolean) =>
      (await w.client.workflows.deployments.listDeployments({ isHardened })).deployments.map((d) => d.name);
    expect(await listed(true)).toEqual(["vault"]);
    expect(await listed(false)).toEqual(["shop"]);

    const path = `/v1/workflows/deployments/${detail.id}/unharden`;
    expect((await w.ask("POST", `${path}?workspace_id=elsewhere`)).status).toBe(403);
    expect((await w.ask("POST", path)).status).toBe(204);
    expect((await stranger.raw("register", body)).status).toBe(200);
    expect(await listed(true)).toEqual([]);
    expect((await w.ask("POST", "/v1/workflows/deployments/nothing/unharden")).status).toBe(404);
  });

  test("a deployment is hardened before its first worker, and refuses all but the named keys", async () => {
    await w.newKey({ workspace: w.workspace, name: "first" });
    expect((await harden("future", [await keyId("first")])).status).toBe(200);
    await expect(w.worker("future", [{ name: "early" }])).rejects.toThrow("WF_1104");
    expect(await failure(w.client.workflows.getWorkflow({ workflowIdentifier: "early" }))).toMatchObject({
      status: 404,
    });
  });

  test("unknown keys, keys that may only read, and bad names are refused before anything is written", async () => {
    await w.newKey({ workspace: w.workspace, rights: ["read"], name: "reads" });
    const other = await w.newKey({ name: "other's" });
    expect(other.workspace).not.toBe(w.workspace);
    const [tester, reads] = [await keyId("tester"), await keyId("reads")];
    const readOnly = await harden("shop", [tester, reads]);
    expect(readOnly).toMatchObject({ status: 422, body: { code: "WF_1001" } });
    expect(readOnly.body.detail).toMatchObject([{ loc: ["body", "key_ids", 1] }]);
    const unknown = { status: 404, body: { code: "WF_1100", detail: expect.stringContaining("no API key 'ffff'") } };
    expect(await harden("shop", [tester, "ffff"])).toMatchObject(unknown);
    expect(await harden("shop", [reads, "ffff"])).toMatchObject(unknown);
    const { body } = await w.ask("GET", "/v1/keys", { key: other.key });
    expect((await harden("shop", [(body.keys as { key_id: string }[])[0]!.key_id])).status).toBe(404);
    expect((await harden("shop", [])).status).toBe(422);
    expect((await harden("a b", [await keyId("tester")])).status).toBe(422);
    expect(await w.client.workflows.deployments.getDeployment({ name: "shop" })).toMatchObject({ isHardened: false });
  });

  test("the archive of a deployment belongs to hosting, which does not exist here", async () => {
    const answer = await w.ask("GET", "/v1/workflows/deployments/shop/archive");
    expect(answer).toMatchObject({ status: 501, body: { code: "NOT_IMPLEMENTED" } });
  });
});
