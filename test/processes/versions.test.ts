/** Versions of a worker's code as real processes. */
import { expect, test } from "vitest";
import { Installation, KEY, until } from "./installation.ts";

test("an execution whose version was killed waits and says so while another version runs, and goes on when its own is back", async () => {
  using on = new Installation();
  await on.server();
  const call = async (path: string, body?: object) => {
    const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
    const answer = await fetch(`${on.url}/v1/workflows${path}`, {
      headers,
      ...(body && { method: "POST", body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
  };
  const begin = (execution_id: string) => call("/fixed/execute", { execution_id });

  const v1 = await on.userWorker({ BUILD_ID: "v1" });
  expect(await begin("old")).toMatchObject({ deployment_name: "crash-v1" });
  v1.child.kill("SIGKILL");
  const v2 = await on.userWorker({ BUILD_ID: "v2" });
  await v2.logged("version 'v2'");
  expect(await begin("new")).toMatchObject({ deployment_name: "crash-v2" });
  for (const id of ["old", "new"]) await call(`/executions/${id}/signals`, { name: "go" });
  const result = (id: string) =>
    until(`the result of ${id}`, async () => {
      const { status, result } = await call(`/executions/${id}`);
      return status === "COMPLETED" ? result : undefined;
    });
  expect(await result("new")).toEqual({ result: "v2" });
  const waits = await until("the reason", async () => {
    const { waits } = await call("/executions/old/explain");
    return (waits as { kind: string }[])[0]?.kind === "no_live_version" ? (waits as object[]) : undefined;
  });
  expect(waits[0]).toMatchObject({
    text: expect.stringMatching(/^The execution is pinned to version 'v1' .* Live of 'crash': 'v2'\.$/),
    what_to_do: expect.stringContaining("DEPLOYMENT_NAME=crash BUILD_ID=v1"),
  });

  await on.userWorker({ BUILD_ID: "v1" });
  expect(await result("old")).toEqual({ result: "v1" });
  expect(await begin("later")).toMatchObject({ deployment_name: "crash-v2" });
  v2.child.kill("SIGTERM");
  expect(await v2.ended).toBe(0);
  const { workers } = await call("/deployments/crash-v2");
  expect((workers as { is_active: boolean }[]).filter((each) => each.is_active)).toEqual([]);
}, 150_000);
