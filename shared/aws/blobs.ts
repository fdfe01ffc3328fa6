/** Payloads too large for an item, in S3. The bucket's lifecycle rules delete those with a tag, when its time is over. */

import type { Lazy } from "./clients.ts";
import { PAYLOAD_CLOSED_TAG, PAYLOAD_QUEUED_TAG } from "./names.ts";
import type { Place, S3 } from "./s3.ts";

const tagging = (tag: { key: string; value: string }) => `${tag.key}=${tag.value}`;
const TAGGING = tagging(PAYLOAD_CLOSED_TAG);
const QUEUED = tagging(PAYLOAD_QUEUED_TAG);
const KEPT = 32;
const KEPT_BYTES = 512 * 1024;

export interface Blobs {
  /** `short`: it is deleted a retention after now, whatever happens. `queued`: when no message can name it any more. */
  put(key: string, content: Buffer, o?: { short?: true; queued?: true }): Promise<void>;
  get(key: string): Promise<Buffer>;
  /** Null: there is no such object. */
  find(key: string): Promise<Buffer | null>;
  /** Starts its time until expiry anew: it is deleted when the retention has passed. Absent already: nothing to do. */
  expire(key: string): Promise<void>;
}

export class S3Blobs implements Blobs {
  readonly #s3: Lazy<S3>;
  readonly #bucket: string;
  /** What was put or got lately: an input is read again at every claim. Content never changes under its name. */
  readonly #kept = new Map<string, Buffer>();

  constructor(s3: Lazy<S3>, bucket: string) {
    this.#s3 = s3;
    this.#bucket = bucket;
  }

  async put(key: string, content: Buffer, o: { short?: true; queued?: true } = {}): Promise<void> {
    if (this.#kept.has(key)) return;
    const s3 = await this.#s3();
    await s3.put(this.#place(key), content, o.short ? TAGGING : o.queued && QUEUED);
    this.#keep(key, content);
  }

  async get(key: string): Promise<Buffer> {
    const kept = this.#kept.get(key);
    if (kept) return kept;
    const s3 = await this.#s3();
    const content = await s3.get(this.#place(key));
    this.#keep(key, content);
    return content;
  }

  async find(key: string): Promise<Buffer | null> {
    try {
      return await this.get(key);
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async expire(key: string): Promise<void> {
    this.#kept.delete(key);
    const s3 = await this.#s3();
    try {
      await s3.renew(this.#place(key), TAGGING);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  #place(Key: string): Place {
    return { Bucket: this.#bucket, Key };
  }

  #keep(key: string, content: Buffer): void {
    if (content.length > KEPT_BYTES) return;
    if (this.#kept.size >= KEPT) this.#kept.delete(this.#kept.keys().next().value as string);
    this.#kept.set(key, content);
  }
}

const isMissing = (error: unknown): boolean => (error as Error | undefined)?.name === "NoSuchKey";
