/**
 * The settings of a deployment, from CDK context: `cdk.json`, or `-c name=value` on the command line. A wrong name or value
 * fails `cdk synth` with the name of the setting.
 */
import { fileURLToPath } from "node:url";
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import * as z from "zod";
import { FUNCTION_NAMES, MOST_STREAM_SECONDS } from "../shared/aws/names.ts";
import type { SiroccoStackProps } from "./stack.ts";

const logDays = Object.values(RetentionDays).filter((value) => typeof value === "number") as RetentionDays[];
const wholeNumber = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

export const Settings = z.object({
  /** Name of the stack. Two installations in one account have two names. */
  stackName: z
    .string()
    .regex(
      /^[A-Za-z][A-Za-z0-9-]{0,24}$/,
      "1 to 25 letters, digits or -, because the names of task queues begin with it and have 80 characters at most",
    )
    .regex(
      /^(?!.*-tasks(-|$))/,
      "without -tasks, because the names of another installation's task queues could begin the same",
    )
    .default("Sirocco"),
  /** Retention of closed executions. */
  retentionDays: wholeNumber(1, 3650).default(30),
  /** A worker without a heartbeat for longer is not alive. Workers send one every 10 s. */
  livenessWindowSeconds: wholeNumber(15, 3600).default(50),
  /** A stream of events ends after this long, and the client goes on from its last event. */
  streamSeconds: wholeNumber(30, MOST_STREAM_SECONDS).default(90),
  /** The most requests a second that the REST API takes from all clients together. API Gateway refuses more with 429. */
  apiRequestsPerSecond: wholeNumber(1, 10_000).default(2_000),
  /** The most records of the change stream that the feed's consumer takes at a time: for a workspace with many steps a second. */
  feedBatchSize: wholeNumber(10, 1_000).default(100),
  /** Shards of the index of due times: for tens of thousands of steps a second. May be raised and lowered at any time. */
  dueShards: wholeNumber(16, 256).default(16),
  /**
   * Reserved concurrency of functions, `name=number,…`: the function has that much for itself, and never more. No default: AWS refuses a
   * reservation that leaves less than 100 of the account's concurrency, of which a new account has 10.
   */
  concurrency: z
    .string()
    .transform((text, context) => {
      const parts = text.split(",").map((part) => /^(\w+)=(\d{1,5})$/.exec(part.trim()));
      const known = parts.map((part) => FUNCTION_NAMES.find((name) => name === part?.[1]));
      if (known.every((name) => name !== undefined) && parts.every((part) => Number(part?.[2]) > 0))
        return Object.fromEntries(known.map((name, i) => [name, Number(parts[i]![2])]));
      context.addIssue({ code: "custom", message: `name=number,…, each name one of ${FUNCTION_NAMES.join(", ")}` });
      return z.NEVER;
    })
    .optional(),
  logLevel: z.enum(["info", "warn", "error"]).default("info"),
  logRetentionDays: wholeNumber(1, 3653)
    .refine((days) => logDays.includes(days), `one of ${logDays.join(", ")}`)
    .default(30),
  /** Whether the data is kept (`retain`) or deleted (`destroy`) with the stack. */
  removalPolicy: z.enum(["retain", "destroy"]).default("retain"),
  /** Whether AWS refuses to delete the stack and its tables (`on`): for a stack that has been deployed once. */
  deletionProtection: z.enum(["on", "off"]).default("off"),
  /** A KMS key of the account and region that encrypts tables, queues, payloads and logs, for good. Default: AWS's own keys, without charge. */
  kmsKeyArn: z
    .string()
    .regex(
      /^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/[\w-]+$/,
      "the ARN of a key (an alias will not do: policies name the key)",
    )
    .optional(),
  /** Tables and the bucket of a stack that was lost, or restored copies. All six, or none. */
  existingExecutions: z.string().optional(),
  existingRegistry: z.string().optional(),
  existingSchedules: z.string().optional(),
  existingFeed: z.string().optional(),
  existingPayloads: z.string().optional(),
  /** The change stream of `existingExecutions`. */
  existingExecutionsStreamArn: z
    .string()
    .regex(/^arn:[\w-]+:dynamodb:.*:table\/.*\/stream\//, "the ARN of a table's stream")
    .optional(),
  alarmTopicArn: z.string().startsWith("arn:").optional(),
  /** The address that gets a mail for each alarm. AWS first sends it a mail with a link that confirms it. */
  alarmEmail: z.email().optional(),
  /** Whether the stack has a dashboard ($3 a month after the first three of an account). */
  dashboard: z.enum(["on", "off"]).default("off"),
  /** Whether API Gateway keeps metrics for each method ($1.50 a month for each method that is used). */
  methodMetrics: z.enum(["on", "off"]).default("off"),
  runbook: z.string().optional(),
  /** An OpenTelemetry collector to which the traces of closed executions are sent, and its headers, `name=value,…`. */
  otlpUrl: z.url({ protocol: /^https?$/ }).optional(),
  otlpHeaders: z
    .string()
    .regex(
      /^[\w-]+=(?:[^,%]|%[0-9A-Fa-f]{2})*(?:,[\w-]+=(?:[^,%]|%[0-9A-Fa-f]{2})*)*$/,
      "name=value,other=value, percent-encoded",
    )
    .optional(),
  /** Whether the stack has the console: a bucket and a CloudFront distribution. */
  console: z.enum(["on", "off"]).default("on"),
  /** A host name for the console, and its certificate, in us-east-1. */
  consoleDomainName: z.string().optional(),
  consoleCertificateArn: z
    .string()
    .regex(/^arn:[\w-]+:acm:us-east-1:/, "the ARN of a certificate in us-east-1, where CloudFront reads it")
    .optional(),
  domainName: z.string().optional(),
  certificateArn: z.string().startsWith("arn:").optional(),
  hostedZoneId: z.string().optional(),
  hostedZoneName: z.string().optional(),
  /** Folder of the entry points, default `functions/`. Tests of the stack deploy small handlers instead. */
  handlers: z.string().optional(),
  /** Folder to bundle into. Default: `dist/functions`. */
  bundles: z.string().optional(),
});
const EXISTING = [
  "existingExecutions",
  "existingRegistry",
  "existingSchedules",
  "existingFeed",
  "existingPayloads",
  "existingExecutionsStreamArn",
] as const;

export type Settings = z.infer<typeof Settings>;
export const SETTING_NAMES = Object.keys(Settings.shape) as (keyof Settings)[];

/** The CDK's recommended feature flags for new projects that affect this stack. */
export const FEATURE_FLAGS = {
  "@aws-cdk/aws-iam:minimizePolicies": true,
  "@aws-cdk/core:checkSecretUsage": true,
  "@aws-cdk/core:enablePartitionLiterals": true,
  "@aws-cdk/core:target-partitions": ["aws", "aws-cn"],
  "@aws-cdk/aws-apigateway:disableCloudWatchRole": true,
  "@aws-cdk/aws-iam:standardizedServicePrincipals": true,
};

/**
 * Refuses unknown settings. The CDK's own context names all contain a colon or a slash.
 * @throws Error naming the unknown settings, and all known ones.
 */
export function refuseUnknown(context: Readonly<Record<string, unknown>>): void {
  const unknown = Object.keys(context).filter((name) => !/[:/]/.test(name) && !SETTING_NAMES.some((s) => s === name));
  if (unknown.length === 0) return;
  const known = SETTING_NAMES.join(", ");
  throw new Error(`Unknown settings (cdk.json or -c name=value): ${unknown.join(", ")}. The settings are: ${known}`);
}

/** @throws Error naming each wrong setting, its value, and the values it may have. */
export function readSettings(contextOf: (name: string) => unknown): Settings {
  const given = Object.fromEntries(SETTING_NAMES.map((name) => [name, contextOf(name)]));
  const parsed = Settings.safeParse(given);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(({ path: [name = ""], message }) => {
      return `  ${String(name)}=${JSON.stringify(given[String(name)])}: ${message}`;
    });
    throw new Error(`These settings (cdk.json or -c name=value) are wrong:\n${wrong.join("\n")}`);
  }
  if (parsed.data.removalPolicy === "destroy" && parsed.data.deletionProtection === "on") {
    throw new Error("A stack that is deleted with its data cannot be protected: set deletionProtection=off.");
  }
  const existing = EXISTING.filter((name) => parsed.data[name] !== undefined);
  if (existing.length > 0 && existing.length < EXISTING.length) {
    throw new Error(
      `Existing data needs all of these settings: ${EXISTING.join(", ")}. Only ${existing.join(", ")} is set.`,
    );
  }
  if (parsed.data.alarmEmail !== undefined && parsed.data.alarmTopicArn !== undefined) {
    throw new Error("Alarms go to one topic: set alarmTopicArn, or alarmEmail for a topic of the stack's own.");
  }
  if ((parsed.data.domainName === undefined) !== (parsed.data.certificateArn === undefined)) {
    throw new Error("A custom domain needs both settings: domainName and certificateArn.");
  }
  if ((parsed.data.consoleDomainName === undefined) !== (parsed.data.consoleCertificateArn === undefined)) {
    throw new Error("A custom domain of the console needs both settings: consoleDomainName and consoleCertificateArn.");
  }
  if (parsed.data.console === "off" && parsed.data.consoleDomainName !== undefined) {
    throw new Error("The console is off: leave out consoleDomainName and consoleCertificateArn, or set console=on.");
  }
  if ((parsed.data.hostedZoneId === undefined) !== (parsed.data.hostedZoneName === undefined)) {
    throw new Error("The alias record of a custom domain needs both settings: hostedZoneId and hostedZoneName.");
  }
  if (parsed.data.hostedZoneId !== undefined && parsed.data.domainName === undefined) {
    throw new Error("A hosted zone is for the alias record of a custom domain: set domainName and certificateArn too.");
  }
  return parsed.data;
}

/** The built console. */
const CONSOLE_FILES = fileURLToPath(new URL("../console/dist", import.meta.url));

function existingData(s: Settings): SiroccoStackProps["existing"] {
  const { existingExecutions: executions, existingRegistry: registry, existingSchedules: schedules } = s;
  const { existingFeed: feed, existingPayloads: payloads, existingExecutionsStreamArn: executionsStreamArn } = s;
  if (!executions || !registry || !schedules || !feed || !payloads || !executionsStreamArn) return undefined;
  return { executions, registry, schedules, feed, payloads, executionsStreamArn };
}

export function stackProps(settings: Settings): Omit<SiroccoStackProps, "routes" | "bundles"> {
  const { domainName, certificateArn, hostedZoneId, hostedZoneName } = settings;
  const { consoleDomainName, consoleCertificateArn } = settings;
  return {
    retention: Duration.days(settings.retentionDays),
    livenessWindow: Duration.seconds(settings.livenessWindowSeconds),
    logLevel: settings.logLevel,
    logRetention: settings.logRetentionDays,
    removalPolicy:
      settings.removalPolicy === "destroy" ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    deletionProtection: settings.deletionProtection === "on",
    alarmTopicArn: settings.alarmTopicArn,
    kmsKeyArn: settings.kmsKeyArn,
    existing: existingData(settings),
    alarmEmail: settings.alarmEmail,
    dashboard: settings.dashboard === "on",
    methodMetrics: settings.methodMetrics === "on",
    streamSeconds: settings.streamSeconds,
    apiRequestsPerSecond: settings.apiRequestsPerSecond,
    feedBatchSize: settings.feedBatchSize,
    dueShards: settings.dueShards,
    concurrency: settings.concurrency,
    otlp: settings.otlpUrl === undefined ? undefined : { url: settings.otlpUrl, headers: settings.otlpHeaders },
    runbook: settings.runbook,
    console:
      settings.console === "off"
        ? undefined
        : {
            files: CONSOLE_FILES,
            domain:
              consoleDomainName && consoleCertificateArn
                ? { name: consoleDomainName, certificateArn: consoleCertificateArn }
                : undefined,
          },
    customDomain:
      domainName && certificateArn
        ? {
            name: domainName,
            certificateArn,
            hostedZone: hostedZoneId && hostedZoneName ? { id: hostedZoneId, name: hostedZoneName } : undefined,
          }
        : undefined,
  };
}
