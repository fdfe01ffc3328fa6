import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { ENV } from "../shared/aws/names.ts";
import { readSettings, refuseUnknown, stackProps } from "./config.ts";
import { all, environment, type Json, synthesize } from "./testing.ts";

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
    expect(environment(template, "Worker")).toMatchObject({ [ENV.retentionDays]: "7", [ENV.logLevel]: "warn" });
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
