/**
 * S3, as far as payloads need it. Loaded at its first use: its client is as large as those of DynamoDB and SQS together,
 * and most invocations never touch a payload that does not fit into its item.
 */
import {
  CopyObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from "@aws-sdk/client-s3";

export interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

export class S3 {
  readonly client: S3Client;

  constructor(config: S3ClientConfig) {
    this.client = new S3Client(config);
  }

  /** `Tagging`: in the form of a query string, `name=value`. */
  async put(place: Place, Body: Buffer, Tagging?: string): Promise<void> {
    await this.client.send(new PutObjectCommand({ ...place, Body, ...(Tagging && { Tagging }) }));
  }

  /** @throws NoSuchKey, by name, if there is no such object. */
  async get(place: Place): Promise<Buffer> {
    const { Body } = await this.client.send(new GetObjectCommand(place));
    return Buffer.from(await Body!.transformToByteArray());
  }

  /** Starts its age anew, with other tags. S3 counts from the write and refuses a copy onto itself that changes nothing. */
  async renew(place: Place, Tagging: string): Promise<void> {
    const CopySource = `${place.Bucket}/${place.Key.split("/").map(encodeURIComponent).join("/")}`;
    const replaced = { TaggingDirective: "REPLACE", MetadataDirective: "REPLACE" } as const;
    await this.client.send(new CopyObjectCommand({ ...place, ...replaced, CopySource, Tagging }));
  }
}
