/** The ports that making an API key needs, for an operator with rights on the registry table. */

import { awsClients } from "../aws/clients.ts";
import { realClock } from "../lib/clock.ts";
import { uuid7 } from "../lib/uuid.ts";
import type { Ports } from "../ports.ts";
import { aws } from "./aws.ts";
import { DEFAULTS } from "./settings.ts";

/** `region`: default `AWS_REGION`. No port but `registry` has a table. */
export function registryKeys(o: { table: string; region?: string }): Pick<Ports, "clock" | "registry" | "durable"> {
  return aws({
    clients: awsClients(o.region ? { region: o.region } : {}),
    clock: realClock,
    uuid: () => uuid7(Date.now()),
    settings: DEFAULTS,
    resources: {
      executions: "",
      registry: o.table,
      schedules: "",
      feed: "",
      payloads: "",
      queues: { prefix: "", deadLettersArn: undefined },
    },
  });
}
