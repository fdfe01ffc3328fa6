/** The worker core as a process of its own, with this test as its host. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startServer } from "../../cli/server/index.ts";
import { encodeFrame, FrameReader } from "../../sdk/host/frames.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { embedded } from "../../shared/server/embedded.ts";

const main = join(import.meta.dirname, "../../sdk/host/main.ts");

test("a core whose host died leaves in order, although its pipes and its log are broken", async () => {
  const engine = embedded({});
  const server = await startServer({ ports: engine, version: "0.0.0", port: 0 });
  const { key } = await createKey(engine, { workspace: DEFAULT_WORKSPACE, name: "test" });
  const call = async (method: string, path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const answer = await fetch(`${server.url}/v1/workflows${path}`, { method, headers, body: JSON.stringify(body) });
    return (await answer.json()) as Record<string, unknown>;
  };
  const core = spawn(process.execPath, [main], { stdio: "pipe" });
  try {
    const reader = new FrameReader();
    const running = new Promise<void>((resolve, reject) => {
      core.stdout.on("data", (part: Buffer) => {
        for (const message of reader.push(part) as { type: string }[]) {
          if (message.type === "running") resolve();
          else if (message.type === "refused") reject(new Error(JSON.stringify(message)));
        }
      });
    });
    core.stdin.write(
      encodeFrame({
        ...{ type: "hello", v: 1, call: 1, host: "test", deployment: "core", worker: "victim", url: server.url, key },
        definitions: [{ name: "waits", input_schema: { type: "object" } }],
        ...{ hashes: {}, activities: [], limits: { activities: 1, workflows: 1, cached: 1 } },
      }),
    );
    await running;
    const ended = once(core, "exit");
    core.stdout.destroy();
    core.stderr.destroy();
    await call("POST", "/waits/execute", { input: {} }); // its task is the next thing that the core tells its host
    expect(await ended).toEqual([1, null]);
    expect(JSON.stringify(await call("GET", "/workers"))).not.toContain("victim");
  } finally {
    core.kill("SIGKILL");
    await server.close(500);
    engine.close();
  }
}, 30_000);
