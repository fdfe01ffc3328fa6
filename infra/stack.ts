import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { ComparisonOperator, Metric, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { Key } from "aws-cdk-lib/aws-kms";
import type { CfnEventSourceMapping, CfnFunction } from "aws-cdk-lib/aws-lambda";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { ENV, FUNCTION_NAMES, FUNCTIONS, type FunctionName, SWEEP_SPARE_SECONDS } from "../shared/aws/names.ts";
import { ACCESS } from "./access.ts";
import { Alarms } from "./constructs/alarms.ts";
import { Api, type ApiRoute } from "./constructs/api.ts";
import { Console, type ConsoleProps } from "./constructs/console.ts";
import { CustomDomain, type CustomDomainProps } from "./constructs/custom-domain.ts";
import { Feed } from "./constructs/feed.ts";
import { Handler } from "./constructs/handler.ts";
import { Overview } from "./constructs/overview.ts";
import { Payloads } from "./constructs/payloads.ts";
import { Scheduling } from "./constructs/scheduling.ts";
import { Sweeper } from "./constructs/sweeper.ts";
import { type ExistingTables, Tables } from "./constructs/tables.ts";
import { TaskQueues } from "./constructs/task-queues.ts";
import { WorkerEndpoint } from "./constructs/worker-endpoint.ts";
import { grant } from "./grants.ts";

export interface SiroccoStackProps extends StackProps {
  /** The routes table: each row becomes a method of the REST API. */
  readonly routes: readonly ApiRoute[];
  /** Folder of the bundled handlers, `<folder>/<function>/index.mjs`: what `functions/build/bundle.ts` answers. */
  readonly bundles: string;
  /** How long a closed execution, its payloads and its events are kept. Running ones are kept for ever. @default 30 days */
  readonly retention?: Duration;
  /** A worker without a heartbeat for longer is not alive, and its deployment gets no starts. @default 50 seconds, five heartbeats */
  readonly livenessWindow?: Duration;
  /** What handlers log: `info`, `warn` or `error` and above. @default info */
  readonly logLevel?: "info" | "warn" | "error";
  /** How long logs are kept. @default one month */
  readonly logRetention?: RetentionDays;
  /** A custom domain for the REST API. @default none: API Gateway's host name */
  readonly customDomain?: Omit<CustomDomainProps, "api">;
  /** The console, at a host name that it shares with the API. @default none */
  readonly console?: Pick<ConsoleProps, "files" | "domain"> | undefined;
  /** An OpenTelemetry collector for the traces of closed executions. Its headers are visible to who may read the function. @default none */
  readonly otlp?: { readonly url: string; readonly headers?: string | undefined } | undefined;
  /** SNS topic notified of each alarm and of its end. @default none: alarms show in the console only */
  readonly alarmTopicArn?: string | undefined;
  /** Address that gets a mail for each alarm, by a topic of the stack's own. @default none */
  readonly alarmEmail?: string | undefined;
  /** A dashboard. @default false */
  readonly dashboard?: boolean;
  /** Metrics of each method of the REST API. @default false */
  readonly methodMetrics?: boolean;
  /** A stream of events ends after this long, and the client goes on from its last event. @default 90 */
  readonly streamSeconds?: number;
  /** The most requests a second that the REST API takes. @default 2,000 */
  readonly apiRequestsPerSecond?: number;
  /** Records of the change stream in one batch of the feed's consumer. @default 100 */
  readonly feedBatchSize?: number;
  /** Shards of the index of due times. @default 16 */
  readonly dueShards?: number;
  /** Reserved concurrency of functions: each has that much for itself and never more. @default none */
  readonly concurrency?: Partial<Record<FunctionName, number>> | undefined;
  /** Address of the runbook that alarms link to. @default docs/runbook.md, its path in the repository */
  readonly runbook?: string;
  /**
   * Whether tables, payloads and logs are kept or deleted with the stack. Kept or not, a first deployment that fails leaves
   * nothing behind, because what it created is empty.
   * @default RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
   */
  readonly removalPolicy?: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE | RemovalPolicy.DESTROY;
  /**
   * Whether AWS refuses to delete the stack and each table. Not for the first deployment: where that fails, CloudFormation
   * could not roll it back, and could not repeat it.
   * @default false
   */
  readonly deletionProtection?: boolean;
  /**
   * ARN of a KMS key that encrypts tables, queues, payloads and logs; infra/README.md has the policy that it needs. Not to be
   * changed or removed later: functions and workers would have no rights on the key of the payloads and messages that are there.
   * @default none: AWS's own keys
   */
  readonly kmsKeyArn?: string | undefined;
  /** Tables and a bucket that exist, such as restored ones: the stack uses them, and neither changes nor deletes them. @default none */
  readonly existing?: (ExistingTables & { readonly payloads: string }) | undefined;
}

/** One installation of Sirocco. Several may share an account under different stack names. */
export class SiroccoStack extends Stack {
  readonly tables: Tables;
  readonly tasks: TaskQueues;
  readonly api: Api;
  readonly workers: WorkerEndpoint;
  private readonly handlers: ReadonlyMap<FunctionName, Handler>;

  constructor(scope: Construct, id: string, props: SiroccoStackProps) {
    const { removalPolicy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE, deletionProtection = false } = props;
    super(scope, id, { terminationProtection: deletionProtection, ...props });
    const retention = props.retention ?? Duration.days(30);
    const logRetention = props.logRetention ?? RetentionDays.ONE_MONTH;

    const key = props.kmsKeyArn === undefined ? undefined : Key.fromKeyArn(this, "Key", props.kmsKeyArn);
    this.tables = new Tables(this, "Tables", { removalPolicy, deletionProtection, key, existing: props.existing });
    const payloads = new Payloads(this, "Payloads", {
      retentionDays: retention.toDays(),
      removalPolicy,
      key,
      existing: props.existing?.payloads,
    });
    this.handlers = new Map(
      FUNCTION_NAMES.map((name) => [
        name,
        new Handler(this, pascal(name), {
          name,
          bundles: props.bundles,
          logRetention,
          removalPolicy,
          concurrency: props.concurrency?.[name],
          key,
        }),
      ]),
    );
    const scheduling = new Scheduling(this, "Scheduling", { consumer: this.handler("scheduler"), key });
    this.tasks = new TaskQueues(this, "Tasks", {
      deadLetterConsumer: this.handler("deadletters"),
      credentialIssuer: this.handler("worker"),
      key,
    });
    const feed = new Feed(this, "FeedConsumer", {
      executions: this.tables.executions,
      consumer: this.handler("feed"),
      batchSize: props.feedBatchSize ?? 100,
      key,
    });
    this.readersFirst(feed.mapping);
    const sweeper = new Sweeper(this, "Sweep", { handler: this.handler("sweeper"), key });

    const resources = { tables: this.tables, payloads: payloads.bucket, tasks: this.tasks, scheduling };
    for (const [name, handler] of this.handlers) {
      grant(handler, ACCESS[name], resources);
      handler.setEnv(ENV.retentionDays, String(retention.toDays()));
      handler.setEnv(ENV.livenessWindowMs, String((props.livenessWindow ?? Duration.seconds(50)).toMilliseconds()));
      handler.setEnv(ENV.dueShards, String(props.dueShards ?? 16));
      handler.setEnv(ENV.logLevel, props.logLevel ?? "info");
      handler.setEnv(ENV.installation, this.stackName);
    }

    this.handler("streams").setEnv(ENV.streamSeconds, String(props.streamSeconds ?? 90));

    if (props.otlp) {
      this.handler("feed").setEnv(ENV.otlpUrl, props.otlp.url);
      if (props.otlp.headers) this.handler("feed").setEnv(ENV.otlpHeaders, props.otlp.headers);
    }

    const rest = new Map([...this.handlers].filter(([name]) => FUNCTIONS[name].front === "rest"));
    this.api = new Api(this, "Api", {
      routes: props.routes,
      handlers: rest,
      requestsPerSecond: props.apiRequestsPerSecond ?? 2_000,
      methodMetrics: props.methodMetrics ?? false,
    });
    this.workers = new WorkerEndpoint(this, "WorkerEndpoint", { handler: this.handler("worker") });
    this.handler("registration").setEnv(ENV.workerUrl, this.workers.url.url);

    if (props.console) this.addConsole({ ...props.console, logRetention, removalPolicy, key });

    const alarms = new Alarms(this, "Alarms", {
      runbook: props.runbook ?? "docs/runbook.md",
      topicArn: props.alarmTopicArn,
      email: props.alarmEmail,
    });
    this.addQueueAlarms(alarms, feed, sweeper, scheduling);
    this.addEndpointAlarms(alarms);
    this.addThrottlingAlarms(alarms);
    if (props.dashboard) {
      const { handlers, tables, api } = this;
      new Overview(this, "Overview", { handlers: [...handlers.values()], tables, api: api.api });
    }
    this.addOutputs(props, payloads, scheduling, feed);
  }

  /**
   * A worker's close writes what older code of its readers does not know (LOG-6, LOG-3), so a deployment brings the readers of
   * histories up to date before the function that writes them.
   */
  private readersFirst(mapping: CfnEventSourceMapping): void {
    const resourceOf = (name: FunctionName) => this.handler(name).function.node.defaultChild as CfnFunction;
    const readers = (["executions", "commands", "streams", "sweeper", "feed"] as const).map(resourceOf);
    for (const reader of [...readers, mapping]) resourceOf("worker").addResourceDependency(reader);
  }

  private handler(name: FunctionName): Handler {
    return this.handlers.get(name)!;
  }

  /** Alarms for each queue, stream and rule: work that failed for good, and a consumer that has stopped. */
  private addQueueAlarms(alarms: Alarms, feed: Feed, sweeper: Sweeper, scheduling: Scheduling): void {
    alarms.whenNotEmpty(
      "feed-dead-letters",
      feed.deadLetters,
      "Changes of executions were not appended to the feed: streams and event lists miss events.",
    );
    alarms.raise({
      name: "feed-behind",
      meaning:
        "The feed is more than five minutes behind: streams deliver late. After 24 hours they would miss events.",
      metric: this.handler("feed").function.metric("IteratorAge", {
        statistic: "Maximum",
        period: Duration.minutes(1),
      }),
      threshold: Duration.minutes(5).toMilliseconds(),
      periods: 3,
    });
    alarms.whenNotEmpty(
      "sweeper-dead-letters",
      sweeper.deadLetters,
      "A sweep failed or was not delivered. The next sweep does its work; several failures in a row delay timers and recovery.",
    );
    alarms.raise({
      name: "sweeper-behind",
      meaning:
        "Five sweeps in a row ended at their time budget: more executions are overdue than they can go through in a minute.",
      metric: this.handler("sweeper").function.metricDuration({
        statistic: "Maximum",
        period: Duration.minutes(1),
      }),
      // A sweep that stops by itself is shorter.
      threshold: Duration.seconds(FUNCTIONS.sweeper.timeoutSeconds - SWEEP_SPARE_SECONDS - 1).toMilliseconds(),
      periods: 5,
    });
    alarms.raise({
      name: "sweeper-silent",
      meaning: "The sweeper has not run for five minutes: long timers do not fire and lost wake-ups are not repeated.",
      metric: this.handler("sweeper").function.metricInvocations({ period: Duration.minutes(5) }),
      threshold: 1,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      missing: TreatMissingData.BREACHING,
    });
    alarms.whenNotEmpty(
      "schedule-dead-letters",
      scheduling.queue.deadLetters,
      "A schedule's wake-up could not be delivered or handled; the sweeper arms the schedule again, so the start is late, not lost.",
    );
    alarms.whenOlderThan(
      "schedule-queue-stuck",
      scheduling.queue.queue,
      // A delayed message counts as old while it waits, for up to the 15 minutes that SQS allows.
      Duration.minutes(20),
      "Wake-ups of schedules wait for their consumer: scheduled workflows start late.",
    );
    alarms.whenOlderThan(
      "task-dead-letters-stuck",
      this.tasks.deadLetters.queue,
      Duration.minutes(15),
      "Tasks in the dead-letter queue wait for their consumer: their executions do not advance.",
    );
    alarms.whenNotEmpty(
      "task-failures-unrecorded",
      this.tasks.deadLetters.deadLetters,
      "The failure of a task in the dead-letter queue was not recorded: its execution waits for ever.",
    );
  }

  /** Alarms for the two endpoints. A caller sees its own errors, so these count the errors of all callers. */
  private addEndpointAlarms(alarms: Alarms): void {
    const period = Duration.minutes(5);
    const worker = this.handler("worker").function;
    alarms.raise({
      name: "api-errors",
      meaning: "The REST API answered ten requests or more with a server error in five minutes.",
      metric: this.api.api.metricServerError({ period, statistic: "Sum" }),
      threshold: 10,
    });
    alarms.raise({
      name: "worker-errors",
      meaning:
        "The workers' endpoint answered ten requests or more with a server error in five minutes: executions stall.",
      metric: new Metric({
        namespace: "AWS/Lambda",
        metricName: "Url5xxCount",
        dimensionsMap: { FunctionName: worker.functionName },
        period,
        statistic: "Sum",
      }),
      threshold: 10,
    });
    alarms.raise({
      name: "worker-throttled",
      meaning:
        "Lambda refused calls of workers for lack of concurrency: workers repeat their calls, and steps are slow.",
      metric: worker.metricThrottles({ period }),
      threshold: 10,
    });
  }

  /** Alarms for what AWS refuses or what fails before it is late: callers repeat it, so nobody else would see it. */
  private addThrottlingAlarms(alarms: Alarms): void {
    const period = Duration.minutes(5);
    alarms.raise({
      name: "functions-throttled",
      meaning:
        "Lambda refused invocations in this account and region for lack of concurrency: clients and workers wait.",
      metric: new Metric({ namespace: "AWS/Lambda", metricName: "Throttles", period, statistic: "Sum" }),
      threshold: 10,
    });
    const { executions, registry, feed } = this.tables;
    const consequences = {
      executions: "starts and steps are slow, and some fail",
      registry: "registrations and heartbeats of workers are slow, and some fail",
      feed: "streams and lists of events are late",
    };
    for (const [name, { tableName }] of Object.entries({ executions, registry, feed })) {
      alarms.raise({
        name: `${name}-throttled`,
        meaning: `DynamoDB refused a hundred writes or more in five minutes: ${consequences[name as keyof typeof consequences]}.`,
        metric: new Metric({
          namespace: "AWS/DynamoDB",
          metricName: "WriteThrottleEvents",
          dimensionsMap: { TableName: tableName },
          period,
          statistic: "Sum",
        }),
        threshold: 100,
      });
    }
    alarms.raise({
      name: "feed-errors",
      meaning:
        "The feed's consumer failed five times or more in five minutes: a shard of the change stream stands still.",
      metric: this.handler("feed").function.metricErrors({ period }),
      threshold: 5,
    });
  }

  private addConsole(props: Omit<ConsoleProps, "api">): void {
    const { url, distribution } = new Console(this, "Console", { api: this.api.api, ...props });
    new CfnOutput(this, "ConsoleUrl", { value: url, description: "The console, and the API at the same host name" });
    if (props.domain) {
      const value = distribution.distributionDomainName;
      new CfnOutput(this, "ConsoleDomainTarget", { value, description: `Alias target for ${props.domain.name}` });
    }
  }

  private addOutputs(
    { customDomain }: SiroccoStackProps,
    payloads: Payloads,
    scheduling: Scheduling,
    consumer: Feed,
  ): void {
    const { executions, registry, schedules, feed } = this.tables;
    const output = (name: string, value: string, description: string) =>
      new CfnOutput(this, name, { value, description });
    output("ApiUrl", this.api.api.url, "Base URL for clients (the official client's serverURL)");
    output("WorkerUrl", this.workers.url.url, "Base URL of the workers' endpoint");
    output("ExecutionsTable", executions.tableName, "Table of executions");
    output("RegistryTable", registry.tableName, "Table of workspaces, keys, deployments and workers");
    output("SchedulesTable", schedules.tableName, "Table of schedules");
    output("FeedTable", feed.tableName, "Table of the feed: events in their order");
    output("PayloadBucket", payloads.bucket.bucketName, "Bucket of large payloads");
    output("TaskQueuePrefix", this.tasks.prefix, "Prefix of the names of deployments' queues");
    output("TaskDeadLettersArn", this.tasks.deadLetters.queue.queueArn, "Dead-letter queue of tasks");
    output("WorkerRoleArn", this.tasks.workerRole.roleArn, "Role of workers' temporary credentials");
    output("ScheduleGroup", scheduling.group.scheduleGroupName, "EventBridge Scheduler group of wake-ups");
    output("ScheduleRoleArn", scheduling.role.roleArn, "Role with which EventBridge Scheduler sends wake-ups");
    output("ScheduleQueueArn", scheduling.queue.queue.queueArn, "Queue of wake-ups");
    output("ScheduleQueueUrl", scheduling.queue.queue.queueUrl, "URL of the queue of wake-ups");
    output("FeedDeadLettersUrl", consumer.deadLetters.queueUrl, "Queue of records that are missing in the feed");
    output("ScheduleDeadLettersArn", scheduling.queue.deadLetters.queueArn, "Dead-letter queue of wake-ups");
    output(
      "FirstKeyCommand",
      `npx sirocco bootstrap --table ${registry.tableName} --region ${this.region} --workspace default`,
      "Creates a workspace and its first API key, and prints the key once",
    );
    if (customDomain) {
      const { domain } = new CustomDomain(this, "CustomDomain", { api: this.api.api, ...customDomain });
      output("CustomDomainTarget", domain.domainNameAliasDomainName, `Alias target for ${customDomain.name}`);
    }
  }
}

/** Construct ids are Pascal case. */
const pascal = (name: string): string => name[0]!.toUpperCase() + name.slice(1);
