/** The AWS adapter over `memory-dynamo.ts`: several instances of it share one store, as processes share an account. */

import { randomUUID } from "node:crypto";
import { closingIn } from "../../shared/aws/closing-batch.ts";
import { uuid7 } from "../../shared/lib/uuid.ts";
import type { Clock, Log, Ref, Settings } from "../../shared/ports.ts";
import { type Aws, aws, type Change } from "../../shared/server/aws.ts";
import { DEFAULTS } from "../../shared/server/settings.ts";
import { type MemoryClients, memoryClients } from "./memory-dynamo.ts";

export const MEMORY_TABLES = { executions: "executions", registry: "registry", schedules: "schedules", feed: "feed" };
const SILENT: Log = { info: () => {}, warn: () => {}, error: () => {} };

export interface MemoryAws {
  readonly ports: Aws;
  readonly clients: MemoryClients;
  /** A further adapter over the same store, with caches and a meter of its own, as in another process. */
  another(): MemoryAws;
  /** The changes of an execution as the change stream delivers them: each item once, the head first, a closing batch in a head last. */
  changesOf(ref: Ref, at?: number): Change[];
}

export function memoryAws(
  o: {
    clock: Clock;
    settings?: Partial<Settings>;
    log?: Log;
    feedDeadLetters?: string;
    objects?: boolean;
    /** Messages that are sent with a delay come when the clock says so, instead of at once. */
    delays?: boolean;
    dueShards?: number;
  },
  sharing?: MemoryClients,
): MemoryAws {
  const clients = memoryClients({
    ...(sharing ? { sharing } : { objects: o.objects === true }),
    ...(o.delays && { clock: o.clock }),
  });
  const { clock, settings, log = SILENT } = o;
  const ports = aws({
    clients,
    clock,
    uuid: () => uuid7(clock.now()),
    log,
    settings: { ...DEFAULTS, ...settings },
    resources: {
      ...MEMORY_TABLES,
      payloads: "payloads",
      ...(o.dueShards && { dueShards: o.dueShards }),
      queues: { prefix: "memory-tasks-", deadLettersArn: undefined },
      feedDeadLetters: o.feedDeadLetters,
    },
  });
  return {
    ports,
    clients,
    another: () => memoryAws(o, clients),
    changesOf: (ref, at = clock.now()) => {
      const items = clients
        .items(MEMORY_TABLES.executions)
        .filter((item) => item.pk!.S === `${ref.workspace}#${ref.execution}` && item.sk!.S !== "POINTER")
        .sort((a, b) => (a.sk!.S! < b.sk!.S! ? -1 : 1));
      const inHeads = items.map(closingIn).filter((item) => item != null);
      return [...items, ...inHeads].map((image) => ({ id: randomUUID(), at, image }));
    },
  };
}
