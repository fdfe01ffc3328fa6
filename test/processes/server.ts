/**
 * A server process that can die at a named point: `--die append --after n` kills it with SIGKILL after the commit of the
 * n-th append and before its answer is sent. `--die early`: once a worker has its first task.
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
  start: ["create", "createNew"],
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
/** CLAIM-2: the worker has the first task by then, and the iteration of the event loop that commits the start never ends. */
function dieEarly(): void {
  const store = ports.executions;
  const claimFirst = store.claimFirst!.bind(store);
  store.claimFirst = async (...args) => {
    const head = await claimFirst(...args);
    let ticks = 50;
    const tick = () => {
      ticks -= 1;
      if (ticks > 0) process.nextTick(tick);
      else process.kill(process.pid, "SIGKILL");
    };
    process.nextTick(tick);
    return head;
  };
}
const server = await startServer({ ports, version: "test", port: Number(values.port) });
ports.maintain(500);
process.send!({ url: server.url, port: server.port });
