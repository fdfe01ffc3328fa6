/**
 * `npm run queues` lists the queues of deployments. `npm run queues -- delete <deployment>` deletes both queues of a
 * deployment that is no longer used. An empty queue costs nothing, so deleting is a matter of tidiness.
 *
 * Deleting loses the tasks in the queues, and nothing sends an activity task again. So the script refuses a deployment with
 * a live worker or a running execution. A worker that registers later creates the queues again.
 */
import { parseArgs } from "node:util";
import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { GetQueueAttributesCommand, ListQueueTagsCommand, paginateListQueues } from "@aws-sdk/client-sqs";
import { isMissing } from "../../shared/aws/missing-queue.ts";
import { taskQueuePrefix } from "../../shared/aws/names.ts";
import { askTime, serviceClock } from "../../shared/aws/service-clock.ts";
import { realClock } from "../../shared/lib/clock.ts";
import { uuid7 } from "../../shared/lib/uuid.ts";
import { type Aws, aws, awsClients } from "../../shared/server/aws.ts";
import { DEFAULTS } from "../../shared/server/settings.ts";
import { Refused, runScript } from "./script.ts";

/** A worker with a heartbeat within this time may be alive: longer than most liveness windows. */
const RECENT_MS = 300_000;
const CONCURRENCY = 10;

export interface QueueFacts {
  readonly name: string;
  readonly workspace: string;
  readonly deployment: string;
  readonly queue: string;
  readonly waiting: number;
  /** Tasks that a worker holds the lease of. */
  readonly inFlight: number;
}

/** An installation, with an operator's credentials. */
export interface Installation {
  readonly prefix: string;
  readonly ports: Aws;
  /** Of the stack, by name. */
  readonly outputs: ReadonlyMap<string, string>;
}

/** @throws {Refused} when there is no such stack. */
export async function installationOf(stackName: string): Promise<Installation> {
  const cloudFormation = new CloudFormationClient();
  const described = await cloudFormation.send(new DescribeStacksCommand({ StackName: stackName })).catch((error) => {
    if (!/does not exist/.test((error as Error).message)) throw error;
  });
  const found = described?.Stacks?.[0]?.Outputs;
  if (!found) throw new Refused(`There is no stack "${stackName}" in this account and region: name it with --stack`);
  const outputs = new Map(found.map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue]));
  const output = (name: string): string => outputs.get(name) ?? "";
  const prefix = taskQueuePrefix(stackName);
  const clients = awsClients();
  const clock = serviceClock(realClock, clients.dynamo);
  await askTime(clock, clients.dynamo, output("RegistryTable"));
  const ports = aws({
    clients,
    clock,
    uuid: () => uuid7(clock.now()),
    settings: DEFAULTS,
    resources: {
      executions: output("ExecutionsTable"),
      registry: output("RegistryTable"),
      schedules: output("SchedulesTable"),
      feed: output("FeedTable"),
      payloads: output("PayloadBucket"),
      queues: { prefix },
    },
  });
  return { prefix, ports, outputs };
}

/** Ordered by name. */
export async function listQueues({ prefix, ports }: Pick<Installation, "prefix" | "ports">): Promise<QueueFacts[]> {
  const { sqs } = ports.clients;
  const urls: string[] = [];
  const pages = paginateListQueues({ client: sqs, pageSize: 1000 }, { QueueNamePrefix: prefix });
  for await (const { QueueUrls = [] } of pages) urls.push(...QueueUrls);
  const found: QueueFacts[] = [];
  const describe = async (QueueUrl: string): Promise<void> => {
    const AttributeNames = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
    try {
      const [{ Tags = {} }, { Attributes = {} }] = await Promise.all([
        sqs.send(new ListQueueTagsCommand({ QueueUrl })),
        sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] })),
      ]);
      const { workspace = "?", deployment = "?", queue = "?" } = Tags;
      const [waiting, inFlight] = AttributeNames.map((name) => Number(Attributes[name] ?? 0));
      const name = QueueUrl.slice(QueueUrl.lastIndexOf("/") + 1);
      found.push({ name, workspace, deployment, queue, waiting: waiting!, inFlight: inFlight! });
    } catch (error) {
      if (!isMissing(error)) throw error; // SQS lists a deleted queue for another minute
    }
  };
  for (let i = 0; i < urls.length; i += CONCURRENCY) await Promise.all(urls.slice(i, i + CONCURRENCY).map(describe));
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Answers the names of the queues that were deleted.
 * @throws {Refused} if the deployment has no queues, exists in several workspaces and none is named, or is still in use.
 */
export async function deleteQueues(
  installation: Installation,
  deployment: string,
  workspace?: string,
): Promise<string[]> {
  const { ports } = installation;
  const all = await listQueues(installation);
  const of = all.filter((q) => q.deployment === deployment && (workspace === undefined || q.workspace === workspace));
  const [found, ...more] = new Set(of.map((q) => q.workspace));
  if (found === undefined) {
    const names = [...new Set(all.map((q) => q.deployment))].join(", ") || "none";
    throw new Refused(`Deployment "${deployment}" has no queues. Deployments that have: ${names}`);
  }
  if (more.length > 0)
    throw new Refused(
      `Workspaces ${[found, ...more].join(", ")} have a deployment "${deployment}": name one with --workspace`,
    );
  const now = ports.clock.now();
  const workers = (await ports.registry.workers(found, deployment)).filter((w) => now - w.heartbeatAt < RECENT_MS);
  if (workers.length > 0) {
    const who = workers.map((w) => w.name).join(", ");
    throw new Refused(
      `Workers of deployment "${deployment}" sent a heartbeat less than five minutes ago (${who}): stop them`,
    );
  }
  const { runs } = await ports.executions.runs({
    ...{ workspace: found, deployment, statuses: ["RUNNING"] },
    ...{ sortBy: "start_time", order: "desc", limit: 1 },
  });
  if (runs[0]) {
    const which = `"${runs[0].execution}" of deployment "${deployment}"`;
    throw new Refused(`Execution ${which} is running, and perhaps others: let them end, or terminate them`);
  }
  return ports.deleteDeploymentQueues(found, deployment);
}

const USAGE = "npm run queues -- [delete <deployment>] [--workspace <id>] [--stack <name>]";

if (import.meta.main)
  await runScript(async () => {
    const options = { stack: { type: "string", default: "Sirocco" }, workspace: { type: "string" } } as const;
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const [verb = "list", deployment, ...rest] = positionals;
    if (rest.length > 0 || (verb === "delete") !== (deployment !== undefined) || !["list", "delete"].includes(verb))
      throw new Refused(`Usage: ${USAGE}`);
    const installation = await installationOf(values.stack);
    if (deployment === undefined) console.table(await listQueues(installation));
    else
      for (const name of await deleteQueues(installation, deployment, values.workspace)) console.log(`deleted ${name}`);
  });
