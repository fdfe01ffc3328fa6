// The console's part of the template.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { RemovalPolicy, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { afterAll, describe, expect, it } from "vitest";
import { CACHED_FOR_EVER, NOT_CACHED, PAGE_HEADERS } from "../shared/protocol/page-headers.ts";
import { ROUTES } from "../shared/protocol/routes.ts";
import { readSettings, stackProps } from "./config.ts";
import { all, build, type Json, synthesize } from "./testing.ts";

const files = mkdtempSync(path.join(tmpdir(), "sirocco-console-"));
afterAll(() => rmSync(files, { recursive: true }));
mkdirSync(path.join(files, "assets"));
for (const name of ["index.html", "assets/index-1.js"]) writeFileSync(path.join(files, name), name);

describe("the console on AWS", () => {
  const template = synthesize({ console: { files } });
  const config = all(template, "AWS::CloudFront::Distribution")[0]![1].Properties.DistributionConfig;
  // biome-ignore lint/suspicious/noExplicitAny: a template is JSON of many shapes
  const behaviors = [config.DefaultCacheBehavior, ...config.CacheBehaviors] as any[];
  const policies = Object.fromEntries(all(template, "AWS::CloudFront::ResponseHeadersPolicy"));
  const headersOf = (pattern: string | undefined): Record<string, string> => {
    const behavior = behaviors.find(({ PathPattern }) => PathPattern === pattern);
    const found = policies[behavior.ResponseHeadersPolicyId.Ref]!.Properties.ResponseHeadersPolicyConfig;
    const { ContentSecurityPolicy, ContentTypeOptions, ReferrerPolicy } = found.SecurityHeadersConfig;
    const custom = found.CustomHeadersConfig.Items.map(({ Header, Value }: Json) => [Header, Value]);
    return {
      "content-security-policy": ContentSecurityPolicy.ContentSecurityPolicy,
      "x-content-type-options": ContentTypeOptions.Override ? "nosniff" : "",
      "referrer-policy": ReferrerPolicy.ReferrerPolicy,
      ...Object.fromEntries(custom),
    };
  };

  it("sends the headers of the server on one machine, with caching for hashed files alone", () => {
    expect(headersOf(undefined)).toEqual({ ...PAGE_HEADERS, "cache-control": NOT_CACHED });
    expect(headersOf("/assets/*")).toEqual({ ...PAGE_HEADERS, "cache-control": CACHED_FOR_EVER });
    for (const { Properties } of Object.values(policies)) {
      const { SecurityHeadersConfig } = Properties.ResponseHeadersPolicyConfig;
      expect(SecurityHeadersConfig.StrictTransportSecurity).toMatchObject({ AccessControlMaxAgeSec: 31_536_000 });
    }
  });

  it("keeps the files in a private bucket that this distribution alone reads", () => {
    const [id, bucket] = all(template, "AWS::S3::Bucket").find(([name]) => name.startsWith("Console"))!;
    expect(bucket.Properties.PublicAccessBlockConfiguration).toEqual({
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    });
    const policy = all(template, "AWS::S3::BucketPolicy").find(([, { Properties }]) => Properties.Bucket.Ref === id)!;
    const allowed = policy[1].Properties.PolicyDocument.Statement.filter(({ Effect }: Json) => Effect === "Allow");
    expect(allowed).toHaveLength(1);
    expect(allowed[0]).toMatchObject({ Action: "s3:GetObject", Principal: { Service: "cloudfront.amazonaws.com" } });
    expect(JSON.stringify(allowed[0].Condition)).toContain("ConsoleDistribution");
    expect(all(template, "AWS::CloudFront::OriginAccessControl")).toHaveLength(1);
  });

  it("sends every path of the API to API Gateway, whole and uncached, over TLS alone", () => {
    const api = behaviors.filter(({ PathPattern }) => /^\/(v1|openapi|health)/.test(PathPattern));
    const patterns = api.map(
      ({ PathPattern }) => new RegExp(`^${PathPattern.replace(/\./g, "\\.").replace("*", ".*")}$`),
    );
    for (const { path: route } of ROUTES)
      expect(
        patterns.some((pattern) => pattern.test(route)),
        route,
      ).toBe(true);
    for (const behavior of api) {
      expect(behavior).toMatchObject({
        ViewerProtocolPolicy: "https-only",
        Compress: false,
        CachePolicyId: "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", // CachingDisabled
        OriginRequestPolicyId: "b689b0a8-53d0-40ab-baf2-68738e2966ac", // AllViewerExceptHostHeader
      });
      expect(behavior.AllowedMethods).toContain("DELETE");
      const origin = config.Origins.find(({ Id }: Json) => Id === behavior.TargetOriginId);
      expect(JSON.stringify(origin.OriginPath)).toMatch(/"\/",\{"Ref":"ApiRest\w*Stage/);
      expect(origin.CustomOriginConfig).toMatchObject({ OriginProtocolPolicy: "https-only", OriginReadTimeout: 60 });
    }
    // A page for errors would replace the API's own answers.
    expect(config.CustomErrorResponses).toBeUndefined();
    expect(config.DefaultRootObject).toBe("index.html");
  });

  it("uploads the files without source maps, and deletes none that an open page may still load", () => {
    const [[, upload] = []] = all(template, "Custom::CDKBucketDeployment");
    expect(upload!.Properties).toMatchObject({ Prune: false, RetainOnDelete: true });
    const destroyed = synthesize({ console: { files }, removalPolicy: RemovalPolicy.DESTROY });
    const [[, other] = []] = all(destroyed, "Custom::CDKBucketDeployment");
    expect(other!.Properties.RetainOnDelete).toBe(false);
  });

  it("writes its log with the key of the account's own, where there is one", () => {
    const kmsKeyArn = "arn:aws:kms:eu-west-1:123456789012:key/0190a000-0000-7000-8000-000000000001";
    const encrypted = synthesize({ console: { files }, kmsKeyArn });
    for (const [id, { Properties }] of all(encrypted, "AWS::Logs::LogGroup"))
      expect(Properties.KmsKeyId, id).toBe(kmsKeyArn);
  });

  it("names its address in an output, and a host name of the operator where there is one", () => {
    expect(template.findOutputs("ConsoleUrl").ConsoleUrl?.Value).toMatchObject({
      "Fn::Join": ["", ["https://", expect.anything(), "/"]],
    });
    const domain = { name: "console.example.com", certificateArn: "arn:aws:acm:us-east-1:1:certificate/x" };
    const named = synthesize({ console: { files, domain } });
    expect(named.findOutputs("ConsoleUrl").ConsoleUrl?.Value).toBe("https://console.example.com/");
    expect(named.findOutputs("ConsoleDomainTarget")).toHaveProperty("ConsoleDomainTarget");
    named.hasResourceProperties("AWS::CloudFront::Distribution", {
      DistributionConfig: {
        Aliases: ["console.example.com"],
        ViewerCertificate: { MinimumProtocolVersion: "TLSv1.2_2021" },
      },
    });
  });

  it("is left out by one setting, with everything that belongs to it", () => {
    const read = (given: Json) => stackProps(readSettings((name) => given[name]));
    expect(read({}).console).toMatchObject({ files: expect.stringMatching(/console.dist$/) });
    const without = synthesize(read({ console: "off" }));
    expect(JSON.stringify(without.toJSON())).not.toMatch(/CloudFront|Custom::/);
  });

  it("refuses settings that do not fit together, and a console that is not built", () => {
    const read = (given: Json) => () => readSettings((name) => given[name]);
    expect(read({ console: "no" })).toThrow(/console="no"/);
    expect(read({ consoleDomainName: "console.example.com" })).toThrow(/consoleCertificateArn/);
    const elsewhere = {
      consoleDomainName: "c.example.com",
      consoleCertificateArn: "arn:aws:acm:eu-west-1:1:certificate/x",
    };
    expect(read(elsewhere)).toThrow(/us-east-1/);
    const inPlace = { ...elsewhere, consoleCertificateArn: "arn:aws:acm:us-east-1:1:certificate/x" };
    expect(read({ ...inPlace, console: "off" })).toThrow(/The console is off/);
    expect(() => synthesize({ console: { files: path.join(files, "assets") } })).toThrow(/npm run build:console/);
  });

  it("has no finding of cdk-nag", () => {
    const { app } = build({ console: { files } });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    expect(() => app.synth()).not.toThrow();
  });
});
