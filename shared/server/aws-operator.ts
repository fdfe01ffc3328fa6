/** The ports of an installation as far as its keys are concerned, for an operator who has rights on the registry table. */

import { awsClients } from "../aws/clients.ts";
import { realClock } from "../lib/clock.ts";
import { uuid7 } from "../lib/uuid.ts";
import type { Ports } from "../ports.ts";
import { aws } from "./aws.ts";
import { DEFAULTS } from "./settings.ts";

/** `region`: default `AWS_REGION`. Everything but `registry` has no table behind it. */
export function registryKeys(o: { table: string; region?: string }): Pick<Ports, "clock" | "registry" | "durable"> {
  return aws({
    clients: awsClients(o.region ? { region: o.region } : {}),
    clock: realClock,
    uuid: () => uuid7(Date.now()),
    settings: DEFAULTS,
    places: {
      executions: "",
      registry: o.table,
      schedules: "",
      feed: "",
      payloads: "",
      queues: { prefix: "", deadLettersArn: undefined },
    },
  });
}
