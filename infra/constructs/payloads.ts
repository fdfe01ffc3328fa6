import { Duration, type RemovalPolicy, Validations } from "aws-cdk-lib";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket, ObjectOwnership } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { PAYLOAD_CLOSED_TAG, PAYLOAD_QUEUED_TAG } from "../../shared/aws/names.ts";

/** SQS keeps a message for 14 days at most. */
const QUEUED_DAYS = 15;

/** A deleted or replaced object can be brought back for this long. */
const NONCURRENT_DAYS = 7;

export interface PayloadsProps {
  /** Retention of the payloads of a closed execution, days. */
  readonly retentionDays: number;
  /** A bucket that exists, such as that of a lost stack. @default none */
  readonly existing?: string | undefined;
  /** A key of the account's own. @default S3's own key */
  readonly key?: IKey | undefined;
  /** Whether the bucket is kept or deleted with the stack. `DESTROY` needs an empty bucket: `npm run destroy` empties it. */
  readonly removalPolicy: RemovalPolicy;
}

/** Inputs, results and events that are too large for an item of a table. */
export class Payloads extends Construct {
  readonly bucket: IBucket;

  constructor(scope: Construct, id: string, { retentionDays, removalPolicy, key, existing }: PayloadsProps) {
    super(scope, id);
    if (existing !== undefined) {
      this.bucket = Bucket.fromBucketName(this, "Bucket", existing);
      return;
    }
    this.bucket = new Bucket(this, "Bucket", {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      encryption: key ? BucketEncryption.KMS : BucketEncryption.S3_MANAGED,
      // S3 asks KMS once for many objects.
      ...(key && { encryptionKey: key, bucketKeyEnabled: true }),
      enforceSSL: true,
      // Tables can be restored to any second; with versions, so can the objects that their items name, for a week.
      versioned: true,
      removalPolicy,
      lifecycleRules: [
        {
          id: "closed-executions",
          tagFilters: { [PAYLOAD_CLOSED_TAG.key]: PAYLOAD_CLOSED_TAG.value },
          expiration: Duration.days(retentionDays),
        },
        {
          id: "queued-tasks",
          tagFilters: { [PAYLOAD_QUEUED_TAG.key]: PAYLOAD_QUEUED_TAG.value },
          expiration: Duration.days(QUEUED_DAYS),
        },
        {
          id: "earlier-versions",
          noncurrentVersionExpiration: Duration.days(NONCURRENT_DAYS),
          expiredObjectDeleteMarker: true,
        },
        { id: "abandoned-uploads", abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });
    Validations.of(this.bucket).acknowledge({
      id: "AwsSolutions-S1",
      reason:
        "Only the handlers' roles can read or write it, and their logs have each request; an access log would double the objects and add no information.",
    });
  }
}
