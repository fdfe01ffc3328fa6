/** The ports that making an API key needs, for an operator with rights on the registry table. */

import { awsClients } from "../aws/clients.ts";
import { askTime, serviceClock } from "../aws/service-clock.ts";
import { realClock } from "../lib/clock.ts";
import { uuid7 } from "../lib/uuid.ts";
import type { Ports } from "../ports.ts";
import { aws } from "./aws.ts";
import { DEFAULTS } from "./settings.ts";

/**
 * `region`: default `AWS_REGION`. No port but `registry` has a table. The time is that of the functions, whatever the clock of the
 * operator's machine says (AWSCLOCK-1).
 */
export async function registryKeys(o: {
  table: string;
  region?: string;
}): Promise<Pick<Ports, "clock" | "registry" | "durable">> {
  const clients = awsClients(o.region ? { region: o.region } : {});
  const clock = serviceClock(realClock, clients.dynamo);
  await askTime(clock, clients.dynamo, o.table);
  return aws({
    clients,
    clock,
    uuid: () => uuid7(clock.now()),
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
