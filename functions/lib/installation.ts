/** The installation that a handler belongs to, as its environment describes it. Made once per process. */

import { EventBridgeTimer } from "../../shared/aws/event-bridge-timer.ts";
import { ENV, type EnvName } from "../../shared/aws/names.ts";
import { realClock } from "../../shared/lib/clock.ts";
import { uuid7 } from "../../shared/lib/uuid.ts";
import { type Aws, aws, awsClients } from "../../shared/server/aws.ts";
import { DEFAULTS } from "../../shared/server/settings.ts";
import { log } from "./log.ts";

const DAY_MS = 86_400_000;

/** Empty where this function has no right that would bring the variable; using it then fails at AWS, by name. */
const env = (name: EnvName): string => process.env[name] ?? "";

/** For what this function cannot do without. Throws by name, at its first start. */
export function requireEnv(name: EnvName): string {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`the environment variable ${name} is not set: see infra/access.ts for who gets it`);
}

function numberIn(name: EnvName, fallback: number): number {
  const text = process.env[name];
  if (text === undefined || text === "") return fallback;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`the environment variable ${name} is '${text}', not a positive number`);
}

let made: Aws | undefined;

export function installation(): Aws {
  made ??= make();
  return made;
}

function make(): Aws {
  const clients = awsClients();
  return aws({
    clients,
    clock: realClock,
    uuid: () => uuid7(Date.now()),
    log,
    settings: {
      ...DEFAULTS,
      livenessMs: numberIn(ENV.livenessWindowMs, DEFAULTS.livenessMs),
      retentionMs: numberIn(ENV.retentionDays, DEFAULTS.retentionMs / DAY_MS) * DAY_MS,
    },
    places: {
      executions: env(ENV.executionsTable),
      registry: env(ENV.registryTable),
      schedules: env(ENV.schedulesTable),
      feed: env(ENV.feedTable),
      payloads: env(ENV.payloadBucket),
      queues: {
        prefix: env(ENV.taskQueuePrefix),
        deadLettersArn: env(ENV.taskDeadLettersArn) || undefined,
        installation: env(ENV.installation),
      },
    },
    ...(env(ENV.scheduleGroup) && {
      timer: new EventBridgeTimer(clients, realClock, {
        group: env(ENV.scheduleGroup),
        roleArn: env(ENV.scheduleRoleArn),
        queueArn: env(ENV.scheduleQueueArn),
        queueUrl: env(ENV.scheduleQueueUrl),
        deadLettersArn: env(ENV.scheduleDeadLettersArn),
      }),
    }),
  });
}
