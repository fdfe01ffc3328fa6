/** Payloads too large for an item, in S3. The bucket's lifecycle rules delete tagged objects when their time is over. */

import type { Lazy } from "./clients.ts";
import { PAYLOAD_CLOSED_TAG, PAYLOAD_QUEUED_TAG } from "./names.ts";
import type { ObjectKey, S3 } from "./s3.ts";

const tagging = (tag: { key: string; value: string }) => `${tag.key}=${tag.value}`;
const TAGGING = tagging(PAYLOAD_CLOSED_TAG);
const QUEUED = tagging(PAYLOAD_QUEUED_TAG);
const CACHED_OBJECTS = 32;
const MAX_CACHED_BYTES = 512 * 1024;

export interface Blobs {
  /**
   * `short`: the object is deleted one retention after now. `queued`: it is deleted when no queue can hold a message that
   * names it any more. Else it stays until `expire`.
   */
  put(key: string, content: Buffer, o?: { short?: true; queued?: true }): Promise<void>;
  get(key: string): Promise<Buffer>;
  /** Null = there is no such object. */
  find(key: string): Promise<Buffer | null>;
  /** The object is deleted one retention after now. No error if it is absent. */
  expire(key: string): Promise<void>;
  /** No error if it is absent. */
  delete(key: string): Promise<void>;
}

export class S3Blobs implements Blobs {
  readonly #s3: Lazy<S3>;
  readonly #bucket: string;
  /** Objects read or written lately: every claim reads the input again. A key is a digest, so its content never changes. */
  readonly #cache = new Map<string, Buffer>();

  constructor(s3: Lazy<S3>, bucket: string) {
    this.#s3 = s3;
    this.#bucket = bucket;
  }

  async put(key: string, content: Buffer, o: { short?: true; queued?: true } = {}): Promise<void> {
    if (this.#cache.has(key)) return;
    const s3 = await this.#s3();
    await s3.put(this.#object(key), content, o.short ? TAGGING : o.queued && QUEUED);
    this.#remember(key, content);
  }

  async get(key: string): Promise<Buffer> {
    const cached = this.#cache.get(key);
    if (cached) return cached;
    const s3 = await this.#s3();
    const content = await s3.get(this.#object(key));
    this.#remember(key, content);
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
    this.#cache.delete(key);
    const s3 = await this.#s3();
    try {
      await s3.renew(this.#object(key), TAGGING);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async delete(key: string): Promise<void> {
    this.#cache.delete(key);
    await (await this.#s3()).delete(this.#object(key));
  }

  #object(Key: string): ObjectKey {
    return { Bucket: this.#bucket, Key };
  }

  #remember(key: string, content: Buffer): void {
    if (content.length > MAX_CACHED_BYTES) return;
    if (this.#cache.size >= CACHED_OBJECTS) this.#cache.delete(this.#cache.keys().next().value as string);
    this.#cache.set(key, content);
  }
}

const isMissing = (error: unknown): boolean => (error as Error | undefined)?.name === "NoSuchKey";
