/**
 * A server process that can die at a named point: `--die append --after n` kills it with SIGKILL after the commit of the
 * n-th append and before its answer is sent. `--die early`: before the commit of the n-th claim
 * that left with a task, once the worker has it.
 */
import { parseArgs } from "node:util";
import { startServer } from "../../cli/server/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { embedded } from "../../shared/server/embedded.ts";

const { values } = parseArgs({
  options: {
    file: { type: "string" },
    port: { type: "string" },
    key: { type: "string" },
    die: { type: "string" },
    after: { type: "string" },
    settings: { type: "string" },
  },
});
const ports = embedded({ file: values.file!, settings: JSON.parse(values.settings!) });
await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "test", key: values.key! });
await ports.durable();

/** The port methods that perform the write of each protocol call. */
const writes = {
  append: ["putBatch"],
  claim: ["claim"],
  park: ["park"],
  close: ["close"],
  start: ["create", "createNew", "createScheduled"],
  send: ["requestWake"],
} as const;
if (values.die === "early") dieEarly();
else if (values.die) {
  let writesLeft = Number(values.after);
  const store = ports.executions as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of writes[values.die as keyof typeof writes]) {
    const real = store[name]!.bind(store);
    store[name] = (...args) => {
      writesLeft -= 1;
      const answer = real(...args); // has written by now: before, there would be no commit to wait for
      if (writesLeft === 0) void ports.durable().then(() => process.kill(process.pid, "SIGKILL"));
      return answer;
    };
  }
}
/** CLAIM-2, CLAIM-6: the worker has the task by then, and the iteration of the event loop that commits the claim never ends. */
function dieEarly(): void {
  let claimsLeft = Number(values.after);
  const store = ports.executions;
  const claimWoken = store.claimWoken!.bind(store);
  store.claimWoken = async (...args) => {
    const claimed = await claimWoken(...args);
    if (claimed) claimsLeft -= 1;
    if (!claimed || claimsLeft !== 0) return claimed;
    let ticks = 50;
    const tick = () => {
      ticks -= 1;
      if (ticks > 0) process.nextTick(tick);
      else process.kill(process.pid, "SIGKILL");
    };
    process.nextTick(tick);
    return claimed;
  };
}
const server = await startServer({ ports, version: "test", port: Number(values.port) });
ports.maintain(500);
process.send!({ url: server.url, port: server.port });
