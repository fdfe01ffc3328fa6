/** The options of an encoding, checked before anything is encoded. */
import { EncodingOptionsError } from "./errors.ts";

/** A place for payloads that are too large for the server. */
export interface BlobStore {
  /** Null: there is no such blob. */
  get(key: string): Promise<Uint8Array | null>;
  has(key: string): Promise<boolean>;
  put(key: string, bytes: Uint8Array): Promise<void>;
}

export interface EncryptionOptions {
  /** `full`: whole payloads. `partial`: the texts that `encryptedText` marks; everything else stays readable. */
  readonly mode: "full" | "partial";
  /** AES key of 16, 24 or 32 bytes, in hexadecimal digits. */
  readonly key: string;
  /** Keys of before a rotation: they decrypt, and nothing is encrypted with them any more. */
  readonly previousKeys?: readonly string[];
}

export interface CompressionOptions {
  /** Payloads of at least so many bytes of JSON are compressed. Default 1 MiB. */
  readonly minBytes?: number;
  /** Level of zstd, 1 to 22. Default 3. */
  readonly level?: number;
}

export interface OffloadOptions {
  readonly store: BlobStore;
  /** Payloads of at least so many bytes, after compression, go to the store. Default 1 MiB. */
  readonly minBytes?: number;
  /**
   * True: with `mode: "full"` the store holds encrypted bytes. Default false, as in the official SDK: the encryption then
   * covers the reference to the blob, and the store holds the payload readable.
   */
  readonly encrypted?: boolean;
}

/** What is done with payloads, in this order: encrypt marked texts, compress, offload, encrypt. Default: nothing. */
export interface EncodingOptions {
  readonly encryption?: EncryptionOptions;
  /** Default: no payload is compressed. */
  readonly compression?: true | CompressionOptions;
  /** Default: every payload goes to the server. */
  readonly offload?: OffloadOptions;
}

const MiB = 1024 * 1024;

export interface EncodingSettings {
  readonly mode: "full" | "partial" | null;
  /** The first one encrypts. */
  readonly keys: readonly Uint8Array[];
  readonly compression: { readonly minBytes: number; readonly level: number } | null;
  readonly offload: { readonly store: BlobStore; readonly minBytes: number; readonly encrypted: boolean } | null;
}

/** Throws `EncodingOptionsError`. */
export function encodingSettings({ encryption, compression, offload }: EncodingOptions): EncodingSettings {
  const compress = compression === true ? {} : compression;
  if (encryption && encryption.mode !== "full" && encryption.mode !== "partial")
    throw new EncodingOptionsError(`encryption.mode is '${encryption.mode}': it must be 'full' or 'partial'`);
  if (offload?.encrypted && encryption?.mode !== "full")
    throw new EncodingOptionsError("offload.encrypted needs encryption: { mode: 'full', key }");
  if (offload && typeof offload.store?.put !== "function")
    throw new EncodingOptionsError("offload.store is missing: give it folderStore(…) or s3Store(…)");
  const level = compress?.level ?? 3;
  if (!Number.isInteger(level) || level < 1 || level > 22)
    throw new EncodingOptionsError(`compression.level is ${level}: it must be a whole number from 1 to 22`);
  return {
    mode: encryption?.mode ?? null,
    keys: encryption
      ? [
          keyOf(encryption.key, "encryption.key"),
          ...(encryption.previousKeys ?? []).map((key, i) => keyOf(key, `encryption.previousKeys[${i}]`)),
        ]
      : [],
    compression: compress ? { minBytes: sizeOf(compress.minBytes, "compression.minBytes"), level } : null,
    offload: offload
      ? {
          store: offload.store,
          minBytes: sizeOf(offload.minBytes, "offload.minBytes"),
          encrypted: offload.encrypted ?? false,
        }
      : null,
  };
}

function sizeOf(bytes: number | undefined, what: string): number {
  if (bytes === undefined) return MiB;
  if (Number.isInteger(bytes) && bytes >= 0) return bytes;
  throw new EncodingOptionsError(`${what} is ${bytes}: it must be a whole number of bytes`);
}

/** The message never shows the key. */
function keyOf(text: string, what: string): Uint8Array {
  const digits = typeof text === "string" ? text.trim() : "";
  if (/^(?:[0-9a-f]{32}|[0-9a-f]{48}|[0-9a-f]{64})$/i.test(digits)) return Buffer.from(digits, "hex");
  const found = digits === "" ? "missing or empty" : `${digits.length} characters long`;
  throw new EncodingOptionsError(
    `${what} is ${found}: it must be 32, 48 or 64 hexadecimal digits (openssl rand -hex 32 makes one)`,
  );
}
