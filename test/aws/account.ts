/** The AWS adapter over an emulator that belongs to the test file alone. */
import { randomUUID } from "node:crypto";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { serviceClock } from "../../shared/aws/service-clock.ts";
import { realClock } from "../../shared/lib/clock.ts";
import { uuid7 } from "../../shared/lib/uuid.ts";
import type { Clock, Settings } from "../../shared/ports.ts";
import {
  type Aws,
  type AwsOptions,
  aws,
  awsClients,
  type Clients,
  type QueueOptions,
} from "../../shared/server/aws.ts";
import { DEFAULTS } from "../../shared/server/settings.ts";
import { blankAccount, type TestAccount } from "../emulator/support.ts";
import { pumpChanges } from "./change-stream.ts";
import { createTables, type TableNames } from "./tables.ts";

export { cannotRun } from "../emulator/support.ts";

export interface Over extends Partial<Omit<AwsOptions, "settings" | "resources">> {
  readonly settings?: Partial<Settings>;
  readonly queues?: Partial<QueueOptions>;
  /** The clock of the machine on which the adapter runs. `clock`, where it is given, stands for the service's time instead. */
  readonly machineClock?: Clock;
}

export interface Installation {
  readonly account: TestAccount;
  readonly tables: TableNames;
  readonly bucket: string;
  readonly prefix: string;
  /** Fresh clients of the account's root. */
  clients(): Clients;
  /** A further adapter, with clients and caches of its own, as in another process. */
  adapter(over?: Over): Aws;
  /** The adapter of the feed's consumer. */
  feeder(): Aws;
  end(): Promise<void>;
}

/** Creates tables and a bucket, and runs a consumer of the change stream. */
export async function install(o: { feed?: boolean; feedPollMs?: number } = {}): Promise<Installation> {
  const account = await blankAccount();
  const prefix = `t${randomUUID().slice(0, 8)}`;
  const created: Clients[] = [];
  const { endpoint, region, credentials } = account;
  const clients = () => {
    const fresh = awsClients({ endpoint, region, credentials });
    created.push(fresh);
    return fresh;
  };
  const own = clients();
  const { stream, ...tables } = await createTables(own.dynamo, prefix);
  const bucket = `${prefix}-payloads`;
  await (await own.s3()).client.send(new CreateBucketCommand({ Bucket: bucket }));
  const adapter: Installation["adapter"] = (over = {}) => {
    const used = over.clients ?? clients();
    return aws({
      clients: used,
      resources: {
        executions: tables.executions,
        registry: tables.registry,
        schedules: tables.schedules,
        feed: tables.feed,
        payloads: bucket,
        queues: { prefix: `${prefix}-tasks-`, onDemand: true, ...over.queues },
      },
      clock: over.clock ?? serviceClock(over.machineClock ?? realClock, used.dynamo),
      uuid: over.uuid ?? (() => uuid7(Date.now())),
      log: over.log ?? { info: () => {}, warn: console.warn, error: console.error },
      settings: { ...DEFAULTS, ...over.settings },
      ...(over.timer && { timer: over.timer }),
      ...(over.otlp && { otlp: over.otlp }),
    });
  };
  const pump =
    o.feed === false
      ? null
      : pumpChanges(own.dynamo, stream, (changes) => feederOf().feedChanges(changes), o.feedPollMs);
  let feeder: Aws | undefined;
  const feederOf = () => {
    feeder ??= adapter();
    return feeder;
  };
  return {
    account,
    tables,
    bucket,
    prefix,
    clients,
    adapter,
    feeder: feederOf,
    async end() {
      await pump?.stop();
      for (const clients of created) await clients.destroy();
      await account.stop();
    },
  };
}
