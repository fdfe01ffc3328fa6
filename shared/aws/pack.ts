/**
 * A JSON value as one attribute: as text while it is small, compressed when that is smaller (a batch of 2.3 KB takes
 * 0.7), and in S3 when even so it is larger than the item should carry.
 *
 * PACK-1. The object is in S3 before the item that names it is written: a name never leads nowhere.
 * PACK-2. Objects are named by their content under the run (or chain) that owns them: writing one twice is writing it once,
 *     and nobody else's expiry takes it away. Sharing across executions would save little and would end that.
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { deflateRaw, deflateRawSync, inflateRaw, inflateRawSync } from "node:zlib";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { Blobs } from "./blobs.ts";

/** Compressing less than this seldom saves a unit of 1 KB and always costs time. */
const SMALL = 600;
/** Compressed on the spot; what is larger goes to a thread. */
const ON_THE_SPOT = 64 * 1024;
/**
 * Bytes that an attribute may have inside its item. A put of S3 costs as much as 8 write units: a batch or a message is
 * written once, so its limit lies at twice that; the head is written again at every claim, mark, park and close.
 */
export const INLINE_ONCE = 16 * 1024;
export const INLINE_HEAD = 4 * 1024;

export interface Packed {
  readonly attribute: AttributeValue;
  /** What must be in S3 before the attribute is written. */
  readonly blob?: { readonly key: string; readonly content: Buffer };
}

/** `owner`: where its object would lie, such as `<workspace>/<execution>/<run>`. */
export async function pack(json: string, owner: string, inline: number): Promise<Packed> {
  if (json.length <= SMALL) return { attribute: { S: json } };
  const content =
    json.length <= ON_THE_SPOT ? deflateRawSync(json, { level: 6 }) : await promisify(deflateRaw)(json, { level: 6 });
  const length = Buffer.byteLength(json);
  if (Math.min(length, content.length) <= inline) {
    return { attribute: content.length < length ? { B: content } : { S: json } };
  }
  const key = `${owner}/${createHash("sha256").update(content).digest("base64url")}`;
  return { attribute: { M: { s3: { S: key } } }, blob: { key, content } };
}

/** `short`: objects that are deleted a retention after now, whatever happens. */
export async function upload(blobs: Blobs, packed: readonly Packed[], o: { short?: true } = {}): Promise<void> {
  await Promise.all(packed.map(({ blob }) => (blob ? blobs.put(blob.key, blob.content, o) : undefined)));
}

/** Packs and uploads. */
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
 * The object of a value that is needed no more expires: that of a write that lost, or of a value that was replaced or
 * deleted; unless it is the object of `kept` as well (of two equal writes, or a write that came twice). Only for content
 * that no other write can share: nobody could tell then who needs it.
 */
export async function expireValue(
  blobs: Blobs,
  value: AttributeValue | undefined,
  kept?: AttributeValue,
): Promise<void> {
  const blob = blobOf(value);
  if (blob !== undefined && blob !== blobOf(kept)) await blobs.expire(blob);
}

/** The name of the object that the attribute stands for, if one does. */
export const blobOf = (attribute: AttributeValue | undefined): string | undefined => attribute?.M?.s3?.S;

export async function unpackText(blobs: Blobs, attribute: AttributeValue): Promise<string> {
  if (attribute.S !== undefined) return attribute.S;
  const key = blobOf(attribute);
  const content = key === undefined ? attribute.B : await blobs.get(key);
  if (content === undefined) throw new Error(`an item holds no value where one was packed: ${Object.keys(attribute)}`);
  const inflated = content.length <= ON_THE_SPOT ? inflateRawSync(content) : await promisify(inflateRaw)(content);
  return inflated.toString();
}

export async function unpack<T>(blobs: Blobs, attribute: AttributeValue): Promise<T> {
  return JSON.parse(await unpackText(blobs, attribute)) as T;
}
