/**
 * Encodes and decodes payloads, in the formats of the official clients: what one of them has encoded the others decode.
 *
 * ENCODING-1. A payload takes at most four steps, in this order: marked texts are encrypted (`encrypted-partial`), it is
 *     compressed, it is offloaded, it is encrypted. `encoding_options` lists the steps taken, in their order. A decoder
 *     takes them back from the end of the list, so it also reads lists in another order.
 * ENCODING-2. Encryption is AES-GCM: a random nonce of 12 bytes, the encrypted bytes, the tag of 16 bytes. The first key
 *     encrypts. All keys decrypt, because a rotation leaves payloads under the old key.
 * ENCODING-3. A compressed payload is a MessagePack map `{compression: {algorithm, level}, payload}`. An offloaded one is the
 *     JSON `{"key": …}`; the key ends with the SHA-256 of the blob, so a repeated upload finds its blob there, and a
 *     decoder notices another blob in its place.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";

import { isEncodedInput, type NetworkEncodedInput } from "../protocol/http/fields.ts";
import { isObject } from "../protocol/json-value.ts";
import { EncodingError } from "./errors.ts";
import { hasMark, mapMarks } from "./marked-text.ts";
import { pack } from "./msgpack.ts";
import { type EncodingOptions, type EncodingSettings, encodingSettings } from "./options.ts";
import { unpack } from "./unpack.ts";

const STEPS = ["encrypted-partial", "compressed", "offloaded", "encrypted"] as const;
type Step = (typeof STEPS)[number];
const isStep = (option: string): option is Step => STEPS.some((step) => step === option);

/** Names the place of a blob in the store. */
export interface PayloadContext {
  /** Of the server, as its `whoami` says it. */
  readonly namespace: string;
  readonly execution: string;
}

/** The type of an encrypted value within a JSON Patch. */
const ENCRYPTED_VALUE = "__encrypted__";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** A decompressed payload above this is refused: a few bytes may decompress to any size. */
const MAX_DECOMPRESSED_BYTES = 512 * 1024 * 1024;
const BLOBS = "temporal-payload";

const compressZstd = promisify(zstdCompress);
const decompressZstd = promisify(zstdDecompress);

/** The payload of a public event. */
export interface EventPayload {
  readonly type: "json" | "json_patch";
  readonly value: unknown;
  readonly encoding_options: readonly string[] | null;
  /** Paths of patches within marked texts. It does not leave the worker. */
  readonly encrypted_paths?: readonly string[];
}

export const isEventPayload = (value: unknown): value is EventPayload =>
  isObject(value) && (value.type === "json" || value.type === "json_patch") && "value" in value;

/** Encoded by a step: unlike a bare `{b64payload}`, it says how. */
export const isEncoded = (value: unknown): value is NetworkEncodedInput =>
  isEncodedInput(value) && Array.isArray(value.encoding_options);

export class PayloadCodec {
  readonly #settings: EncodingSettings;

  /** Throws `EncodingOptionsError`. */
  constructor(options: EncodingOptions = {}) {
    this.#settings = encodingSettings(options);
  }

  /** False: it takes no step, and only decodes. */
  get encodes(): boolean {
    const { mode, compression, offload } = this.#settings;
    return mode !== null || compression !== null || offload !== null;
  }

  get offloads(): boolean {
    return this.#settings.offload !== null;
  }

  // --- values --------------------------------------------------------------------------------------------------

  /**
   * The encoded form, or the value itself where no step applies. `offload: false`: the payload must not leave for a store.
   * Null stays null: it says that there is no value. Throws `EncodingError`.
   */
  async encode(value: unknown, context: PayloadContext, o: { offload?: boolean } = {}): Promise<unknown> {
    if (value === null || value === undefined) return value;
    if (!this.encodes) return isEncoded(value) ? encodedForm(bytesOf(value), []) : value;
    const { bytes, steps } = await this.#take(value, o.offload === false ? null : context);
    return steps.length > 0 || isEncoded(value) ? encodedForm(bytes, steps) : value;
  }

  /** Any other value is answered as it is. Throws `EncodingError`. */
  async decode(value: unknown): Promise<unknown> {
    if (!isEncoded(value)) return value;
    if (value.empty) return null;
    return parsed(await this.#takeBack(base64(value.b64payload), value.encoding_options));
  }

  // --- events --------------------------------------------------------------------------------------------------

  /** Payloads of events are not offloaded: whoever watches a stream would have to read the store. */
  async encodeEvent({ encrypted_paths = [], ...payload }: EventPayload): Promise<EventPayload> {
    const { type, value, encoding_options } = payload;
    if (!this.encodes || (encoding_options ?? []).length > 0) return payload;
    if (type === "json_patch" && this.#settings.mode === "partial" && Array.isArray(value)) {
      const patches = value.map((patch) => this.#encryptPatch(patch, encrypted_paths));
      const some = patches.some((patch, i) => patch !== value[i]);
      return some ? { type, value: patches, encoding_options: ["encrypted-partial"] } : payload;
    }
    const { bytes, steps } = await this.#take(value ?? null, null);
    return steps.length > 0 ? { type, value: bytes.toString("base64"), encoding_options: steps } : payload;
  }

  /** Throws `EncodingError`. */
  async decodeEvent(payload: EventPayload): Promise<EventPayload> {
    const { type, value, encoding_options } = payload;
    if (!encoding_options || encoding_options.length === 0) return payload;
    if (Array.isArray(value))
      return { type, value: value.map((patch) => this.#decryptPatch(patch)), encoding_options: [] };
    if (typeof value !== "string") throw new EncodingError("form", "an encoded event payload is no base64 text");
    return { type, value: parsed(await this.#takeBack(base64(value), encoding_options)), encoding_options: [] };
  }

  #encryptPatch(patch: unknown, paths: readonly string[]): unknown {
    if (!isObject(patch) || !(hasMark(patch.value) || paths.includes(String(patch.path)))) return patch;
    return {
      ...patch,
      value: { type: ENCRYPTED_VALUE, value: this.#encrypt(bytesOf(patch.value)).toString("base64") },
    };
  }

  #decryptPatch(patch: unknown): unknown {
    const value = isObject(patch) ? patch.value : null;
    if (!isObject(value) || value.type !== ENCRYPTED_VALUE || typeof value.value !== "string") return patch;
    return { ...(patch as object), value: parsed(this.#decrypt(base64(value.value))) };
  }

  // --- schedules -----------------------------------------------------------------------------------------------

  /** Tells equal inputs of schedules apart from others without their content: keyed if there is a key. */
  inputHash(input: unknown): string {
    const text = JSON.stringify(sortedKeys(input));
    const [key] = this.#settings.keys;
    if (!key) return createHash("sha256").update(text).digest("hex");
    const hashKey = createHmac("sha256", key).update("schedule-input-hash").digest();
    return createHmac("sha256", hashKey).update(text).digest("hex");
  }

  // --- steps ---------------------------------------------------------------------------------------------------

  /** `context`: null = the payload is not offloaded. */
  async #take(value: unknown, context: PayloadContext | null): Promise<{ bytes: Buffer; steps: Step[] }> {
    const { mode, compression, offload } = this.#settings;
    const steps: Step[] = [];
    let bytes: Buffer;
    if (mode === "partial" && hasMark(value)) {
      bytes = bytesOf(mapMarks(value, (data) => this.#encrypt(Buffer.from(data)).toString("base64")));
      steps.push("encrypted-partial");
    } else bytes = bytesOf(value);
    if (compression && bytes.length >= compression.minBytes) {
      const smaller = await compressed(bytes, compression.level);
      if (smaller) {
        bytes = smaller;
        steps.push("compressed");
      }
    }
    if (offload && context && bytes.length >= offload.minBytes) {
      if (offload.encrypted) {
        bytes = this.#encrypt(bytes);
        steps.push("encrypted");
      }
      bytes = await this.#upload(bytes, context);
      steps.push("offloaded");
    }
    if (mode === "full") {
      bytes = this.#encrypt(bytes);
      steps.push("encrypted");
    }
    return { bytes, steps };
  }

  async #takeBack(bytes: Buffer, steps: readonly string[]): Promise<Buffer> {
    let data = bytes;
    for (const step of steps.toReversed()) {
      if (!isStep(step)) throw new EncodingError("form", `the payload has the encoding '${step}', which is not known`);
      data = await this.#back(step, data);
    }
    return data;
  }

  async #back(step: Step, data: Buffer): Promise<Buffer> {
    switch (step) {
      case "encrypted":
        return this.#decrypt(data);
      case "encrypted-partial":
        return bytesOf(mapMarks(parsed(data), (text) => this.#decrypt(base64(text)).toString()));
      case "compressed":
        return decompressed(data);
      case "offloaded":
        return this.#download(data);
    }
  }

  #encrypt(data: Uint8Array): Buffer {
    const key = this.#settings.keys[0]!;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(cipherOf(key), key, nonce, { authTagLength: TAG_BYTES });
    return Buffer.concat([nonce, cipher.update(data), cipher.final(), cipher.getAuthTag()]);
  }

  #decrypt(data: Buffer): Buffer {
    const { keys } = this.#settings;
    if (keys.length === 0) throw new EncodingError("key", "the payload is encrypted, and no key is configured");
    if (data.length < NONCE_BYTES + TAG_BYTES) throw new EncodingError("form", "an encrypted payload is too short");
    const nonce = data.subarray(0, NONCE_BYTES);
    const tag = data.subarray(data.length - TAG_BYTES);
    for (const key of keys) {
      const decipher = createDecipheriv(cipherOf(key), key, nonce, { authTagLength: TAG_BYTES }).setAuthTag(tag);
      try {
        return Buffer.concat([decipher.update(data.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      } catch {
        // The tag does not fit this key: the next one may be the key of before a rotation.
      }
    }
    const tried = keys.length === 1 ? "the key does not fit" : `none of the ${keys.length} keys fits`;
    throw new EncodingError("key", `the payload cannot be decrypted: ${tried}, or the payload was changed`);
  }

  async #upload(bytes: Buffer, { namespace, execution }: PayloadContext): Promise<Buffer> {
    const { store } = this.#settings.offload!;
    const digest = createHash("sha256").update(bytes).digest("hex");
    const key = `${BLOBS}/${quoted(namespace)}/${quoted(execution)}/sha256:${digest}`;
    try {
      if (!(await store.has(key))) await store.put(key, bytes);
    } catch (error) {
      throw new EncodingError(
        "store",
        `a payload could not be written to its store: ${(error as Error).message}`,
        error,
      );
    }
    return bytesOf({ key });
  }

  async #download(data: Buffer): Promise<Buffer> {
    const reference = parsed(data);
    const key = isObject(reference) ? reference.key : undefined;
    if (typeof key !== "string" || !isBlobKey(key))
      throw new EncodingError("form", "the reference to an offloaded payload names no blob");
    const { offload } = this.#settings;
    if (!offload) throw new EncodingError("store", "the payload is offloaded, and no store is configured");
    let blob: Uint8Array | null;
    try {
      blob = await offload.store.get(key);
    } catch (error) {
      throw new EncodingError(
        "store",
        `a payload could not be read from its store: ${(error as Error).message}`,
        error,
      );
    }
    if (!blob) throw new EncodingError("store", `the store of offloaded payloads has no blob '${key}'`);
    const wanted = /\/sha256:([0-9a-f]{64})$/.exec(key)?.[1];
    if (wanted !== undefined && createHash("sha256").update(blob).digest("hex") !== wanted)
      throw new EncodingError("form", `blob '${key}' is not the one that was offloaded: its SHA-256 is another`);
    return Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  }
}

// --- bytes -----------------------------------------------------------------------------------------------------

const encodedForm = (bytes: Buffer, steps: readonly Step[]): NetworkEncodedInput => ({
  b64payload: bytes.toString("base64"),
  encoding_options: [...steps],
  empty: false,
});

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** Node skips what is no base64: a payload that was cut or changed shows at the next step. */
const base64 = (text: string): Buffer => Buffer.from(text, "base64");

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new EncodingError("form", "the decoded payload is no JSON", error);
  }
}

const cipherOf = (key: Uint8Array) => `aes-${(key.length * 8) as 128 | 192 | 256}-gcm` as const;

/** Null: it would not be smaller. The frame says the size of the content, without which other libraries refuse it. */
async function compressed(bytes: Buffer, level: number): Promise<Buffer | null> {
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_contentSizeFlag]: 1 };
  const payload = await compressZstd(bytes, { params, pledgedSrcSize: bytes.length });
  return payload.length < bytes.length ? pack({ compression: { algorithm: "zstd", level }, payload }) : null;
}

async function decompressed(data: Buffer): Promise<Buffer> {
  try {
    const packed = unpack(data);
    if (!isObject(packed) || !(packed.payload instanceof Uint8Array) || !isObject(packed.compression))
      throw new RangeError("it has no payload and compression");
    const { algorithm = "zstd" } = packed.compression;
    if (algorithm !== "zstd") throw new RangeError(`its algorithm is '${String(algorithm)}', and only zstd is known`);
    return await decompressZstd(packed.payload, { maxOutputLength: MAX_DECOMPRESSED_BYTES });
  } catch (error) {
    throw new EncodingError("form", `a compressed payload cannot be read: ${(error as Error).message}`, error);
  }
}

/** As Python's `quote(safe="")`, which the names of the official clients' blobs follow. */
const quoted = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** A reference comes from a caller: it must not lead out of the blobs. */
const isBlobKey = (key: string): boolean =>
  /^[\x21-\x7e]{1,1024}$/.test(key) &&
  !key.includes("\\") &&
  key.split("/").every((part) => !["", ".", ".."].includes(part));

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (!isObject(value)) return value;
  const keys = Object.keys(value).sort((a, b) => (a < b ? -1 : 1));
  return Object.fromEntries(keys.map((key) => [key, sortedKeys(value[key])]));
}
