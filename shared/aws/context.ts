/** The clients, tables and settings that all parts of the adapter share. */
import type { Readable } from "../lib/readable.ts";
import type { Clock, Log, Settings } from "../ports.ts";
import type { Blobs } from "./blobs.ts";
import type { Clients } from "./clients.ts";
import type { Table } from "./table.ts";

export interface Tables {
  readonly executions: Table;
  readonly registry: Table;
  readonly schedules: Table;
  readonly feed: Table;
}

export interface Context {
  readonly clients: Clients;
  readonly tables: Tables;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly settings: Settings;
  /** Shards of the index `due` for executions (DUESHARDS-1). */
  readonly dueShards: number;
  readonly log: Log;
  readonly readable: Readable;
}
