/**
 * Registrations of workers, which write nothing that is there already: a hundred workers of one build that start at once, and
 * each worker's renewal in every hour, would otherwise write all definitions again into one partition.
 *
 * REGISTER-1. A definition is an item under the digest of its content and never changes, so every process keeps it for ever. The
 *     registration names its digest.
 * REGISTER-2. The deployment has the digest of all that its last registration brought. It is removed before anything else is
 *     written and set after it, so a deployment that has it has everything.
 * REGISTER-3. A session has the digest of its whole registration. A worker that registers again with the same writes nothing while
 *     its last heartbeat is young.
 * REGISTER-4. A deployment counts how often it was retired. Retiring reads the registrations, raises the count and removes the digest of
 *     REGISTER-2, ends the sessions, then deletes the registrations that are as it has read them. A registration sets its digest only
 *     under the count that it has read, and reads the count again after its session: where it was raised, it writes everything again,
 *     also what seems to be there. So none of a live worker's registrations is missing, whichever write comes first.
 */
import { hash } from "node:crypto";
import { type AbilitiesRecord, abilitiesRecord } from "../lib/abilities.ts";
import type { Registry } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { WorkflowDefinition } from "../protocol/worker.ts";
import type { Context } from "./context.ts";
import { ttlSeconds } from "./keys.ts";
import { stored } from "./pack.ts";
import { abilitiesKey, definitionKey, digestOf, idFor } from "./registry-keys.ts";
import { KEPT_MS, type NewSession, type Session, type Sessions, sessionKey } from "./sessions.ts";
import { type Item, type Key, keyItem, N, number, S, type Table, text } from "./table.ts";

const CONCURRENCY = 25;
/** A definition is read far more often than written. It goes to S3 only if its item could not hold it. */
const INLINE_DEFINITION = 200 * 1024;

/** A worker's name is kept for as long as it may be away and still be listed as created with its first session. */
const NAME_KEPT_MS: Millis = 30 * 86_400_000;
/** A worker that registers again within this time of a heartbeat needs no other. */
const YOUNG_MS: Millis = 10_000;
/** When a worker of this name first registered. */
const nameKey = (p: Session): Key => ({ pk: `${p.workspace}#worker-names`, sk: `${p.deployment}#${p.worker}` });

export type Registering = Omit<NewSession, "abilities" | "content"> &
  Pick<Parameters<Registry["register"]>[0], "definitions" | "activities" | "version" | "now">;

interface Defined {
  readonly definition: WorkflowDefinition;
  readonly digest: string;
  readonly workflowId: string;
  readonly registrationId: string;
}

export async function register(c: Pick<Context, "tables" | "blobs">, sessions: Sessions, p: Registering) {
  const { workspace, deployment, definitions, now } = p;
  const table = c.tables.registry;
  const can = abilitiesRecord(p);
  const defined = definitions.map((definition): Defined => {
    const { name } = definition;
    return {
      definition,
      digest: digestOf(definition),
      workflowId: idFor(workspace, "workflow", name),
      registrationId: idFor(workspace, "registration", name, deployment),
    };
  });
  const refs = defined.map(({ workflowId, registrationId }) => ({ workflowId, registrationId }));
  const parts = [can.id, ...defined.map(({ digest }) => digest).sort(), ...(p.version ? [p.version] : [])];
  const all = hash("sha256", JSON.stringify(parts), "base64url");
  const content = hash("sha256", JSON.stringify([all, deployment, p.worker, p.pid ?? null, p.key ?? ""]), "base64url");
  if (await isAsBefore(table, sessions, p, content, now)) return refs; // REGISTER-3
  const key = { pk: workspace, sk: `D#${deployment}` };
  for (;;) {
    const before = await table.get(key);
    const isThere = before !== null && text(before, "content") === all;
    if (!isThere && !(await write(c, table, p, { defined, can, all, before }))) continue;
    await putSession(table, sessions, { ...p, abilities: can.id, content }, now);
    if (retirements(await table.get(key)) === retirements(before)) return refs;
  }
}

/** REGISTER-4. */
const retirements = (deployment: Item | null): number => (deployment && number(deployment, "retired")) ?? 0;

/** REGISTER-2. False: the deployment was retired meanwhile. `before`: the deployment as it was read. */
async function write(
  c: Pick<Context, "tables" | "blobs">,
  table: Table,
  { workspace, deployment, version, now }: Registering,
  o: { defined: readonly Defined[]; can: AbilitiesRecord; all: string; before: Item | null },
): Promise<boolean> {
  const { defined, can, all, before } = o;
  const key = { pk: workspace, sk: `D#${deployment}` };
  await table.update(
    key,
    `SET id = :id, #name = :name, created_at = if_not_exists(created_at, :now), updated_at = :now${version ? ", version_of = if_not_exists(version_of, :of), #version = if_not_exists(#version, :version)" : ""} REMOVE content`,
    {
      names: { "#name": "name", ...(version && { "#version": "version" }) },
      values: {
        ":id": S(idFor(workspace, "deployment", deployment)),
        ":name": S(deployment),
        ":now": N(now),
        ...(version && { ":of": S(version.of), ":version": S(version.name) }),
      },
    },
  );
  const keys = defined.map(({ definition }) => ({ pk: workspace, sk: `R#${definition.name}#${deployment}` }));
  const retired = retirements(before);
  const isDoubtful = retired > 0 && !before?.content; // a retirement may be deleting what is there
  const items = isDoubtful ? [] : await table.getAll(keys);
  const there = new Map(items.map((item) => [text(item, "sk")!, text(item, "digest")]));
  const changed = defined.filter(
    ({ definition, digest }) => there.get(`R#${definition.name}#${deployment}`) !== digest,
  );
  for (let i = 0; i < changed.length; i += CONCURRENCY) {
    await Promise.all(
      changed.slice(i, i + CONCURRENCY).map((one) => define(c, table, workspace, deployment, one, now)),
    );
  }
  const owner = `${workspace}/abilities/${can.id}`;
  const abilities = await stored(c.blobs, JSON.parse(can.json), { owner, inline: INLINE_DEFINITION });
  await table.put({ ...keyItem(abilitiesKey(workspace, can.id)), abilities });
  const whole = await table.update(key, "SET content = :content", {
    condition: retired > 0 ? "retired = :retired" : "attribute_not_exists(retired)",
    values: { ":content": S(all), ...(retired > 0 && { ":retired": N(retired) }) },
  });
  return whole.ok;
}

async function define(
  c: Pick<Context, "tables" | "blobs">,
  table: Table,
  workspace: string,
  deployment: string,
  { definition, digest, workflowId, registrationId }: Defined,
  now: Millis,
): Promise<void> {
  const { name, display_name: display, description } = definition;
  const pointer = (id: string, to: string) => table.put({ ...keyItem({ pk: workspace, sk: `ID#${id}` }), to: S(to) });
  const where = { owner: `${workspace}/definitions/${digest}`, inline: INLINE_DEFINITION };
  const packed = await stored(c.blobs, definition, where);
  const own: Item = { ":id": S(workflowId), ":name": S(name), ":now": N(now) };
  const texts = `${display ? ", display_name = :display" : ""}${description ? ", description = :description" : ""}`;
  await Promise.all([
    table.put({ ...keyItem(definitionKey(workspace, digest)), definition: packed }),
    pointer(workflowId, `W#${name}`),
    pointer(registrationId, `R#${name}#${deployment}`),
    table.update(
      { pk: workspace, sk: `W#${name}` },
      `SET id = :id, #name = :name, created_at = if_not_exists(created_at, :now)${texts}`,
      {
        names: { "#name": "name" },
        values: {
          ...own,
          ...(display && { ":display": S(display) }),
          ...(description && { ":description": S(description) }),
        },
      },
    ),
  ]);
  // After the definition that it names.
  await table.update(
    { pk: workspace, sk: `R#${name}#${deployment}` },
    "SET id = :id, workflow_id = :workflow, digest = :digest, created_at = if_not_exists(created_at, :now), updated_at = :now",
    { values: { ":id": S(registrationId), ":workflow": S(workflowId), ":digest": S(digest), ":now": N(now) } },
  );
}

/** REGISTER-3. */
async function isAsBefore(
  table: Table,
  sessions: Sessions,
  p: Session,
  content: string,
  now: Millis,
): Promise<boolean> {
  const item = await table.get(sessionKey(p.workspace, p.session));
  if (!item || text(item, "content") !== content) return false;
  return now - number(item, "heartbeat_at")! <= YOUNG_MS || sessions.beat(p, now);
}

async function putSession(table: Table, sessions: Sessions, p: NewSession, now: Millis): Promise<void> {
  // A restarted worker keeps its name, and is listed as created with its first session.
  const named = await table.update(nameKey(p), "SET created_at = if_not_exists(created_at, :now), #ttl = :ttl", {
    names: { "#ttl": "ttl" },
    values: { ":now": N(now), ":ttl": N(ttlSeconds(now + NAME_KEPT_MS)) },
    returns: "ALL_NEW",
  });
  const since = (named.ok && named.item && number(named.item, "created_at")) || now;
  await table.update(
    sessionKey(p.workspace, p.session),
    "SET deployment = :deployment, #name = :name, created_at = if_not_exists(created_at, :since), registered_at = :now, heartbeat_at = :now, #ttl = :ttl, pid = :pid, abilities = :abilities, #key = :key, content = :content",
    {
      names: { "#name": "name", "#ttl": "ttl", "#key": "key" },
      values: {
        ":deployment": S(p.deployment),
        ":name": S(p.worker),
        ":since": N(since),
        ":now": N(now),
        ":ttl": N(ttlSeconds(now + KEPT_MS)),
        ":pid": p.pid === undefined ? { NULL: true } : N(p.pid),
        ":abilities": S(p.abilities),
        ":key": S(p.key ?? ""),
        ":content": S(p.content),
      },
    },
  );
  await sessions.active.registered(p.workspace, p.deployment, now); // ACTIVE-3
}
