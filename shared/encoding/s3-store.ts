/** Offloaded payloads in a bucket of S3. Only this file loads its client, at the first payload. */
import type { S3Client } from "@aws-sdk/client-s3";
import type { BlobStore } from "./options.ts";

export interface S3StoreOptions {
  readonly bucket: string;
  /** Before the key of each blob, followed by a slash. Default: none. */
  readonly prefix?: string;
  /** Default: as the client of S3 finds it, such as by `AWS_REGION`. */
  readonly region?: string;
  /** Address of a store that speaks S3. Default: S3 itself. */
  readonly endpoint?: string;
  /** Further options of the client, such as credentials. Default: as the client of S3 finds them. */
  readonly client?: Readonly<Record<string, unknown>>;
}

export function s3Store({ bucket: Bucket, prefix = "", region, endpoint, client: config }: S3StoreOptions): BlobStore {
  const load = once(async () => {
    const s3 = await import("@aws-sdk/client-s3").catch((cause) => {
      throw new Error("s3Store needs the package @aws-sdk/client-s3: npm install @aws-sdk/client-s3", { cause });
    });
    const own = { ...(region && { region }), ...(endpoint && { endpoint, forcePathStyle: true }) };
    return { s3, client: new s3.S3Client({ ...own, ...config }) as S3Client };
  });
  // The official clients put the prefix before a key that does not begin with it already.
  const keyOf = (key: string) => (prefix === "" || key.startsWith(prefix) ? key : `${prefix}/${key}`);
  return {
    async get(key) {
      const { s3, client } = await load();
      try {
        const { Body } = await client.send(new s3.GetObjectCommand({ Bucket, Key: keyOf(key) }));
        return await Body!.transformToByteArray();
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    },
    async has(key) {
      const { s3, client } = await load();
      try {
        await client.send(new s3.HeadObjectCommand({ Bucket, Key: keyOf(key) }));
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    },
    async put(key, Body) {
      const { s3, client } = await load();
      await client.send(new s3.PutObjectCommand({ Bucket, Key: keyOf(key), Body }));
    },
  };
}

const MISSING = new Set(["NoSuchKey", "NotFound"]);
const isMissing = (error: unknown): boolean => MISSING.has((error as Error).name);

/** A call that failed is made again. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((error) => {
      made = null;
      throw error;
    });
    return made;
  };
}
