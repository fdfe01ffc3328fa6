/** Decodes payloads in the browser, in the formats of ENCODING-1 to ENCODING-3. Loaded when a page shows an encoded one. */
import { isBigNumber, readJson } from "../api/json.ts";
import { type Encoded, type EncodedEvent, isEncoded, isEncodedEvent, lockOf } from "./forms.ts";

/** `key`: another key may help. `partly`: so it is for texts within a payload that is shown. `store`: its content lies elsewhere. `form`: it is none of the formats. */
export class Closed extends Error {
  readonly fault: "key" | "partly" | "store" | "form";
  constructor(fault: Closed["fault"], message: string) {
    super(message);
    this.fault = fault;
  }
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** A decompressed payload above this is not shown: a few bytes may decompress to any size. */
const MAX_BYTES = 64 * 1024 * 1024;
const MARK = "__encrypted_str__";
const ENCRYPTED_VALUE = "__encrypted__";

export interface Within {
  readonly value: unknown;
  /** Why a part of it stays closed. Of several the first. */
  readonly closed: Closed | undefined;
}

/** The value with decoded payloads, wherever they stand in it. Those that stay closed are shown as a lock. */
export async function decodedWithin(value: unknown, keys: readonly string[]): Promise<Within> {
  let closed: Closed | undefined;
  const orLock = async (open: Promise<unknown>, lock: unknown): Promise<unknown> => {
    try {
      return await open;
    } catch (error) {
      if (closed?.fault === "partly") closed = undefined;
      closed ??= error instanceof Closed ? error : new Closed("form", String(error));
      return lock;
    }
  };
  const walk = async (at: unknown): Promise<unknown> => {
    if (typeof at !== "object" || at === null || isBigNumber(at)) return at;
    if (Array.isArray(at)) return Promise.all(at.map(walk));
    if (isEncoded(at)) {
      if (keys.length === 0 && at.encoding_options?.includes("encrypted-partial"))
        closed ??= new Closed("partly", "Some texts in it are encrypted.");
      return orLock(decoded(at, keys), lockOf(at.encoding_options, at.b64payload));
    }
    if (isEncodedEvent(at)) {
      const lock = lockOf(at.encoding_options, typeof at.value === "string" ? at.value : "");
      return { ...at, value: await orLock(decodedEvent(at, keys), lock) };
    }
    const entries = Object.entries(at).map(async ([key, each]) => [key, await walk(each)] as const);
    return Object.fromEntries(await Promise.all(entries));
  };
  return { value: await walk(value), closed };
}

/** Throws `Closed`. */
export async function decoded(value: Encoded, keys: readonly string[]): Promise<unknown> {
  if (value.empty) return null;
  return parsed(await takenBack(bytesOf(value.b64payload), value.encoding_options ?? [], keys));
}

async function decodedEvent({ value, encoding_options }: EncodedEvent, keys: readonly string[]): Promise<unknown> {
  if (typeof value === "string") return parsed(await takenBack(bytesOf(value), encoding_options, keys));
  if (!Array.isArray(value)) throw new Closed("form", "The payload of the event is no base64 text.");
  return Promise.all(
    value.map(async (patch: { value?: { type?: unknown; value?: unknown } }) =>
      patch.value?.type === ENCRYPTED_VALUE && typeof patch.value.value === "string"
        ? { ...patch, value: parsed(await decrypted(bytesOf(patch.value.value), keys)) }
        : patch,
    ),
  );
}

async function takenBack(bytes: Uint8Array, steps: readonly string[], keys: readonly string[]): Promise<Uint8Array> {
  let data = bytes;
  for (const step of steps.toReversed()) {
    if (step === "encrypted") data = await decrypted(data, keys);
    else if (step === "compressed") data = await decompressed(data);
    else if (step === "encrypted-partial") data = await withoutMarks(data, keys);
    else if (step === "offloaded") throw offloaded(data);
    else throw new Closed("form", `Its encoding '${step}' is not known here.`);
  }
  return data;
}

function offloaded(data: Uint8Array): Closed {
  const { key } = (parsed(data) ?? {}) as { key?: unknown };
  return new Closed(
    "store",
    `Its content lies in the store of your workers${typeof key === "string" ? `, as ${key}` : ""}. The console cannot read that store: the command can, with SIROCCO_PAYLOAD_STORE.`,
  );
}

async function decrypted(data: Uint8Array, keys: readonly string[]): Promise<Uint8Array> {
  if (keys.length === 0) throw new Closed("key", "It is encrypted.");
  if (data.length < NONCE_BYTES + TAG_BYTES) throw new Closed("form", "The encrypted payload is too short.");
  const { subtle } = globalThis.crypto;
  if (!subtle) throw new Closed("form", "The browser decrypts only on pages over https, or on localhost.");
  const refused: string[] = [];
  for (const digits of keys) {
    const raw = Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    let key: CryptoKey;
    try {
      key = await subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
    } catch {
      refused.push(`this browser takes no key of ${raw.length} bytes`);
      continue;
    }
    try {
      const iv = data.slice(0, NONCE_BYTES);
      return new Uint8Array(await subtle.decrypt({ name: "AES-GCM", iv }, key, data.slice(NONCE_BYTES)));
    } catch {
      refused.push("the key does not open it");
    }
  }
  const [why] = refused;
  throw new Closed(
    "key",
    keys.length === 1 ? `It stays closed: ${why}.` : `None of the ${keys.length} keys in this browser opens it.`,
  );
}

async function decompressed(data: Uint8Array): Promise<Uint8Array> {
  const [{ unpack }, { Decompress }] = await Promise.all([
    import("../../../shared/encoding/unpack.ts"),
    import("fzstd"),
  ]);
  try {
    const { compression, payload } = unpack(data) as { compression?: { algorithm?: string }; payload?: Uint8Array };
    const algorithm = compression?.algorithm ?? "zstd";
    if (!payload || algorithm !== "zstd") throw new RangeError(`its algorithm is '${algorithm}'`);
    const parts: Uint8Array[] = [];
    let size = 0;
    const stream = new Decompress((part) => {
      size += part.length;
      if (size > MAX_BYTES) throw new RangeError(`it is larger than ${MAX_BYTES / 1_048_576} MiB`);
      parts.push(part.slice());
    });
    stream.push(payload, true);
    return joined(parts, size);
  } catch (error) {
    throw new Closed("form", `It is compressed and cannot be read: ${(error as Error).message}.`);
  }
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Without a key the marked texts are shown as locks, and what is beside them can be read. */
async function withoutMarks(data: Uint8Array, keys: readonly string[]): Promise<Uint8Array> {
  const open = async (text: string): Promise<string> => {
    if (keys.length === 0) return lockOf(["encrypted"], text);
    return new TextDecoder().decode(await decrypted(bytesOf(text), keys));
  };
  const walk = async (at: unknown): Promise<unknown> => {
    if (typeof at !== "object" || at === null) return at;
    if (Array.isArray(at)) return Promise.all(at.map(walk));
    if ("field_type" in at && at.field_type === MARK && "data" in at && typeof at.data === "string")
      return { ...at, data: await open(at.data) };
    const entries = Object.entries(at).map(async ([key, each]) => [key, await walk(each)] as const);
    return Object.fromEntries(await Promise.all(entries));
  };
  return new TextEncoder().encode(JSON.stringify(await walk(JSON.parse(new TextDecoder().decode(data)))));
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return readJson(new TextDecoder().decode(bytes));
  } catch {
    throw new Closed("form", "The decoded payload is no JSON.");
  }
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  } catch {
    throw new Closed("form", "The payload is no base64 text.");
  }
}
