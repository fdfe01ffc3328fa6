/**
 * The calls of S3 that payloads need. Loaded at its first use: its client is as large as those of DynamoDB and SQS
 * together, and in most invocations every payload fits into its item.
 */
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from "@aws-sdk/client-s3";

export interface ObjectKey {
  readonly Bucket: string;
  readonly Key: string;
}

export class S3 {
  readonly client: S3Client;

  constructor(config: S3ClientConfig) {
    this.client = new S3Client(config);
  }

  /** `Tagging`: a query string, `name=value`. */
  async put(object: ObjectKey, Body: Buffer, Tagging?: string): Promise<void> {
    await this.client.send(new PutObjectCommand({ ...object, Body, ...(Tagging && { Tagging }) }));
  }

  /** @throws Error with the name `NoSuchKey` if there is no such object. */
  async get(object: ObjectKey): Promise<Buffer> {
    const { Body } = await this.client.send(new GetObjectCommand(object));
    return Buffer.from(await Body!.transformToByteArray());
  }

  async delete(object: ObjectKey): Promise<void> {
    await this.client.send(new DeleteObjectCommand(object));
  }

  /** Restarts the object's age, with other tags. S3 counts from the write, and refuses a copy onto itself that changes nothing. */
  async renew(object: ObjectKey, Tagging: string): Promise<void> {
    const CopySource = `${object.Bucket}/${object.Key.split("/").map(encodeURIComponent).join("/")}`;
    const replaced = { TaggingDirective: "REPLACE", MetadataDirective: "REPLACE" } as const;
    await this.client.send(new CopyObjectCommand({ ...object, ...replaced, CopySource, Tagging }));
  }
}
