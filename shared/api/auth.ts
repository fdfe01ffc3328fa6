/**
 * API keys. Only the SHA-256 of a key is stored: whoever reads the store cannot use what it holds. Each key belongs to
 * one workspace, and everything a call touches is looked up inside that workspace, so that what belongs to another is
 * simply not there (404).
 */
import { hash, randomBytes } from "node:crypto";
import type { KeyRecord, Ports } from "../ports.ts";
import { type Refusal, unauthorized } from "../protocol/errors.ts";
import type { Millis } from "../protocol/history.ts";

/** The workspace of an installation that needs only one. */
export const DEFAULT_WORKSPACE = "0190a000-0000-7000-8000-00000000da7a";

/** A key that has been found is trusted for this long without looking again. */
const TRUST_MS: Millis = 30_000;
const MOST = 1000;

export type Authenticate = (authorization: string | undefined) => Promise<KeyRecord | Refusal>;

export function authenticator(ports: Ports): Authenticate {
  const known = new Map<string, { record: KeyRecord; until: Millis }>();
  return async (authorization) => {
    if (authorization === undefined || authorization === "") return unauthorized("missing");
    const key = bearer(authorization);
    if (key === undefined) return unauthorized("malformed");
    const digest = hash("sha256", key);
    const now = ports.clock.now();
    const cached = known.get(digest);
    if (cached && cached.until > now) return cached.record;
    const record = await ports.registry.key(digest);
    known.delete(digest);
    if (!record) return unauthorized("unknown");
    if (known.size >= MOST) known.delete(known.keys().next().value as string);
    known.set(digest, { record, until: now + TRUST_MS });
    return record;
  };
}

function bearer(authorization: string): string | undefined {
  const space = authorization.indexOf(" ");
  if (space < 0 || authorization.slice(0, space).toLowerCase() !== "bearer") return undefined;
  const key = authorization.slice(space + 1).trim();
  return key === "" ? undefined : key;
}

export interface NewKey {
  /** A UUID. */
  readonly workspace: string;
  /** Who uses it; shown as the `user_id` of what it starts. */
  readonly name: string;
  /** A key of your own choice, for instance from a secret store. Default: a fresh random one. */
  readonly key?: string;
  /** `read`: only reading and querying. Default `admin`: everything. */
  readonly role?: KeyRecord["role"];
}

/** Stores a key and answers it in plain: it cannot be read again. Storing the same key again replaces what it may do. */
export async function createKey(
  ports: Pick<Ports, "clock" | "registry" | "durable">,
  p: NewKey,
): Promise<{ key: string; record: KeyRecord }> {
  const key = p.key ?? `sk_${randomBytes(24).toString("base64url")}`;
  if (key.length < 8 || /\s/.test(key)) throw new TypeError("an API key has at least 8 characters and no white space");
  const record: KeyRecord = {
    hash: hash("sha256", key),
    workspace: p.workspace,
    role: p.role ?? "admin",
    name: p.name,
    createdAt: ports.clock.now(),
  };
  await ports.registry.putKey(record);
  await ports.durable();
  return { key, record };
}
