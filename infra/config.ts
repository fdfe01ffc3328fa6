/**
 * The settings of a deployment, from CDK context: `cdk.json`, or `-c name=value` on the command line. A misspelt value
 * fails `cdk synth` with the name of the setting.
 */
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import * as z from "zod";
import type { SiroccoStackProps } from "./stack.ts";

const logDays = Object.values(RetentionDays).filter((value) => typeof value === "number") as RetentionDays[];
const wholeNumber = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

export const Settings = z.object({
  /** Name of the stack; two installations in one account have two names. */
  stackName: z
    .string()
    .regex(
      /^[A-Za-z][A-Za-z0-9-]{0,24}$/,
      "1 to 25 letters, digits or -: queue names begin with it and have 80 characters",
    )
    .regex(/^(?!.*-tasks(-|$))/, "without -tasks: by that the names of another installation's queues go on")
    .default("Sirocco"),
  /** How long closed executions are kept. */
  retentionDays: wholeNumber(1, 3650).default(30),
  /** A worker silent for longer is not alive. Workers beat every 10 s. */
  livenessWindowSeconds: wholeNumber(15, 3600).default(50),
  logLevel: z.enum(["info", "warn", "error"]).default("info"),
  logRetentionDays: wholeNumber(1, 3653)
    .refine((days) => logDays.includes(days), `one of ${logDays.join(", ")}`)
    .default(30),
  /** `retain` or `destroy`: what becomes of the data when the stack is deleted. */
  removalPolicy: z.enum(["retain", "destroy"]).default("retain"),
  alarmTopicArn: z.string().startsWith("arn:").optional(),
  runbook: z.string().optional(),
  domainName: z.string().optional(),
  certificateArn: z.string().startsWith("arn:").optional(),
  hostedZoneId: z.string().optional(),
  hostedZoneName: z.string().optional(),
  /** Folder of other entry points than `functions/`: tests of the wiring deploy small ones. */
  handlers: z.string().optional(),
  /** Folder to bundle into. */
  bundles: z.string().optional(),
});
export type Settings = z.infer<typeof Settings>;
export const SETTING_NAMES = Object.keys(Settings.shape) as (keyof Settings)[];

/** Behaviour of the CDK that new projects should ask for, as far as it touches this stack. */
export const FEATURE_FLAGS = {
  "@aws-cdk/aws-iam:minimizePolicies": true,
  "@aws-cdk/core:checkSecretUsage": true,
  "@aws-cdk/core:enablePartitionLiterals": true,
  "@aws-cdk/core:target-partitions": ["aws", "aws-cn"],
  "@aws-cdk/aws-apigateway:disableCloudWatchRole": true,
  "@aws-cdk/aws-iam:standardizedServicePrincipals": true,
};

/**
 * CDK's own context has a colon or a slash in each name, so what has none was meant for us.
 * @throws Error naming what is no setting, and all that are.
 */
export function refuseUnknown(context: Readonly<Record<string, unknown>>): void {
  const unknown = Object.keys(context).filter((name) => !/[:/]/.test(name) && !SETTING_NAMES.some((s) => s === name));
  if (unknown.length === 0) return;
  const known = SETTING_NAMES.join(", ");
  throw new Error(`No setting (cdk.json or -c name=value) is called ${unknown.join(", ")}. There are: ${known}`);
}

/** @throws Error naming each wrong setting, what it was and what it may be. */
export function readSettings(contextOf: (name: string) => unknown): Settings {
  const given = Object.fromEntries(SETTING_NAMES.map((name) => [name, contextOf(name)]));
  const parsed = Settings.safeParse(given);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(({ path: [name = ""], message }) => {
      return `  ${String(name)}=${JSON.stringify(given[String(name)])}: ${message}`;
    });
    throw new Error(`These settings (cdk.json or -c name=value) are wrong:\n${wrong.join("\n")}`);
  }
  if ((parsed.data.domainName === undefined) !== (parsed.data.certificateArn === undefined)) {
    throw new Error("A custom domain needs both settings: domainName and certificateArn.");
  }
  if ((parsed.data.hostedZoneId === undefined) !== (parsed.data.hostedZoneName === undefined)) {
    throw new Error("The alias record of a custom domain needs both settings: hostedZoneId and hostedZoneName.");
  }
  if (parsed.data.hostedZoneId !== undefined && parsed.data.domainName === undefined) {
    throw new Error("A hosted zone is for the alias record of a custom domain: set domainName and certificateArn too.");
  }
  return parsed.data;
}

export function stackProps(settings: Settings): Omit<SiroccoStackProps, "routes" | "bundles"> {
  const { domainName, certificateArn, hostedZoneId, hostedZoneName } = settings;
  return {
    retention: Duration.days(settings.retentionDays),
    livenessWindow: Duration.seconds(settings.livenessWindowSeconds),
    logLevel: settings.logLevel,
    logRetention: settings.logRetentionDays,
    removalPolicy: settings.removalPolicy === "destroy" ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    alarmTopicArn: settings.alarmTopicArn,
    runbook: settings.runbook,
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
