import { existsSync } from "node:fs";
import path from "node:path";
import { DefaultStackSynthesizer, Duration, RemovalPolicy, Stack, Validations } from "aws-cdk-lib";
import type { RestApi } from "aws-cdk-lib/aws-apigateway";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import {
  AllowedMethods,
  type BehaviorOptions,
  CachePolicy,
  Distribution,
  HeadersReferrerPolicy,
  HttpVersion,
  OriginRequestPolicy,
  ResponseHeadersPolicy,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from "aws-cdk-lib/aws-cloudfront";
import { RestApiOrigin, S3BucketOrigin } from "aws-cdk-lib/aws-cloudfront-origins";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { BlockPublicAccess, Bucket, BucketEncryption, type CfnBucket, ObjectOwnership } from "aws-cdk-lib/aws-s3";
import { BucketDeployment, Source } from "aws-cdk-lib/aws-s3-deployment";
import { Construct } from "constructs";
import {
  CACHED_FOR_EVER,
  CONTENT_SECURITY_POLICY,
  NOT_CACHED,
  PAGE_HEADERS,
} from "../../shared/protocol/page-headers.ts";

export interface ConsoleProps {
  readonly api: RestApi;
  /** Folder of the built console, `console/dist`. */
  readonly files: string;
  /** A host name for the console. @default none: CloudFront's host name */
  readonly domain?:
    | { readonly name: string /** In us-east-1, where CloudFront reads it. */; readonly certificateArn: string }
    | undefined;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
  /** A key of the account's own for its log. @default CloudWatch's own key */
  readonly key?: IKey | undefined;
}

/** Paths that CloudFront sends to the API. The console's files have none of them. */
export const API_PATHS = ["/v1/*", "/openapi.json", "/health"] as const;

/** CloudFront waits so long for the first byte, and for each further one. Streams send a comment every 15 seconds. */
const SILENCE = Duration.seconds(60);
const HSTS = Duration.days(365);

/**
 * The console: its files in a private bucket that CloudFront alone reads, and the API under the same host name, because
 * the page calls its own origin only (CONSOLE-1). No function runs in front of a request: the page keeps its addresses in
 * the fragment, so `/` is the only page.
 *
 * Uploads never delete files. A page that is open during a deployment still loads parts of its own version.
 */
export class Console extends Construct {
  readonly distribution: Distribution;
  readonly url: string;

  constructor(scope: Construct, id: string, { api, files, domain, logRetention, removalPolicy, key }: ConsoleProps) {
    super(scope, id);
    if (!existsSync(path.join(files, "index.html"))) {
      throw new Error(
        `There is no built console in ${files}. Build it with: npm run build:console. To deploy without it: -c console=off`,
      );
    }
    const bucket = new Bucket(this, "Files", {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      removalPolicy,
    });
    const page: BehaviorOptions = {
      origin: S3BucketOrigin.withOriginAccessControl(bucket),
      viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
      compress: true,
      // Not even CloudFront keeps the page: a deployment needs no invalidation.
      cachePolicy: CachePolicy.CACHING_DISABLED,
      responseHeadersPolicy: this.headers("Page", NOT_CACHED),
    };
    const call: BehaviorOptions = {
      origin: new RestApiOrigin(api, { readTimeout: SILENCE }),
      // A request over plain HTTP holds a key. It is refused, because a redirect would hide the mistake.
      viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
      allowedMethods: AllowedMethods.ALLOW_ALL,
      compress: false,
      cachePolicy: CachePolicy.CACHING_DISABLED,
      // With the header Authorization. API Gateway refuses the host name of CloudFront.
      originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
    };
    this.distribution = new Distribution(this, "Distribution", {
      comment: `${Stack.of(this).stackName}: console and API`,
      defaultRootObject: "index.html",
      defaultBehavior: page,
      additionalBehaviors: {
        "/assets/*": {
          ...page,
          cachePolicy: CachePolicy.CACHING_OPTIMIZED,
          responseHeadersPolicy: this.headers("Assets", CACHED_FOR_EVER),
        },
        ...Object.fromEntries(API_PATHS.map((pattern) => [pattern, call])),
      },
      // No pages for errors: they would replace the API's answers, too.
      httpVersion: HttpVersion.HTTP2_AND_3,
      ...(domain && {
        domainNames: [domain.name],
        certificate: Certificate.fromCertificateArn(this, "Certificate", domain.certificateArn),
        minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
      }),
    });
    this.url = `https://${domain?.name ?? this.distribution.distributionDomainName}/`;
    const logGroup = new LogGroup(this, "UploadLogs", {
      retention: logRetention,
      removalPolicy,
      ...(key && { encryptionKey: key }),
    });
    const role = new Role(this, "UploadRole", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      description: `Copies the console of ${Stack.of(this).stackName} into its bucket`,
    });
    role.addToPolicy(
      new PolicyStatement({
        actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
        resources: [logGroup.logGroupArn],
      }),
    );
    const upload = new BucketDeployment(this, "Upload", {
      destinationBucket: bucket,
      sources: [Source.asset(files, { exclude: ["*.map"] })],
      prune: false,
      // CloudFormation cannot delete a bucket that holds an object.
      retainOnDelete: removalPolicy !== RemovalPolicy.DESTROY,
      memoryLimit: 512,
      logGroup,
      role,
    });
    this.acknowledgeFindings(bucket, upload);
  }

  /** CONSOLE-1, CONSOLE-2. */
  private headers(name: string, caching: string): ResponseHeadersPolicy {
    return new ResponseHeadersPolicy(this, `${name}Headers`, {
      comment: `${Stack.of(this).stackName}: ${name.toLowerCase()} of the console`,
      securityHeadersBehavior: {
        contentSecurityPolicy: { contentSecurityPolicy: CONTENT_SECURITY_POLICY, override: true },
        contentTypeOptions: { override: true },
        referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override: true },
        strictTransportSecurity: { accessControlMaxAge: HSTS, override: true },
      },
      customHeadersBehavior: {
        customHeaders: [
          { header: "cache-control", value: caching, override: true },
          {
            header: "cross-origin-opener-policy",
            value: PAGE_HEADERS["cross-origin-opener-policy"],
            override: true,
          },
        ],
      },
    });
  }

  private acknowledgeFindings(bucket: Bucket, upload: BucketDeployment): void {
    Validations.of(bucket).acknowledge({
      id: "AwsSolutions-S1",
      reason: "The files are the same in every installation; requests for them tell nothing.",
    });
    Validations.of(this.distribution).acknowledge(
      { id: "AwsSolutions-CFR1", reason: "An installation does not know from which countries its operators work." },
      {
        id: "AwsSolutions-CFR2",
        reason: "A web ACL costs more than an idle installation; an operator can associate one with the distribution.",
      },
      { id: "AwsSolutions-CFR3", reason: "Handlers log each request of the API; the files are public." },
      {
        id: "AwsSolutions-CFR4",
        reason: "CloudFront's own host name has a fixed policy; one of the operator gets TLS 1.2 and newer.",
      },
    );
    const stack = Stack.of(this);
    const qualifier =
      this.node.tryGetContext("@aws-cdk/core:bootstrapQualifier") ?? DefaultStackSynthesizer.DEFAULT_QUALIFIER;
    const assets = `arn:<AWS::Partition>:s3:::cdk-${qualifier}-assets-<AWS::AccountId>-<AWS::Region>/*`;
    const files = `<${stack.getLogicalId(bucket.node.defaultChild as CfnBucket)}.Arn>/*`;
    const reads = ["Action::s3:GetBucket*", "Action::s3:GetObject*", "Action::s3:List*"];
    const wildcards = [
      ...reads,
      "Action::s3:Abort*",
      "Action::s3:DeleteObject*",
      `Resource::${assets}`,
      `Resource::${files}`,
    ];
    Validations.of(upload.handlerRole).acknowledge(
      ...wildcards.map((found) => ({
        id: `AwsSolutions-IAM5[${found}]`,
        reason: "The CDK's function copies all files from the CDK's own bucket to this one.",
      })),
    );
    for (const copier of stack.node.children.filter(({ node }) => node.id.startsWith("Custom::CDKBucketDeployment")))
      Validations.of(copier).acknowledge({
        id: "AwsSolutions-L1",
        reason: "The CDK chooses the runtime of its function.",
      });
  }
}
