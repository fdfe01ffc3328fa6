import { Duration, RemovalPolicy, Validations } from "aws-cdk-lib";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { AwsSolutionsChecks } from "cdk-nag";
import { describe, expect, it } from "vitest";
import { ENV } from "../shared/aws/names.ts";
import { actions, all, build, environment, FUNCTION_IDS, list, statements, synthesize } from "./testing.ts";

describe("rights", () => {
  const template = synthesize();

  it("never allow all resources, except for the one action that AWS cannot narrow", () => {
    for (const [id, { Properties }] of all(template, "AWS::IAM::Policy")) {
      for (const { Action, Resource } of Properties.PolicyDocument.Statement) {
        if (list(Resource).includes("*"))
          expect([id, list(Action)]).toEqual([expect.stringMatching(/^Feed/), ["dynamodb:ListStreams"]]);
      }
    }
  });

  it("never allow all actions, nor an action that reads a whole table", () => {
    for (const [id, { Properties }] of all(template, "AWS::IAM::Policy")) {
      for (const { Action } of Properties.PolicyDocument.Statement) {
        for (const action of list<string>(Action)) {
          expect(action, id).not.toContain("*");
          expect(action, id).not.toBe("dynamodb:Scan");
        }
      }
    }
  });

  it("do not come from managed policies, which allow every log group of the account", () => {
    for (const [id, { Properties }] of all(template, "AWS::IAM::Role"))
      expect(Properties.ManagedPolicyArns, id).toBeUndefined();
  });

  it("let streams only read, and only the workers' endpoint create queues and credentials", () => {
    const writes = /Put(?!LogEvents)|Update|Delete|SendMessage|CreateQueue|AssumeRole|PassRole/;
    expect(actions(template, "Streams").filter((action) => writes.test(action))).toEqual([]);
    for (const name of FUNCTION_IDS) {
      const may = actions(template, name);
      expect(may.includes("sqs:CreateQueue"), name).toBe(name === "Worker");
      expect(may.includes("sqs:ChangeMessageVisibilityBatch"), name).toBe(name === "Worker");
      expect(may.includes("sts:AssumeRole"), name).toBe(name === "Worker");
    }
  });

  it("are only for calls that some handler makes", () => {
    const granted = new Set(FUNCTION_IDS.flatMap((name) => actions(template, name)));
    expect([...granted].sort()).toEqual([
      ...["BatchGetItem", "DeleteItem"].map((call) => `dynamodb:${call}`),
      // For Lambda's poller of the change stream.
      ...["DescribeStream", "GetItem", "GetRecords", "GetShardIterator", "ListStreams"].map(
        (call) => `dynamodb:${call}`,
      ),
      ...["PutItem", "Query", "UpdateItem"].map((call) => `dynamodb:${call}`),
      "iam:PassRole",
      "logs:CreateLogStream",
      "logs:PutLogEvents",
      ...["DeleteObject", "GetObject", "ListBucket", "PutObject", "PutObjectTagging"].map((call) => `s3:${call}`),
      ...["CreateSchedule", "DeleteSchedule", "UpdateSchedule"].map((call) => `scheduler:${call}`),
      ...["ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "CreateQueue"].map((call) => `sqs:${call}`),
      ...["DeleteMessage", "GetQueueAttributes"].map((call) => `sqs:${call}`),
      ...["GetQueueUrl", "ReceiveMessage", "SendMessage", "SendMessageBatch", "SetQueueAttributes", "TagQueue"].map(
        (call) => `sqs:${call}`,
      ),
      "sts:AssumeRole",
    ]);
  });

  it("to payloads include listing the bucket, without which S3 answers 403 for a missing object", () => {
    for (const name of FUNCTION_IDS) {
      const may = actions(template, name);
      expect(may.includes("s3:ListBucket"), name).toBe(may.includes("s3:GetObject"));
    }
    const listing = statements(template, "Sweeper").find(({ Action }) => list(Action).includes("s3:ListBucket"));
    expect(listing?.Resource).toEqual({ "Fn::GetAtt": [expect.stringMatching(/^PayloadsBucket/), "Arn"] });
  });

  it("to executions come with those to payloads, because a run's input may be in S3", () => {
    for (const name of FUNCTION_IDS) {
      const variables = Object.keys(environment(template, name));
      if (variables.includes(ENV.executionsTable)) expect(variables, name).toContain(ENV.payloadBucket);
    }
  });

  it("suffice for the release of a hold: the call sends the first tasks, and the sweeper remembers how far it has come", () => {
    expect(actions(template, "Registration")).toContain("sqs:SendMessage");
    const writes = statements(template, "Sweeper").filter(({ Action }) => list(Action).includes("dynamodb:PutItem"));
    expect(JSON.stringify(writes.map(({ Resource }) => Resource))).toMatch(/Registry/);
  });

  it("let EventBridge Scheduler alone receive the scheduler's role", () => {
    const passing = statements(template, "Schedules").find(({ Action }) => list(Action).includes("iam:PassRole"));
    expect(passing?.Condition).toEqual({ StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" } });
  });

  it("of a worker are bounded by its role: the endpoint assumes it, for receiving from this stack's task queues", () => {
    const [, policy] = all(template, "AWS::IAM::Policy").find(([id]) => id.startsWith("TasksWorkerRole"))!;
    expect(policy.Properties.PolicyDocument.Statement).toEqual([
      {
        Effect: "Allow",
        Action: [
          "sqs:ChangeMessageVisibility",
          "sqs:ChangeMessageVisibilityBatch",
          "sqs:DeleteMessage",
          "sqs:DeleteMessageBatch",
          "sqs:ReceiveMessage",
        ],
        Resource: {
          "Fn::Join": [
            "",
            [
              "arn:",
              { Ref: "AWS::Partition" },
              ":sqs:",
              { Ref: "AWS::Region" },
              ":",
              { Ref: "AWS::AccountId" },
              ":Sirocco-tasks-*",
            ],
          ],
        },
      },
    ]);
    const [, role] = all(template, "AWS::IAM::Role").find(([id]) => id.startsWith("TasksWorkerRole"))!;
    expect(JSON.stringify(role.Properties.AssumeRolePolicyDocument)).toMatch(
      /"AWS":\{"Fn::GetAtt":\["WorkerRole[^"]*","Arn"\]/,
    );
  });

  it("come with environment variables that name their resources", () => {
    const worker = environment(template, "Worker");
    expect(Object.keys(worker)).toEqual(
      expect.arrayContaining([
        ENV.executionsTable,
        ENV.registryTable,
        ENV.taskQueuePrefix,
        ENV.taskDeadLettersArn,
        ENV.workerRoleArn,
        ENV.scheduleGroup,
      ]),
    );
    expect(Object.keys(environment(template, "Streams"))).not.toContain(ENV.taskQueuePrefix);
    for (const name of FUNCTION_IDS) {
      const variables = environment(template, name);
      expect(variables).toMatchObject({
        [ENV.retentionDays]: "30",
        [ENV.dueShards]: "16",
        [ENV.livenessWindowMs]: "50000",
        [ENV.logLevel]: "info",
      });
    }
  });
});

describe("cdk-nag", () => {
  it("finds nothing that is not acknowledged with its reason", () => {
    const { app } = build({
      retention: Duration.days(1),
      removalPolicy: RemovalPolicy.DESTROY,
      customDomain: { name: "workflows.example.com", certificateArn: "arn:aws:acm:eu-west-1:1:certificate/x" },
      alarmEmail: "on-call@example.com",
      dashboard: true,
      methodMetrics: true,
    });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    expect(() => app.synth()).not.toThrow();
  });

  it("finds nothing with a key of the account's own", () => {
    const { app } = build({ kmsKeyArn: "arn:aws:kms:eu-west-1:123456789012:key/0190a000-0000-7000-8000-000000000001" });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    expect(() => app.synth()).not.toThrow();
  });

  it("finds a right that is too wide", () => {
    const { app, stack } = build();
    stack.tasks.workerRole.addToPolicy(new PolicyStatement({ actions: ["sqs:*"], resources: ["*"] }));
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    expect(() => app.synth()).toThrow(/AwsSolutions-IAM5\[Action::sqs:\*\]/);
  });
});
