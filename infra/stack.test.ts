import { readFileSync } from "node:fs";
import path from "node:path";
import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { ENV, FUNCTIONS, type FunctionName, functionOf } from "../shared/aws/names.ts";
import { MAX_HISTORY_BYTES } from "../shared/protocol/limits.ts";
import { ROUTES } from "../shared/protocol/routes.ts";
import {
  all,
  build,
  environment,
  FUNCTION_IDS,
  type Json,
  list,
  type Resource,
  statements,
  synthesize,
} from "./testing.ts";

describe("the stack", () => {
  const template = synthesize();

  describe("tables", () => {
    it("expire items, have point-in-time recovery, are billed on demand and stay when the stack is deleted", () => {
      const tables = all(template, "AWS::DynamoDB::Table");
      expect(tables).toHaveLength(4);
      for (const [id, { Properties, DeletionPolicy }] of tables) {
        expect(Properties, id).toMatchObject({
          TimeToLiveSpecification: { AttributeName: "ttl", Enabled: true },
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
          BillingMode: "PAY_PER_REQUEST",
        });
        expect(DeletionPolicy, id).toBe("RetainExceptOnCreate");
      }
    });

    it("are protected from deletion, and the stack with them, where the setting says so", () => {
      const { stack } = build({ deletionProtection: true });
      expect(stack.terminationProtection).toBe(true);
      for (const [id, { Properties }] of all(Template.fromStack(stack), "AWS::DynamoDB::Table"))
        expect(Properties.DeletionProtectionEnabled, id).toBe(true);
    });

    it("index executions by due time, runs by start and open questions, without the attributes that every step changes", () => {
      const [, { Properties }] = all(template, "AWS::DynamoDB::Table").find(([id]) => id.includes("Executions"))!;
      const indexes = Properties.GlobalSecondaryIndexes as {
        IndexName: string;
        Projection: { NonKeyAttributes: string[] };
      }[];
      expect(indexes.map(({ IndexName }) => IndexName)).toEqual(["due", "runs", "inputs"]);
      for (const { Projection } of indexes) {
        for (const hot of ["fence", "wake_pending", "effects_done_through", "due_at"])
          expect(Projection.NonKeyAttributes).not.toContain(hot);
      }
      expect(Properties.StreamSpecification).toEqual({ StreamViewType: "NEW_IMAGE" });
    });
  });

  describe("a key of the account's own", () => {
    const kmsKeyArn = "arn:aws:kms:eu-west-1:123456789012:key/0190a000-0000-7000-8000-000000000001";
    const encrypted = synthesize({ kmsKeyArn });

    it("encrypts every table, queue and log, and the payloads", () => {
      for (const [id, { Properties }] of all(encrypted, "AWS::DynamoDB::Table"))
        expect(Properties.SSESpecification, id).toEqual({
          KMSMasterKeyId: kmsKeyArn,
          SSEEnabled: true,
          SSEType: "KMS",
        });
      for (const [id, { Properties }] of all(encrypted, "AWS::SQS::Queue"))
        expect(Properties.KmsMasterKeyId, id).toBe(kmsKeyArn);
      for (const [id, { Properties }] of all(encrypted, "AWS::Logs::LogGroup"))
        expect(Properties.KmsKeyId, id).toBe(kmsKeyArn);
      const [[, bucket] = []] = all(encrypted, "AWS::S3::Bucket");
      expect(bucket!.Properties.BucketEncryption.ServerSideEncryptionConfiguration).toEqual([
        {
          BucketKeyEnabled: true,
          ServerSideEncryptionByDefault: { KMSMasterKeyID: kmsKeyArn, SSEAlgorithm: "aws:kms" },
        },
      ]);
    });

    it("may be used by each function, by workers to read tasks, and by EventBridge Scheduler to send wake-ups", () => {
      const used = (policyId: string) =>
        all(encrypted, "AWS::IAM::Policy")
          .filter(([id]) => id.startsWith(policyId))
          .flatMap(
            ([, { Properties }]) =>
              Properties.PolicyDocument.Statement as { Action: string | string[]; Resource: unknown }[],
          )
          .filter(({ Resource }) => list(Resource).includes(kmsKeyArn))
          .flatMap(({ Action }) => list(Action));
      for (const id of FUNCTION_IDS)
        expect(used(`${id}RoleDefaultPolicy`), id).toEqual(
          expect.arrayContaining(["kms:Decrypt", "kms:GenerateDataKey"]),
        );
      expect(used("TasksWorkerRoleDefaultPolicy")).toEqual(["kms:Decrypt"]);
      expect(used("SchedulingRoleDefaultPolicy")).toEqual(["kms:Decrypt", "kms:GenerateDataKey"]);
      expect(environment(encrypted, "Worker")[ENV.kmsKeyArn]).toBe(kmsKeyArn);
    });

    it("is in no template that does not ask for one", () => {
      expect(JSON.stringify(template.toJSON())).not.toContain("kms:");
    });
  });

  describe("a first deployment that fails", () => {
    it("leaves nothing behind: CloudFormation may delete all that it has created, and nothing keeps a name", () => {
      expect(build().stack.terminationProtection).toBe(false);
      const resources = Object.entries((template.toJSON() as { Resources: Record<string, Resource> }).Resources);
      for (const [id, { DeletionPolicy, Properties }] of resources) {
        expect(["Delete", "RetainExceptOnCreate", undefined], id).toContain(DeletionPolicy);
        expect(Properties?.DeletionProtectionEnabled ?? false, id).toBe(false);
      }
      const [[, group] = []] = all(template, "AWS::Scheduler::ScheduleGroup");
      expect(group!.DeletionPolicy).toBe("Delete");
    });
  });

  describe("payloads", () => {
    it("are in a bucket that is private, encrypted and open to TLS only", () => {
      template.hasResourceProperties("AWS::S3::Bucket", {
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        BucketEncryption: Match.anyValue(),
      });
      template.hasResourceProperties("AWS::S3::BucketPolicy", {
        PolicyDocument: {
          Statement: Match.arrayWith([
            Match.objectLike({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
          ]),
        },
      });
    });

    it("can be brought back for a week after they were deleted or replaced", () => {
      const [[, bucket] = []] = all(template, "AWS::S3::Bucket");
      expect(bucket!.Properties.VersioningConfiguration).toEqual({ Status: "Enabled" });
      const rules = bucket!.Properties.LifecycleConfiguration.Rules as Json[];
      expect(rules).toContainEqual(
        expect.objectContaining({
          NoncurrentVersionExpiration: { NoncurrentDays: 7 },
          ExpiredObjectDeleteMarker: true,
        }),
      );
    });

    it("expire only after their execution has closed", () => {
      const [[, bucket] = []] = all(template, "AWS::S3::Bucket");
      const rules = bucket!.Properties.LifecycleConfiguration.Rules as Json[];
      const expiring = rules.filter((rule) => "ExpirationInDays" in rule);
      expect(expiring).toEqual([
        expect.objectContaining({ ExpirationInDays: 30, TagFilters: [{ Key: "sirocco-closed", Value: "yes" }] }),
        // Longer than SQS keeps the messages that name these objects.
        expect.objectContaining({ ExpirationInDays: 15, TagFilters: [{ Key: "sirocco-queued", Value: "yes" }] }),
      ]);
    });
  });

  describe("queues", () => {
    it("have a dead-letter queue, or are one", () => {
      const whole = JSON.stringify(template.toJSON());
      const reference = /("deadLetterTargetArn"|"Destination"|"DeadLetterConfig":\{"Arn"):\{"Fn::GetAtt":\["(\w+)"/g;
      const targets = new Set([...whole.matchAll(reference)].map(([, , id]) => id));
      const queues = all(template, "AWS::SQS::Queue");
      expect(queues).toHaveLength(6);
      for (const [id, { Properties }] of queues)
        expect(Boolean(Properties.RedrivePolicy) || targets.has(id), id).toBe(true);
    });

    it("hide a message for at least six timeouts of the function that consumes it", () => {
      const mappings = all(template, "AWS::Lambda::EventSourceMapping").filter(([, { Properties }]) =>
        JSON.stringify(Properties.EventSourceArn).includes("Queue"),
      );
      expect(mappings).toHaveLength(2);
      const queues = Object.fromEntries(all(template, "AWS::SQS::Queue"));
      const functions = Object.fromEntries(all(template, "AWS::Lambda::Function"));
      for (const [id, { Properties }] of mappings) {
        const queue = queues[Properties.EventSourceArn["Fn::GetAtt"][0]]!.Properties;
        const consumer = functions[Properties.FunctionName.Ref]!.Properties;
        expect(queue.VisibilityTimeout, id).toBeGreaterThanOrEqual(6 * consumer.Timeout);
        expect(Properties.FunctionResponseTypes, id).toEqual(["ReportBatchItemFailures"]);
      }
    });

    it("are encrypted and refuse plain HTTP", () => {
      const queues = all(template, "AWS::SQS::Queue");
      const guarded = JSON.stringify(all(template, "AWS::SQS::QueuePolicy").map(([, { Properties }]) => Properties));
      for (const [id, { Properties }] of queues) {
        expect(Properties.SqsManagedSseEnabled, id).toBe(true);
        expect(guarded).toContain(`{"Ref":"${id}"}`);
      }
      expect(guarded.match(/aws:SecureTransport/g)).toHaveLength(queues.length);
    });
  });

  describe("functions", () => {
    it("write no line of Lambda's own for a call that went well, and leave the level of the others to the handlers", () => {
      for (const [id, { Properties }] of all(template, "AWS::Lambda::Function"))
        expect(Properties.LoggingConfig, id).toMatchObject({
          LogFormat: "JSON",
          SystemLogLevel: "WARN",
          ApplicationLogLevel: "INFO",
        });
    });

    it("that send to the queue that invokes them are exempt from Lambda's loop detection, which stops a chain after 16 rounds", () => {
      const loops = all(template, "AWS::Lambda::Function").filter(([, { Properties }]) => Properties.RecursiveLoop);
      expect(loops.map(([id, { Properties }]) => [id.replace(/Function.*/, ""), Properties.RecursiveLoop])).toEqual([
        ["Scheduler", "Allow"],
        ["Deadletters", "Allow"],
      ]);
    });
  });

  describe("the REST API", () => {
    it("has the name of its stack, which distinguishes its metrics from those of other stacks", () => {
      template.hasResourceProperties("AWS::ApiGateway::RestApi", { Name: "Sirocco" });
      template.hasResourceProperties("AWS::CloudWatch::Alarm", {
        MetricName: "5XXError",
        Dimensions: [{ Name: "ApiName", Value: "Sirocco" }],
      });
    });

    it("has one method for each row of the routes table, and HEAD beside each GET", () => {
      const methods = all(template, "AWS::ApiGateway::Method").map(([, { Properties }]) => Properties);
      const of = (method: string) => methods.filter(({ HttpMethod }) => HttpMethod === method);
      const wanted = (method: string) => ROUTES.filter((route) => route.method === method).length;
      for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) expect(of(method)).toHaveLength(wanted(method));
      const where = (method: string) => of(method).map(({ ResourceId }) => ResourceId);
      expect(where("HEAD")).toEqual(where("GET"));
    });

    it("streams the answers of event streams, and of calls that may wait for a result", () => {
      const mode = (name: FunctionName) => FUNCTIONS[name].response;
      for (const route of ROUTES) if (route.kind === "sse") expect(mode(functionOf(route)), route.path).toBe("stream");
      for (const operation of ["executeWorkflow", "queryWorkflowExecution", "updateWorkflowExecution"]) {
        const row = ROUTES.find((route) => route.operation === operation);
        expect(row, operation).toBeDefined();
        expect(mode(functionOf(row!)), operation).toBe("stream");
      }
      const methods = all(template, "AWS::ApiGateway::Method").map(([, { Properties }]) => Properties.Integration);
      const streaming = methods.filter(({ ResponseTransferMode }) => ResponseTransferMode === "STREAM");
      expect(streaming).toHaveLength(ROUTES.filter((route) => mode(functionOf(route)) === "stream").length);
      for (const { Uri, TimeoutInMillis } of streaming) {
        expect(JSON.stringify(Uri)).toContain("/response-streaming-invocations");
        expect([FUNCTIONS.executions, FUNCTIONS.streams].map((one) => 1_000 * one.timeoutSeconds)).toContain(
          TimeoutInMillis,
        );
      }
    });

    it("buffers every answer without a body, because Lambda may hold such an answer open where it streams", () => {
      const methods = all(template, "AWS::ApiGateway::Method").map(([, { Properties }]) => Properties);
      const buffered = (method: string, path: string) => {
        const at = methods.filter(({ HttpMethod, ResourceId }) => HttpMethod === method && pathOf(ResourceId) === path);
        expect(at, `${method} ${path}`).toHaveLength(1);
        return at[0]!.Integration.ResponseTransferMode !== "STREAM";
      };
      const resources = Object.fromEntries(all(template, "AWS::ApiGateway::Resource"));
      const pathOf = (id: { Ref?: string }): string => {
        const resource = id.Ref === undefined ? undefined : resources[id.Ref]?.Properties;
        return resource ? `${pathOf(resource.ParentId)}/${String(resource.PathPart).replace(/^\{.*\}$/, "{}")}` : "";
      };
      const parts = (path: string) => path.replaceAll(/\{[^}]*\}/g, "{}");
      for (const { method, path, kind } of ROUTES) {
        if (kind === "empty") expect(buffered(method, parts(path)), `${method} ${path}`).toBe(true);
        if (method === "GET") expect(buffered("HEAD", parts(path)), `HEAD ${path}`).toBe(true);
      }
    });

    it("answers unknown paths by a function, and unknown methods with the same code, also where the caller sends a key", () => {
      const [proxy] = all(template, "AWS::ApiGateway::Resource").filter(
        ([, { Properties }]) => Properties.PathPart === "{proxy+}",
      );
      expect(proxy![1].Properties.ParentId).toEqual({
        "Fn::GetAtt": [expect.stringMatching(/^ApiRest/), "RootResourceId"],
      });
      const any = all(template, "AWS::ApiGateway::Method").filter(
        ([, { Properties }]) => Properties.HttpMethod === "ANY",
      );
      expect(any.map(([, { Properties }]) => Properties.ResourceId)).toEqual([
        { "Fn::GetAtt": [expect.stringMatching(/^ApiRest/), "RootResourceId"] },
        { Ref: proxy![0] },
      ]);
      for (const [, { Properties }] of any)
        expect(JSON.stringify(Properties.Integration.Uri)).toContain("Registration");
      // API Gateway takes `Authorization: Bearer …` for an incomplete signature where it finds no method.
      const answers = all(template, "AWS::ApiGateway::GatewayResponse").map(([, { Properties }]) => Properties);
      for (const type of ["MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE"]) {
        const answer = answers.find(({ ResponseType }) => ResponseType === type);
        expect(answer?.StatusCode, type).toBe("404");
        expect(JSON.parse(answer!.ResponseTemplates["application/json"]), type).toMatchObject({ code: "NO_ROUTE" });
      }
    });

    it("answers with the body of every other refusal, and never with a 504, which clients repeat", () => {
      const answers = all(template, "AWS::ApiGateway::GatewayResponse").map(([, { Properties }]) => Properties);
      // API Gateway fills this one in with its quotes, so that a quote in the text does not end the JSON.
      const filled = (text: string) => text.replace("$context.error.messageString", '"a \\"text\\""');
      for (const { ResponseType, ResponseTemplates } of answers) {
        const body = JSON.parse(filled(ResponseTemplates["application/json"])) as Json;
        expect(Object.keys(body), ResponseType).toEqual(["detail", "code"]);
        expect(body.detail, ResponseType).not.toContain("$context");
      }
      expect(answers.find(({ ResponseType }) => ResponseType === "INTEGRATION_TIMEOUT")?.StatusCode).toBe("408");
    });

    it("refuses a streaming route in a function that buffers", () => {
      const routes = [{ method: "GET", path: "/v1/x", area: "schedules", kind: "sse" }] as const;
      expect(() => synthesize({ routes })).toThrow(/GET \/v1\/x.*"schedules".*cannot be buffered/);
    });
  });

  describe("the feed's consumer", () => {
    it("may send what it cannot read to the queue of its dead letters, and to no other", () => {
      const sends = statements(template, "Feed").filter(({ Action }) => list(Action).includes("sqs:SendMessage"));
      const queue = { "Fn::GetAtt": [expect.stringMatching(/^FeedConsumerDeadLetters/), "Arn"] };
      for (const { Resource } of sends) expect(Resource).toEqual(queue);
      expect(environment(template, "Feed")).toMatchObject({
        [ENV.feedDeadLettersUrl]: { Ref: expect.stringMatching(/^FeedConsumerDeadLetters/) },
      });
    });

    it("is invoked for new batches, progress reports, starts and closes, and neither for a claim nor for an expiry", () => {
      const mappings = all(template, "AWS::Lambda::EventSourceMapping").map(([, { Properties }]) => Properties);
      const [feed] = mappings.filter(({ FilterCriteria }) => FilterCriteria);
      expect(feed!.FilterCriteria.Filters.map(({ Pattern }: { Pattern: string }) => JSON.parse(Pattern))).toEqual([
        {
          eventName: ["INSERT"],
          dynamodb: { Keys: { sk: { S: [{ prefix: "LOG#" }, { prefix: "PROGRESS#" }] } } },
        },
        {
          eventName: ["INSERT", "MODIFY"],
          dynamodb: { Keys: { sk: { S: ["HEAD"] } }, NewImage: { fresh: { BOOL: [{ exists: true }] } } },
        },
        {
          eventName: ["MODIFY"],
          dynamodb: {
            Keys: { sk: { S: ["HEAD"] } },
            NewImage: { closing: { M: { first: { N: [{ exists: true }] } } } },
          },
        },
      ]);
    });

    it("is brought up to date before the function of the workers, and so are the other readers of histories", () => {
      const [, worker] = all(template, "AWS::Lambda::Function").find(([id]) => id.startsWith("WorkerFunction"))!;
      const before = (worker.DependsOn ?? []).join(" ");
      for (const name of ["Executions", "Commands", "Streams", "Sweeper", "Feed"])
        expect(before).toMatch(new RegExp(`\\b${name}Function[0-9A-F]{8}\\b`));
      expect(before).toContain("FeedFunctionDynamoDBEventSource");
    });
  });

  describe("the sweeper", () => {
    it("may invoke itself, and no other function", () => {
      const invoking = all(template, "AWS::IAM::Policy").filter(([id]) => id.startsWith("SweepInvokeAgain"));
      expect(invoking.map(([, { Properties }]) => Properties.PolicyDocument.Statement)).toEqual([
        [
          {
            Effect: "Allow",
            Action: "lambda:InvokeFunction",
            Resource: { "Fn::GetAtt": [expect.stringMatching(/^SweeperFunction/), "Arn"] },
          },
        ],
      ]);
      const anywhere = JSON.stringify(all(template, "AWS::IAM::Policy")).match(/lambda:InvokeFunction/g);
      expect(anywhere?.length).toBe(1);
    });

    it("raises an alarm when its rounds end at their time budget", () => {
      template.hasResourceProperties("AWS::CloudWatch::Alarm", {
        AlarmName: "Sirocco-sweeper-behind",
        MetricName: "Duration",
        Threshold: 49_000,
        EvaluationPeriods: 5,
      });
    });
  });

  describe("the workers' endpoint", () => {
    it("streams its answers: a claim answers a whole history, and a buffered answer is limited to 6 MB", () => {
      const [[, url] = [], ...others] = all(template, "AWS::Lambda::Url");
      expect(others).toEqual([]);
      expect(url!.Properties).toMatchObject({ InvokeMode: "RESPONSE_STREAM", AuthType: "NONE" });
      const [target] = url!.Properties.TargetFunctionArn["Fn::GetAtt"];
      expect(target).toMatch(/^Worker/);
    });

    it("has time enough for Lambda to send the longest history", () => {
      const afterTheFirst = MAX_HISTORY_BYTES - 6 * 1024 * 1024;
      expect(FUNCTIONS.worker.timeoutSeconds).toBeGreaterThan(2 * (afterTheFirst / (2 * 1024 * 1024)));
    });
  });

  describe("alarms", () => {
    const runbook = readFileSync(path.join(import.meta.dirname, "..", "docs", "runbook.md"), "utf8");
    const entries = new Map(
      runbook
        .split(/^## /m)
        .slice(1)
        .map((entry) => [entry.slice(0, entry.indexOf("\n")).trim(), entry]),
    );

    it("watch every queue: dead-letter queues for messages, other queues for the age of their messages", () => {
      const watched = JSON.stringify(
        all(template, "AWS::CloudWatch::Alarm").map(([, { Properties }]) => Properties.Dimensions),
      );
      for (const [id] of all(template, "AWS::SQS::Queue"))
        expect(watched).toContain(`"Fn::GetAtt":["${id}","QueueName"]`);
    });

    it("watch the stream's consumer and the sweeper's rule", () => {
      template.hasResourceProperties("AWS::CloudWatch::Alarm", { MetricName: "IteratorAge" });
      template.hasResourceProperties("AWS::CloudWatch::Alarm", {
        MetricName: "Invocations",
        ComparisonOperator: "LessThanThreshold",
        TreatMissingData: "breaching",
      });
    });

    it("watch what AWS refuses: invocations of any function, and writes of the tables", () => {
      const alarms = all(template, "AWS::CloudWatch::Alarm").map(([, { Properties }]) => Properties);
      const of = (name: string) => alarms.find(({ AlarmName }) => AlarmName === `Sirocco-${name}`);
      expect(of("functions-throttled")).toMatchObject({ Namespace: "AWS/Lambda", MetricName: "Throttles" });
      for (const table of ["executions", "registry", "feed"]) {
        expect(of(`${table}-throttled`)).toMatchObject({ MetricName: "WriteThrottleEvents", Threshold: 100 });
        const [{ Value }] = of(`${table}-throttled`)!.Dimensions;
        expect(Value.Ref.toLowerCase()).toContain(`tables${table}`);
      }
      expect(of("feed-errors")).toMatchObject({ MetricName: "Errors", Threshold: 5 });
    });

    it("cost what docs/costs.md says", () => {
      const { length } = all(template, "AWS::CloudWatch::Alarm");
      const row = `| ${length} alarms | | ${(length * 0.1).toFixed(2)} |`;
      expect(readFileSync(path.join(import.meta.dirname, "..", "docs", "costs.md"), "utf8")).toContain(row);
    });

    it("each have a meaning and link an entry of the runbook with description, investigation and resolution", () => {
      const alarms = all(template, "AWS::CloudWatch::Alarm");
      expect(alarms.length).toBeGreaterThan(8);
      for (const [, { Properties }] of alarms) {
        const name = (Properties.AlarmName as string).replace(/^Sirocco-/, "");
        expect(Properties.AlarmDescription).toMatch(new RegExp(`^[A-Z].*\\. Runbook: docs/runbook\\.md#${name}$`));
        for (const part of ["### Description", "### Investigation", "### Resolution"])
          expect(entries.get(name), name).toContain(part);
      }
      expect(
        [...entries].filter(
          ([name, entry]) =>
            !entry.includes("No alarm belongs to it") &&
            !alarms.some(([, { Properties }]) => Properties.AlarmName.endsWith(`-${name}`)),
        ),
      ).toEqual([]);
    });
  });

  it("needs no custom resource, no account and no region to be synthesized", () => {
    const types = new Set(
      Object.values((template.toJSON() as { Resources: Record<string, Resource> }).Resources).map(({ Type }) => Type),
    );
    expect(
      [...types].filter((type) => type.startsWith("Custom::") || type === "AWS::CloudFormation::CustomResource"),
    ).toEqual([]);
    expect(JSON.stringify(template.toJSON())).not.toMatch(/\b\d{12}\b/);
  });

  it("shows in its dashboard how long tasks wait in deployments' queues, which are made at run time", () => {
    const [[, dashboard] = []] = all(synthesize({ dashboard: true }), "AWS::CloudWatch::Dashboard");
    const body = JSON.stringify(dashboard!.Properties.DashboardBody);
    expect(body).toContain("ApproximateAgeOfOldestMessage");
    expect(body).toMatch(/SEARCH\('\{AWS\/SQS,QueueName\} .* Sirocco tasks', 'Maximum', 60\)/);
  });

  it("has outputs for the addresses, the resources and the command that creates the first key", () => {
    expect(Object.keys(template.findOutputs("*")).sort()).toEqual([
      "ApiUrl",
      "ExecutionsTable",
      "FeedDeadLettersUrl",
      "FeedTable",
      "FirstKeyCommand",
      "PayloadBucket",
      "RegistryTable",
      "ScheduleDeadLettersArn",
      "ScheduleGroup",
      "ScheduleQueueArn",
      "ScheduleQueueUrl",
      "ScheduleRoleArn",
      "SchedulesTable",
      "TaskDeadLettersArn",
      "TaskQueuePrefix",
      "WorkerRoleArn",
      "WorkerUrl",
    ]);
  });
});
