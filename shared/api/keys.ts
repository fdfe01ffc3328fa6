/** Lists, makes and revokes API keys, for callers with a key and for operators who write the table themselves. */
import type { KeyRecord, Ports } from "../ports.ts";
import { invalidAt, lastAdminKey, notFound, type Refusal } from "../protocol/errors.ts";
import { timestamp } from "../protocol/http/fields.ts";
import type { KeyResponse } from "../protocol/http/keys.ts";
import { MAX_KEYS } from "../protocol/limits.ts";
import type { BodyOf, ResponseOf } from "../protocol/routes.ts";
import { createKey, keyIdOf } from "./create-key.ts";
import type { RequestContext } from "./request-context.ts";

export const keyView = (record: KeyRecord): KeyResponse => ({
  key_id: keyIdOf(record),
  name: record.name,
  rights: [...record.rights],
  deployments: record.deployments ? [...record.deployments] : null,
  development: record.development === true,
  created_at: timestamp(record.createdAt),
  expires_at: record.expiresAt === undefined ? null : timestamp(record.expiresAt),
});

/** The caller's own key. */
export function whoAmI(context: RequestContext): ResponseOf<"whoAmI"> {
  return {
    workspace: context.workspace,
    key_id: keyIdOf({ hash: context.key }),
    key_name: context.user,
    rights: [...context.rights],
    deployments: context.deployments ? [...context.deployments] : null,
    expires_at: context.expiresAt === undefined ? null : timestamp(context.expiresAt),
  };
}

/** Oldest first. */
export async function keysOf(ports: Pick<Ports, "registry">, workspace: string): Promise<KeyRecord[]> {
  const keys = await ports.registry.keys(workspace);
  return keys.sort((a, b) => a.createdAt - b.createdAt || (a.hash < b.hash ? -1 : 1));
}

export async function listKeys(context: RequestContext): Promise<ResponseOf<"listKeys">> {
  return { keys: (await keysOf(context.ports, context.workspace)).map(keyView) };
}

export async function newKey(
  context: RequestContext,
  body: BodyOf<"createKey">,
): Promise<ResponseOf<"createKey"> | Refusal> {
  const { ports, workspace } = context;
  if ((await ports.registry.keys(workspace)).length >= MAX_KEYS)
    return invalidAt(["body"], `the workspace has ${MAX_KEYS} keys, which is the limit: revoke some first`);
  const { name, deployments, expires_in_seconds: lasts } = body;
  const rights = [...new Set(body.rights)];
  const limit = deployments && { deployments: [...new Set(deployments)] };
  const expiry = typeof lasts === "number" && { lastsMs: lasts * 1_000 };
  const { key, record } = await createKey(ports, { workspace, name, rights, ...limit, ...expiry });
  return { ...keyView(record), key };
}

export async function revokeKey(context: RequestContext, id: string): Promise<Refusal | undefined> {
  const { ports, workspace, log } = context;
  const keys = await ports.registry.keys(workspace);
  const found = keys.find((record) => keyIdOf(record) === id);
  if (!found) return notFound("API key", id);
  const removed = await ports.registry.removeKey(workspace, found.hash, { keepAdmin: true });
  if (removed === "last_admin") return lastAdminKey(id);
  if (removed === "unknown") return notFound("API key", id);
  await ports.durable();
  context.forgetKey(found.hash);
  log.info("API key revoked", { key: id, name: found.name });
  return undefined;
}
