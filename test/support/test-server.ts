/** A server of the embedded engine for one test file: a store in memory, the machine's clock, real HTTP. */
import type { MessagePort } from "node:worker_threads";
import { startServer } from "../../cli/server/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { type Embedded, embedded } from "../../shared/server/embedded.ts";

export interface TestServer {
  readonly ports: Embedded;
  readonly url: string;
  /** A key of the default workspace with all rights, named `tester`. */
  readonly key: string;
  /** For workers that call it from the same process (INPROCESS-2). */
  serve(port: MessagePort): void;
  /** Once, however often it is called. */
  close(): Promise<void>;
}

export async function testServer(): Promise<TestServer> {
  const ports = embedded();
  const server = await startServer({ ports, version: "0.0.0", port: 0 });
  const { key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "tester" });
  let closed: Promise<void> | undefined;
  return {
    ports,
    url: server.url,
    key,
    serve: (port) => server.serve(port),
    close() {
      closed ??= server.close(500).then(() => ports.close());
      return closed;
    },
  };
}

/** The log of a worker whose lines no test reads. */
export const QUIET = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
