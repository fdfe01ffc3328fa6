/** Makes and names API keys. Apart from `auth.ts`, because only the function that manages keys loads it. */
import { hash, randomBytes } from "node:crypto";
import type { KeyRecord, Ports } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";

export interface NewKey {
  /** A UUID. */
  readonly workspace: string;
  /** Its user; shown as `user_id` of the executions that it starts. */
  readonly name: string;
  /** A key of your own choice, for instance from a secret store. Default: a new random one. */
  readonly key?: string;
  /** Default `admin`: everything. */
  readonly rights?: KeyRecord["rights"];
  readonly deployments?: KeyRecord["deployments"];
  readonly development?: true;
  /** The key is refused after this time. Default: never. */
  readonly lastsMs?: Millis | undefined;
}

/** Short enough to type, long enough to be unique: 64 bits of the hash of a random key. */
export const keyIdOf = (record: Pick<KeyRecord, "hash">): string => record.hash.slice(0, 16);

/** Stores the key's hash and answers the key, which cannot be read again. Storing a known key replaces its record. */
export async function createKey(
  ports: Pick<Ports, "clock" | "registry" | "durable">,
  p: NewKey,
): Promise<{ key: string; record: KeyRecord }> {
  const key = p.key ?? `sk_${randomBytes(24).toString("base64url")}`;
  if (key.length < 8 || /\s/.test(key)) throw new TypeError("an API key has at least 8 characters and no white space");
  if (p.deployments?.length && p.rights?.every((right) => right !== "admin") !== true)
    throw new TypeError("a key with the right admin cannot be limited to deployments");
  const digest = hash("sha256", key);
  const known = p.key === undefined ? null : await ports.registry.key(digest);
  if (known && known.workspace !== p.workspace) throw new TypeError("this API key belongs to another workspace");
  const record: KeyRecord = {
    hash: digest,
    workspace: p.workspace,
    rights: p.rights ?? ["admin"],
    ...(p.deployments?.length && { deployments: p.deployments }),
    name: p.name,
    ...(p.development && { development: true }),
    createdAt: ports.clock.now(),
    ...(p.lastsMs !== undefined && { expiresAt: ports.clock.now() + p.lastsMs }),
  };
  await ports.registry.putKey(record);
  await ports.durable();
  return { key, record };
}
