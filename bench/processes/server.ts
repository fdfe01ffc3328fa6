/** A server process for benchmarks. Prints one line of JSON when it listens. */
import { parseArgs } from "node:util";
import { optimizeEarly } from "../../cli/dev/early-optimization.ts";
import { keepHeapSmall } from "../../cli/dev/small-heap.ts";
import { startServer } from "../../cli/server/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { embedded } from "../../shared/server/embedded.ts";

const { values } = parseArgs({
  options: {
    file: { type: "string" },
    port: { type: "string", default: "0" },
    key: { type: "string" },
    settings: { type: "string", default: "{}" },
  },
});
const ports = embedded({
  file: values.file ?? ":memory:",
  settings: JSON.parse(values.settings),
  onFailure: (why) => {
    console.error(why);
    process.exit(1);
  },
});
await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "bench", key: values.key });
await ports.durable();
const server = await startServer({ ports, version: "bench", port: Number(values.port) });
// As `sirocco dev` does.
optimizeEarly();
keepHeapSmall();
ports.maintain(2_000);
console.log(JSON.stringify({ url: server.url, port: server.port }));
process.on("message", (message) => {
  if (message === "parked") {
    process.send?.(ports.database.one("SELECT count(*) AS parked FROM heads WHERE parks > 0")?.parked);
  }
  if (message !== "usage") return;
  const { user, system } = process.cpuUsage();
  process.send?.({ rss: process.memoryUsage().rss, cpu: user + system, commits: ports.database.commits });
});
