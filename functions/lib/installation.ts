/** The ports of the installation that the environment variables describe. Created once per process. */

import { EventBridgeTimer } from "../../shared/aws/event-bridge-timer.ts";
import { DUE_SHARDS } from "../../shared/aws/keys.ts";
import { ENV, type EnvName } from "../../shared/aws/names.ts";
import { askTime, type ServiceClock, serviceClock } from "../../shared/aws/service-clock.ts";
import { realClock } from "../../shared/lib/clock.ts";
import { readHeaders } from "../../shared/lib/otlp-headers.ts";
import { uuid7 } from "../../shared/lib/uuid.ts";
import { type Aws, aws, awsClients } from "../../shared/server/aws.ts";
import { DEFAULTS } from "../../shared/server/settings.ts";
import { log } from "./log.ts";

const DAY_MS = 86_400_000;

/** Empty where this function has no right on the resource. A call with the empty name fails at AWS. */
const env = (name: EnvName): string => process.env[name] ?? "";

/** @throws Error naming the variable if it is not set. */
export function requireEnv(name: EnvName): string {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`the environment variable ${name} is not set: infra/access.ts says which function gets it`);
}

export function numberIn(name: EnvName, fallback: number): number {
  const text = process.env[name];
  if (text === undefined || text === "") return fallback;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`the environment variable ${name} is '${text}', not a positive number`);
}

let instance: { readonly ports: Aws; readonly clock: ServiceClock } | undefined;

function made() {
  instance ??= create();
  return instance;
}

export const installation = (): Aws => made().ports;

/** Before an invocation (AWSCLOCK-2). */
export async function askTheTime(): Promise<void> {
  const { ports, clock } = made();
  await askTime(clock, ports.clients.dynamo, env(ENV.executionsTable));
}

function create() {
  const clients = awsClients();
  const clock = serviceClock(realClock, clients.dynamo);
  const ports = aws({
    clients,
    clock,
    uuid: () => uuid7(clock.now()),
    log,
    settings: {
      ...DEFAULTS,
      livenessMs: numberIn(ENV.livenessWindowMs, DEFAULTS.livenessMs),
      retentionMs: numberIn(ENV.retentionDays, DEFAULTS.retentionMs / DAY_MS) * DAY_MS,
    },
    resources: {
      executions: env(ENV.executionsTable),
      registry: env(ENV.registryTable),
      schedules: env(ENV.schedulesTable),
      feed: env(ENV.feedTable),
      payloads: env(ENV.payloadBucket),
      dueShards: numberIn(ENV.dueShards, DUE_SHARDS),
      queues: {
        prefix: env(ENV.taskQueuePrefix),
        deadLettersArn: env(ENV.taskDeadLettersArn) || undefined,
        keyArn: env(ENV.kmsKeyArn) || undefined,
        installation: env(ENV.installation),
      },
      feedDeadLetters: env(ENV.feedDeadLettersUrl) || undefined,
    },
    ...(env(ENV.otlpUrl) && {
      otlp: { url: env(ENV.otlpUrl), headers: readHeaders(env(ENV.otlpHeaders)) ?? {}, tries: 3, timeoutMs: 3_000 },
    }),
    ...(env(ENV.scheduleGroup) && {
      timer: new EventBridgeTimer(clients, clock, {
        group: env(ENV.scheduleGroup),
        roleArn: env(ENV.scheduleRoleArn),
        queueArn: env(ENV.scheduleQueueArn),
        queueUrl: env(ENV.scheduleQueueUrl),
        deadLettersArn: env(ENV.scheduleDeadLettersArn),
      }),
    }),
  });
  return { ports, clock };
}
