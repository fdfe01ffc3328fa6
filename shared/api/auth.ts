/**
 * API keys. Only the SHA-256 of a key is stored, so that a reader of the store cannot use it. Each key belongs to one
 * workspace, and every look-up of a request is within that workspace: objects of other workspaces are not found (404).
 */
import { hash, randomBytes } from "node:crypto";
import type { KeyRecord, Ports } from "../ports.ts";
import { type Refusal, unauthorized } from "../protocol/errors.ts";
import type { Millis } from "../protocol/history.ts";

/** The workspace of an installation that needs only one. */
export const DEFAULT_WORKSPACE = "0190a000-0000-7000-8000-00000000da7a";

/** A key that was found is cached for this long, so a change of its role takes effect within this time. */
const CACHED_MS: Millis = 30_000;
const MOST_CACHED = 1000;

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
    if (known.size >= MOST_CACHED) known.delete(known.keys().next().value as string);
    known.set(digest, { record, until: now + CACHED_MS });
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
  /** Its user; shown as `user_id` of the executions that it starts. */
  readonly name: string;
  /** A key of your own choice, for instance from a secret store. Default: a new random one. */
  readonly key?: string;
  /** `read`: only reading and querying. Default `admin`: everything. */
  readonly role?: KeyRecord["role"];
}

/** Stores the key's hash and answers the key, which cannot be read again. Storing a known key replaces its record. */
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
