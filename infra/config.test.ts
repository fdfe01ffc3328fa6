import { Validations } from "aws-cdk-lib";
import { Annotations, Match, Template } from "aws-cdk-lib/assertions";
import { AwsSolutionsChecks } from "cdk-nag";
import { describe, expect, it } from "vitest";
import { ENV } from "../shared/aws/names.ts";
import { readSettings, refuseUnknown, stackProps } from "./config.ts";
import { all, build, environment, type Json, statements, synthesize } from "./testing.ts";

describe("settings", () => {
  const read = (given: Json) => readSettings((name) => given[name]);

  it("all have defaults", () => {
    expect(read({})).toMatchObject({
      stackName: "Sirocco",
      retentionDays: 30,
      livenessWindowSeconds: 50,
      removalPolicy: "retain",
    });
  });

  it("with wrong values are refused by name", () => {
    expect(() => read({ retentionDays: "0", logLevel: "loud" })).toThrow(/retentionDays="0".*\n.*logLevel="loud"/);
    expect(() => read({ domainName: "workflows.example.com" })).toThrow(/certificateArn/);
    expect(() => read({ hostedZoneId: "Z1", hostedZoneName: "example.com" })).toThrow(/domainName/);
  });

  it("protect no stack that is deleted with its data", () => {
    expect(() => read({ removalPolicy: "destroy", deletionProtection: "on" })).toThrow(/deletionProtection=off/);
    const template = synthesize(stackProps(read({ deletionProtection: "on" })));
    for (const [, { Properties }] of all(template, "AWS::DynamoDB::Table"))
      expect(Properties.DeletionProtectionEnabled).toBe(true);
  });

  it("with unknown names are refused, because a misspelt setting would otherwise change nothing", () => {
    const given = (names: Json) => () => refuseUnknown(names);
    expect(given({ retentionDay: "7" })).toThrow(/retentionDay.*retentionDays/s);
    expect(given({ retentionDays: "7", "@aws-cdk/core:x": true, "aws:cdk:bundling-stacks": ["**"] })).not.toThrow();
    expect(given({ "availability-zones:account=1:region=eu-west-1": [] })).not.toThrow();
  });

  it("refuse a stack name whose queues could be taken for those of another installation", () => {
    expect(() => read({ stackName: "Sirocco-tasks-2" })).toThrow(/stackName/);
    expect(() => read({ stackName: "Sirocco-tasks" })).toThrow(/stackName/);
    expect(read({ stackName: "Sirocco-tasksx" }).stackName).toBe("Sirocco-tasksx");
  });

  it("reach the template", () => {
    const given = {
      retentionDays: "7",
      dueShards: "64",
      removalPolicy: "destroy",
      alarmTopicArn: "arn:aws:sns:eu-west-1:1:pager",
      logLevel: "warn",
    };
    const template = synthesize(stackProps(read(given)));
    for (const [, { DeletionPolicy, Properties }] of all(template, "AWS::DynamoDB::Table")) {
      expect(DeletionPolicy).toBe("Delete");
      expect(Properties.DeletionProtectionEnabled).toBe(false);
    }
    template.hasResourceProperties("AWS::S3::Bucket", {
      LifecycleConfiguration: { Rules: Match.arrayWith([Match.objectLike({ ExpirationInDays: 7 })]) },
    });
    template.allResourcesProperties("AWS::CloudWatch::Alarm", { AlarmActions: ["arn:aws:sns:eu-west-1:1:pager"] });
    const expected = { [ENV.retentionDays]: "7", [ENV.dueShards]: "64", [ENV.logLevel]: "warn" };
    for (const name of ["Worker", "Sweeper"]) expect(environment(template, name)).toMatchObject(expected);
    // Lambda would drop the handlers' errors as well: it takes their lines for lines of INFO.
    for (const [id, { Properties }] of all(template, "AWS::Lambda::Function"))
      if (!id.startsWith("Custom")) expect(Properties.LoggingConfig.ApplicationLogLevel, id).toBe("INFO"); // not the CDK's own
  });

  it("bound what clients can use up: requests a second, the length of a stream, the concurrency of functions", () => {
    const standard = synthesize(stackProps(read({})));
    const throttle = (of: typeof standard) => all(of, "AWS::ApiGateway::Stage")[0]![1].Properties.MethodSettings[0];
    expect(throttle(standard)).toMatchObject({
      ThrottlingRateLimit: 2_000,
      ThrottlingBurstLimit: 2_000,
      HttpMethod: "*",
    });
    expect(environment(standard, "Streams")[ENV.streamSeconds]).toBe("90");
    // AWS refuses a reservation in a new account, so there is none by default.
    const reserved = (of: typeof standard) =>
      all(of, "AWS::Lambda::Function")
        .filter(([, { Properties }]) => Properties.ReservedConcurrentExecutions !== undefined)
        .map(([id, { Properties }]) => [id.replace(/Function.*/, ""), Properties.ReservedConcurrentExecutions]);
    expect(reserved(standard)).toEqual([]);
    const given = {
      apiRequestsPerSecond: "50",
      streamSeconds: "60",
      feedBatchSize: "500",
      concurrency: "worker=200, streams=100",
    };
    const bounded = synthesize(stackProps(read(given)));
    expect(throttle(bounded)).toMatchObject({ ThrottlingRateLimit: 50, ThrottlingBurstLimit: 50 });
    expect(environment(bounded, "Streams")[ENV.streamSeconds]).toBe("60");
    const batches = (template: typeof bounded) =>
      all(template, "AWS::Lambda::EventSourceMapping").flatMap(([, { Properties }]) =>
        Properties.FilterCriteria ? [Properties.BatchSize] : [],
      );
    expect([batches(standard), batches(bounded)]).toEqual([[100], [500]]);
    expect(reserved(bounded).toSorted()).toEqual([
      ["Streams", 100],
      ["Worker", 200],
    ]);
    for (const wrong of ["worker", "worker=0", "workers=3", "worker=3;streams=4"])
      expect(() => read({ concurrency: wrong }), wrong).toThrow(/concurrency=.*name=number.*worker/);
  });

  it("send alarms to an address, and say so where they reach nobody", () => {
    const warnings = (props: Json) => {
      const { stack } = build(stackProps(read(props)));
      return Annotations.fromStack(stack).findWarning("*", Match.stringLikeRegexp("alarmEmail"));
    };
    expect(warnings({})).toHaveLength(1);
    expect(warnings({ alarmTopicArn: "arn:aws:sns:eu-west-1:1:pager" })).toHaveLength(0);
    expect(warnings({ alarmEmail: "on-call@example.com" })).toHaveLength(0);
    const template = synthesize(stackProps(read({ alarmEmail: "on-call@example.com" })));
    template.hasResourceProperties("AWS::SNS::Subscription", { Protocol: "email", Endpoint: "on-call@example.com" });
    const [[topic] = []] = all(template, "AWS::SNS::Topic");
    template.allResourcesProperties("AWS::CloudWatch::Alarm", {
      AlarmActions: [{ Ref: topic }],
      OKActions: [{ Ref: topic }],
    });
    const policies = JSON.stringify(all(template, "AWS::SNS::TopicPolicy"));
    expect(policies).toContain("cloudwatch.amazonaws.com");
    expect(policies).toContain("aws:SecureTransport");
    expect(() => read({ alarmEmail: "a@example.com", alarmTopicArn: "arn:aws:sns:eu-west-1:1:pager" })).toThrow(
      /one topic/,
    );
  });

  it("let the stack use tables and a bucket that exist, and then it makes none", () => {
    const streamArn = "arn:aws:dynamodb:eu-west-1:1:table/r-executions/stream/2026-11-28T00:00:00.000";
    const given = {
      existingExecutions: "r-executions",
      existingRegistry: "r-registry",
      existingSchedules: "r-schedules",
      existingFeed: "r-feed",
      existingPayloads: "old-payloads",
      existingExecutionsStreamArn: streamArn,
      console: "off",
    };
    const { app, stack } = build(stackProps(read(given)));
    const template = Template.fromStack(stack);
    for (const type of ["AWS::DynamoDB::Table", "AWS::S3::Bucket"]) expect(all(template, type)).toEqual([]);
    expect(environment(template, "Worker")).toMatchObject({
      [ENV.executionsTable]: "r-executions",
      [ENV.registryTable]: "r-registry",
      [ENV.payloadBucket]: "old-payloads",
    });
    const rights = JSON.stringify(statements(template, "Worker"));
    for (const part of [":table/r-executions", ":s3:::old-payloads"]) expect(rights).toContain(part);
    const sources = all(template, "AWS::Lambda::EventSourceMapping").map(([, { Properties }]) => Properties);
    expect(sources.map(({ EventSourceArn }) => EventSourceArn)).toContain(streamArn);
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    expect(() => app.synth()).not.toThrow();
    const { existingFeed: _, ...rest } = given;
    expect(() => read(rest)).toThrow(/all of these settings: .*existingFeed/);
  });

  it("give the stack a dashboard, and metrics for each method, which cost money", () => {
    const [plain, full] = [{}, { dashboard: "on", methodMetrics: "on" }].map((s) => synthesize(stackProps(read(s))));
    const metrics = (of: typeof plain) => all(of!, "AWS::ApiGateway::Stage")[0]![1].Properties.MethodSettings[0];
    expect(all(plain!, "AWS::CloudWatch::Dashboard")).toEqual([]);
    expect(metrics(plain).MetricsEnabled).toBe(false);
    expect(metrics(full).MetricsEnabled).toBe(true);
    const body = JSON.stringify(all(full!, "AWS::CloudWatch::Dashboard")[0]![1].Properties.DashboardBody);
    for (const part of ["ExecutionsStarted", "IteratorAge", "WriteThrottleEvents", "ConcurrentExecutions"])
      expect(body).toContain(part);
  });

  it("send the traces of closed executions to a collector", () => {
    const given = { otlpUrl: "https://otel.example.com", otlpHeaders: "x-key=a%20b" };
    const template = synthesize(stackProps(read(given)));
    const variables = { [ENV.otlpUrl]: "https://otel.example.com", [ENV.otlpHeaders]: "x-key=a%20b" };
    expect(environment(template, "Feed")).toMatchObject(variables);
    expect(Object.keys(environment(template, "Worker"))).not.toContain(ENV.otlpUrl);
    expect(() => read({ otlpUrl: "otel.example.com" })).toThrow(/otlpUrl/);
    expect(() => read({ otlpUrl: "https://x.example.com", otlpHeaders: "nonsense" })).toThrow(/otlpHeaders/);
  });

  it("give the REST API a custom domain with its alias record", () => {
    const certificateArn = "arn:aws:acm:eu-west-1:1:certificate/x";
    const zone = { hostedZoneId: "Z1", hostedZoneName: "example.com" };
    const template = synthesize(stackProps(read({ domainName: "workflows.example.com", certificateArn, ...zone })));
    template.hasResourceProperties("AWS::ApiGateway::DomainName", {
      DomainName: "workflows.example.com",
      RegionalCertificateArn: certificateArn,
      SecurityPolicy: "TLS_1_2",
    });
    template.hasResourceProperties("AWS::Route53::RecordSet", { Name: "workflows.example.com.", Type: "A" });
  });
});
