/**
 * A JSON value as one attribute: text if it is small, compressed if that is smaller (2.3 KB of a batch become 0.7 KB), an
 * object in S3 if even the compressed value exceeds what the item should hold.
 *
 * PACK-1. The object is written to S3 before the item that names it, so that an item never names a missing object.
 * PACK-2. The key of an object is its owner (a run or a chain) and the digest of its content. Writing it twice has the
 *     effect of writing it once, and no other owner's expiry deletes it. Sharing objects across executions would save
 *     little and would break this.
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { deflateRaw, deflateRawSync, inflateRaw, inflateRawSync } from "node:zlib";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { storedJson } from "../lib/stored.ts";
import { Unreadable } from "../protocol/unreadable.ts";
import type { Blobs } from "./blobs.ts";

/** Compressing less than this seldom saves a unit of 1 KB and always costs time. */
const MAX_PLAIN_CHARS = 600;
/** Values up to this size are compressed synchronously, larger ones in a thread of the pool. */
const MAX_SYNC_BYTES = 64 * 1024;
/**
 * Bytes that an attribute may have in its item. A put to S3 costs as much as 8 write units of 1 KB. A batch or a message is
 * written once, so its limit is twice that. A head is written again at each wake-up, claim, park and close.
 */
export const INLINE_ONCE = 16 * 1024;
export const INLINE_HEAD = 4 * 1024;

export interface Packed {
  readonly attribute: AttributeValue;
  /** The object that must be in S3 before the attribute is written. */
  readonly blob?: { readonly key: string; readonly content: Buffer };
}

/** `owner`: prefix of the object's key, such as `<workspace>/<execution>/<run>`. */
export async function pack(json: string, owner: string, inline: number): Promise<Packed> {
  if (json.length <= MAX_PLAIN_CHARS) return { attribute: { S: json } };
  const content =
    json.length <= MAX_SYNC_BYTES
      ? deflateRawSync(json, { level: 6 })
      : await promisify(deflateRaw)(json, { level: 6 });
  const length = Buffer.byteLength(json);
  if (Math.min(length, content.length) <= inline) {
    return { attribute: content.length < length ? { B: content } : { S: json } };
  }
  const key = `${owner}/${createHash("sha256").update(content).digest("base64url")}`;
  return { attribute: { M: { s3: { S: key } } }, blob: { key, content } };
}

/** `short`: the objects are deleted one retention after now. */
export async function upload(blobs: Blobs, packed: readonly Packed[], o: { short?: true } = {}): Promise<void> {
  await Promise.all(packed.map(({ blob }) => (blob ? blobs.put(blob.key, blob.content, o) : undefined)));
}

/** Packs a value and uploads its object, if it has one. */
export async function stored(
  blobs: Blobs,
  value: unknown,
  p: { owner: string; inline: number; short?: true },
): Promise<AttributeValue> {
  const packed = await pack(JSON.stringify(value ?? null), p.owner, p.inline);
  await upload(blobs, [packed], p.short ? { short: true } : {});
  return packed.attribute;
}

/**
 * Lets the object of a value expire: of a write that lost, or of a replaced or deleted value. Not if `kept` names the same
 * object, as after two equal writes or a repeated one. Only for objects that no other item can name, since nothing
 * records which items need an object.
 */
export async function expireValue(
  blobs: Blobs,
  value: AttributeValue | undefined,
  kept?: AttributeValue,
): Promise<void> {
  const blob = blobOf(value);
  if (blob !== undefined && blob !== blobOf(kept)) await blobs.expire(blob);
}

/** The key of the S3 object that holds the value, undefined = the attribute holds it. */
export const blobOf = (attribute: AttributeValue | undefined): string | undefined => attribute?.M?.s3?.S;

export async function unpackText(blobs: Blobs, attribute: AttributeValue | undefined): Promise<string> {
  if (!attribute) throw new Unreadable("an attribute that should hold a packed value is missing");
  if (attribute.S !== undefined) return attribute.S;
  const key = blobOf(attribute);
  const content = key === undefined ? attribute.B : await blobs.get(key);
  if (content === undefined)
    throw new Unreadable(
      `an attribute holds no packed value: its type is ${Object.keys(attribute)}, not S, B or M with s3`,
    );
  const inflated = content.length <= MAX_SYNC_BYTES ? inflateRawSync(content) : await promisify(inflateRaw)(content);
  return inflated.toString();
}

export async function unpack<T>(blobs: Blobs, attribute: AttributeValue): Promise<T> {
  return storedJson(await unpackText(blobs, attribute)) as T;
}
