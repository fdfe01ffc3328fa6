/** Encoded payloads: the key from the environment or a file, and what is shown of a payload that stays closed. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { isEncoded, PayloadCodec } from "../shared/encoding/codec.ts";
import { EncodingOptionsError } from "../shared/encoding/errors.ts";
import { folderStore } from "../shared/encoding/folder-store.ts";
import type { BlobStore, EncodingOptions } from "../shared/encoding/options.ts";
import { s3Store } from "../shared/encoding/s3-store.ts";
import { usage } from "./errors.ts";
import type { Io } from "./io.ts";

/**
 * By `SIROCCO_PAYLOAD_KEY`, or the file that `SIROCCO_PAYLOAD_KEY_FILE` names: keys with white space between them, of which the first
 * encrypts. `SIROCCO_PAYLOAD_MODE`: `full` (default) or `partial`. `SIROCCO_PAYLOAD_STORE`: a folder, or `s3://BUCKET/PREFIX`.
 */
export function codecOf({ env, cwd }: Pick<Io, "env" | "cwd">): PayloadCodec {
  const file = env.SIROCCO_PAYLOAD_KEY_FILE || undefined;
  const given = env.SIROCCO_PAYLOAD_KEY || undefined;
  if (file !== undefined && given !== undefined)
    throw usage("SIROCCO_PAYLOAD_KEY and SIROCCO_PAYLOAD_KEY_FILE are both set: unset one of them.");
  const [key, ...previousKeys] = (file === undefined ? (given ?? "") : read(resolve(cwd, file)))
    .split(/\s+/)
    .filter(Boolean);
  if (file !== undefined && key === undefined) throw usage(`${file} (SIROCCO_PAYLOAD_KEY_FILE) holds no key.`);
  const store = env.SIROCCO_PAYLOAD_STORE || undefined;
  const options: EncodingOptions = {
    ...(key !== undefined && {
      encryption: { mode: (env.SIROCCO_PAYLOAD_MODE || "full") as "full" | "partial", key, previousKeys },
    }),
    ...(store !== undefined && { offload: { store: storeAt(store, cwd) } }),
  };
  try {
    return new PayloadCodec(options);
  } catch (error) {
    if (error instanceof EncodingOptionsError)
      throw usage(
        `The key of payloads (${file === undefined ? "SIROCCO_PAYLOAD_KEY" : file}) cannot be used: ${error.message}.`,
      );
    throw error;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw usage(`The file of SIROCCO_PAYLOAD_KEY_FILE cannot be read: ${(error as Error).message}`);
  }
}

function storeAt(place: string, cwd: string): BlobStore {
  const s3 = /^s3:\/\/([^/]+)\/?(.*)$/.exec(place);
  if (!s3) return folderStore(resolve(cwd, place));
  return s3Store({ bucket: s3[1]!, prefix: s3[2]!.replace(/\/$/, "") });
}

const lock = (steps: readonly string[], base64: string): string =>
  `🔒 ${steps.join(", ")} (${Buffer.byteLength(base64, "base64")} bytes)`;

/** The value as it is shown: closed payloads as a lock with their encodings and size. */
export function withLocks(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withLocks);
  if (isEncoded(value) && value.encoding_options.length > 0) return lock(value.encoding_options, value.b64payload);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withLocks(each)]));
}

/** The value of an event's payload, as it is shown. */
export function payloadShown({
  value,
  encoding_options,
}: {
  value?: unknown;
  encoding_options?: readonly string[] | null;
}): unknown {
  return encoding_options && encoding_options.length > 0 && typeof value === "string"
    ? lock(encoding_options, value)
    : withLocks(value);
}
