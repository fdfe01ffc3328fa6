import path from "node:path";
import { Duration, type RemovalPolicy, Stack, Validations } from "aws-cdk-lib";
import { type IGrantable, type IPrincipal, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import {
  ApplicationLogLevel,
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  RecursiveLoop,
  Runtime,
  SystemLogLevel,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { type EnvName, FUNCTIONS, type FunctionFacts, type FunctionName } from "../../shared/aws/names.ts";

export interface HandlerProps {
  readonly name: FunctionName;
  /** Folder with `<function>/index.mjs`, the output of `functions/build/bundle.ts`. */
  readonly bundles: string;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
  /** Reserved concurrency. @default none: what the account has left */
  readonly concurrency?: number | undefined;
  /** A key of the account's own for its logs, and of all that it reads and writes. @default AWS's own keys */
  readonly key?: IKey | undefined;
}

/** Of a function: DynamoDB needs them all, S3 and SQS the first and the last. */
const KEY_ACTIONS = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"] as const;

/**
 * One Lambda function with a role and a log group of its own. The role may write that log group alone, and `allow` adds
 * rights. AWS's managed policy would allow every log group of the account.
 */
export class Handler extends Construct implements IGrantable {
  readonly name: FunctionName;
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly grantPrincipal: IPrincipal;

  constructor(
    scope: Construct,
    id: string,
    { name, bundles, logRetention, removalPolicy, concurrency, key }: HandlerProps,
  ) {
    super(scope, id);
    const facts: FunctionFacts = FUNCTIONS[name];
    this.name = name;
    this.role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      description: `Rights of the ${name} handler of ${Stack.of(this).stackName}`,
    });
    this.grantPrincipal = this.role.grantPrincipal;
    const logGroup = new LogGroup(this, "Logs", {
      retention: logRetention,
      removalPolicy,
      ...(key && { encryptionKey: key }),
    });
    this.role.addToPolicy(
      new PolicyStatement({
        actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
        resources: [logGroup.logGroupArn],
      }),
    );
    // Services use the key with the rights of their caller.
    if (key) {
      this.allow([...KEY_ACTIONS], [key.keyArn]);
      for (const action of ["kms:GenerateDataKey*", "kms:ReEncrypt*"])
        Validations.of(this).acknowledge({
          id: `AwsSolutions-IAM5[Action::${action}]`,
          reason: "The CDK grants a queue's sender these variants of one right, on the key of the installation alone.",
        });
    }
    this.function = new LambdaFunction(this, "Function", {
      description: `Sirocco: ${name}`,
      role: this.role,
      logGroup,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(path.join(bundles, name)),
      handler: "index.handler",
      timeout: Duration.seconds(facts.timeoutSeconds),
      memorySize: facts.memoryMb,
      ...(concurrency !== undefined && { reservedConcurrentExecutions: concurrency }),
      // Lambda's own START, END and REPORT lines of each call would cost more than the call. Its warnings, such as timeouts, stay.
      loggingFormat: LoggingFormat.JSON,
      systemLogLevelV2: SystemLogLevel.WARN,
      // The handler filters by its own level. Lambda takes a line without `level` and a valid `timestamp` for one of INFO: above
      // that it would drop the metrics, and the errors, whose time is in `time`.
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      recursiveLoop: facts.loops && RecursiveLoop.ALLOW,
      environment: { NODE_OPTIONS: "--enable-source-maps" },
    });
  }

  /** Allows `actions` on `resources`, which are ARNs. */
  allow(actions: string[], resources: string[], conditions?: Record<string, unknown>): void {
    this.role.addToPolicy(new PolicyStatement({ actions, resources, ...(conditions && { conditions }) }));
  }

  setEnv(name: EnvName, value: string): void {
    this.function.addEnvironment(name, value);
  }
}
