/**
 * Deployments, workflows and registrations: one partition per workspace, with few items that are seldom written.
 *
 * Ids are digests of names, so a hundred workers that register at once write the same items. A pointer item leads from the
 * id of a workflow or registration to its item.
 */
import { createHash } from "node:crypto";
import { abilitiesRecord } from "../lib/abilities.ts";
import type {
  Abilities,
  DeploymentRecord,
  KeyRecord,
  RegistrationRecord,
  Registry,
  WorkflowChange,
  WorkflowRecord,
} from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { WorkflowDefinition } from "../protocol/worker.ts";
import type { Context } from "./context.ts";
import { stored, unpack } from "./pack.ts";
import { type NewSession, type Session, Sessions } from "./sessions.ts";
import { type Item, keyItem, N, number, S, type Table, text, within } from "./table.ts";

const CONCURRENCY = 25;
/** A definition is read far more often than written. It goes to S3 only if its item could not hold it. */
const INLINE_DEFINITION = 200 * 1024;

export class AwsRegistry implements Registry {
  readonly #c: Pick<Context, "tables" | "blobs">;
  readonly #sessions: Sessions;

  constructor(c: Pick<Context, "tables" | "blobs">) {
    this.#c = c;
    this.#sessions = new Sessions(c.tables.registry);
  }

  get #table(): Table {
    return this.#c.tables.registry;
  }

  async register(
    p: Omit<NewSession, "abilities"> & Pick<Parameters<Registry["register"]>[0], "definitions" | "activities" | "now">,
  ) {
    const { workspace, deployment, now, definitions } = p;
    await this.#table.update(
      { pk: workspace, sk: `D#${deployment}` },
      "SET id = :id, #name = :name, created_at = if_not_exists(created_at, :now), updated_at = :now",
      {
        names: { "#name": "name" },
        values: { ":id": S(idFor(workspace, "deployment", deployment)), ":name": S(deployment), ":now": N(now) },
      },
    );
    const refs: { workflowId: string; registrationId: string }[] = [];
    for (let i = 0; i < definitions.length; i += CONCURRENCY) {
      const some = definitions.slice(i, i + CONCURRENCY);
      refs.push(...(await Promise.all(some.map((d) => this.#define(workspace, deployment, d, now)))));
    }
    const can = abilitiesRecord(p);
    const packed = await stored(this.#c.blobs, JSON.parse(can.json), {
      owner: `${workspace}/abilities/${can.id}`,
      inline: INLINE_DEFINITION,
    });
    await this.#table.put({ ...keyItem(abilitiesKey(workspace, can.id)), abilities: packed });
    await this.#sessions.register({ ...p, abilities: can.id }, now);
    return refs;
  }

  async #define(workspace: string, deployment: string, definition: WorkflowDefinition, now: Millis) {
    const { name } = definition;
    const workflowId = idFor(workspace, "workflow", name);
    const registrationId = idFor(workspace, "registration", name, deployment);
    const pointer = (id: string, to: string) =>
      this.#table.put({ ...keyItem({ pk: workspace, sk: `ID#${id}` }), to: S(to) });
    const given = { display_name: definition.display_name, description: definition.description };
    const where = { owner: `${workspace}/definitions/${registrationId}`, inline: INLINE_DEFINITION };
    const packed = await stored(this.#c.blobs, definition, where);
    await Promise.all([
      pointer(workflowId, `W#${name}`),
      pointer(registrationId, `R#${name}#${deployment}`),
      this.#table.update(
        { pk: workspace, sk: `W#${name}` },
        `SET id = :id, #name = :name, created_at = if_not_exists(created_at, :now)${
          given.display_name ? ", display_name = :display" : ""
        }${given.description ? ", description = :description" : ""}`,
        {
          names: { "#name": "name" },
          values: {
            ":id": S(workflowId),
            ":name": S(name),
            ":now": N(now),
            ...(given.display_name && { ":display": S(given.display_name) }),
            ...(given.description && { ":description": S(given.description) }),
          },
        },
      ),
      this.#table.update(
        { pk: workspace, sk: `R#${name}#${deployment}` },
        "SET id = :id, workflow_id = :workflow, #definition = :definition, created_at = if_not_exists(created_at, :now), updated_at = :now",
        {
          names: { "#definition": "definition" },
          values: {
            ":id": S(registrationId),
            ":workflow": S(workflowId),
            ":definition": packed,
            ":now": N(now),
          },
        },
      ),
    ]);
    return { workflowId, registrationId };
  }

  beat(p: Session & { now: Millis }): Promise<boolean> {
    return this.#sessions.beat(p, p.now);
  }
  leave(p: Session): Promise<void> {
    return this.#sessions.leave(p);
  }
  workers(workspace: string, deployment?: string, liveSince?: Millis) {
    return this.#sessions.list(workspace, deployment, liveSince);
  }
  async abilities(workspace: string, ids: readonly string[]): Promise<Map<string, Abilities>> {
    const items = await this.#table.getAll([...new Set(ids)].map((id) => abilitiesKey(workspace, id)));
    const found = items.map(async (item) => {
      return [text(item, "sk")!.slice(2), await unpack<Abilities>(this.#c.blobs, item.abilities!)] as const;
    });
    return new Map(await Promise.all(found));
  }
  heartbeats(workspace: string, sessions: readonly string[]) {
    return this.#sessions.heartbeats(workspace, sessions);
  }

  async deployments(workspace: string): Promise<DeploymentRecord[]> {
    return (await this.#of(workspace, "D#")).map(deploymentOf);
  }

  async deployment(workspace: string, name: string): Promise<DeploymentRecord | null> {
    const item = await this.#table.get({ pk: workspace, sk: `D#${name}` });
    return item ? deploymentOf(item) : null;
  }

  async authorize(p: { workspace: string; deployment: string; keys: readonly string[] | null; now: Millis }) {
    const { workspace, deployment, keys, now } = p;
    const created =
      "id = :id, #name = :name, created_at = if_not_exists(created_at, :now), updated_at = if_not_exists(updated_at, :now)";
    await this.#table.update(
      { pk: workspace, sk: `D#${deployment}` },
      keys === null ? `SET ${created} REMOVE authorized_keys` : `SET ${created}, authorized_keys = :keys`,
      {
        names: { "#name": "name" },
        values: {
          ":id": S(idFor(workspace, "deployment", deployment)),
          ":name": S(deployment),
          ":now": N(now),
          ...(keys && { ":keys": S(JSON.stringify(keys)) }),
        },
      },
    );
    if (keys !== null) await this.#sessions.endOthers(workspace, deployment, keys);
  }

  async registrations(workspace: string, filter: { workflow?: string; deployment?: string } = {}) {
    const { workflow, deployment } = filter;
    let items: Item[];
    if (workflow !== undefined && deployment !== undefined) {
      const one = await this.#table.get({ pk: workspace, sk: `R#${workflow}#${deployment}` });
      items = one ? [one] : [];
    } else {
      items = await this.#of(workspace, workflow === undefined ? "R#" : `R#${workflow}#`);
      if (deployment !== undefined) items = items.filter((item) => namesOf(item).deployment === deployment);
    }
    const records = await Promise.all(items.map((item) => this.#registrationOf(item)));
    return records.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  }

  async registration(workspace: string, id: string): Promise<RegistrationRecord | null> {
    const item = await this.#byId(workspace, id, "R#");
    return item ? this.#registrationOf(item) : null;
  }

  async #registrationOf(item: Item): Promise<RegistrationRecord> {
    return {
      id: text(item, "id")!,
      workflowId: text(item, "workflow_id")!,
      ...namesOf(item),
      definition: await unpack<WorkflowDefinition>(this.#c.blobs, item.definition!),
      createdAt: number(item, "created_at")!,
      updatedAt: number(item, "updated_at")!,
    };
  }

  async workflows(workspace: string): Promise<WorkflowRecord[]> {
    return (await this.#of(workspace, "W#")).map(workflowOf);
  }

  async workflow(workspace: string, nameOrId: string): Promise<WorkflowRecord | null> {
    const item =
      (await this.#table.get({ pk: workspace, sk: `W#${nameOrId}` })) ?? (await this.#byId(workspace, nameOrId, "W#"));
    return item ? workflowOf(item) : null;
  }

  async changeWorkflow(workspace: string, name: string, change: WorkflowChange): Promise<WorkflowRecord | null> {
    const { updateOf } = await import("./workflow-change.ts");
    const update = updateOf(change);
    if (!update) return this.workflow(workspace, name);
    const { expression, names, values } = update;
    const changed = await this.#table.update({ pk: workspace, sk: `W#${name}` }, expression, {
      condition: "attribute_exists(pk)",
      names,
      ...(Object.keys(values).length > 0 && { values }),
      returns: "ALL_NEW",
    });
    return changed.ok && changed.item ? workflowOf(changed.item) : null;
  }

  async #byId(workspace: string, id: string, kind: "W#" | "R#"): Promise<Item | null> {
    if (!/^[0-9a-f-]{36}$/i.test(id)) return null;
    const pointer = await this.#table.get({ pk: workspace, sk: `ID#${id.toLowerCase()}` });
    const sk = pointer ? text(pointer, "to")! : "";
    return sk.startsWith(kind) ? this.#table.get({ pk: workspace, sk }) : null;
  }

  #of(workspace: string, prefix: string): Promise<Item[]> {
    return this.#table.query(within(workspace, { prefix }));
  }

  /**
   * A key is an item by its hash, by which requests are checked, and an entry in its workspace's list. The entry is written
   * first and deleted last, so that no key works that the list does not show.
   *
   * One item of the workspace has the set of its admin keys. A key enters it once it works and leaves it before it stops to,
   * so each key of the set works, whichever write a crash prevents.
   */
  async putKey(key: KeyRecord): Promise<void> {
    const record = S(JSON.stringify(key));
    const admin = key.rights.includes("admin");
    if (!admin) await this.#admins(key.workspace, "DELETE", key.hash);
    await this.#table.put({ ...keyItem(keyEntry(key.workspace, key.hash)), record });
    await this.#table.put({ ...keyItem(apiKey(key.hash)), record });
    if (admin) await this.#admins(key.workspace, "ADD", key.hash);
  }

  #admins(workspace: string, change: "ADD" | "DELETE", hash: string, condition?: string) {
    return this.#table.update({ pk: workspace, sk: ADMINS }, `${change} admins :key`, {
      values: { ":key": { SS: [hash] }, ...(condition && { ":hash": S(hash), ":one": N(1) }) },
      ...(condition && { condition }),
    });
  }

  async key(hash: string): Promise<KeyRecord | null> {
    const item = await this.#table.get(apiKey(hash));
    return item ? keyOf(item) : null;
  }

  async keys(workspace: string): Promise<KeyRecord[]> {
    return (await this.#of(workspace, KEY_ENTRIES)).map(keyOf);
  }

  async removeKey(workspace: string, hash: string, { keepAdmin = false } = {}) {
    const entry = await this.#table.get(keyEntry(workspace, hash));
    if (!entry) return "unknown" as const;
    if (keyOf(entry).rights.includes("admin")) {
      const left = await this.#admins(workspace, "DELETE", hash, keepAdmin ? OTHER_ADMIN : undefined);
      if (!left.ok) return "last_admin" as const;
    }
    await this.#table.delete(apiKey(hash));
    await this.#sessions.endThoseOf(workspace, hash);
    return (await this.#table.delete(keyEntry(workspace, hash))) === null ? "unknown" : "removed";
  }
}

const ADMINS = "ADMINS";
/** The set has another key. It lacks the key itself if a call before was cut off. */
const OTHER_ADMIN = "attribute_exists(admins) AND (NOT contains(admins, :hash) OR size(admins) > :one)";

const abilitiesKey = (workspace: string, id: string) => ({ pk: workspace, sk: `A#${id}` });

const KEY_ENTRIES = "K#";
const keyEntry = (workspace: string, hash: string) => ({ pk: workspace, sk: KEY_ENTRIES + hash });
const keyOf = (item: Item): KeyRecord => JSON.parse(text(item, "record")!) as KeyRecord;

/** By its hash alone: a request is not in a workspace before its key says in which. */
const apiKey = (hash: string) => ({ pk: `key#${hash}`, sk: "KEY" });

/** `R#<workflow>#<deployment>`: names hold no `#`. */
function namesOf(item: Item): { workflow: string; deployment: string } {
  const [, workflow, deployment] = text(item, "sk")!.split("#");
  return { workflow: workflow!, deployment: deployment! };
}

function deploymentOf(item: Item): DeploymentRecord {
  return {
    id: text(item, "id")!,
    name: text(item, "name")!,
    createdAt: number(item, "created_at")!,
    updatedAt: number(item, "updated_at")!,
    authorizedKeys: item.authorized_keys ? (JSON.parse(text(item, "authorized_keys")!) as string[]) : null,
  };
}

/** `set_…` is an operator's; the attribute without it the workers' own. */
function workflowOf(item: Item): WorkflowRecord {
  const name = text(item, "name")!;
  return {
    id: text(item, "id")!,
    name,
    displayName: text(item, "set_display_name") ?? text(item, "display_name") ?? name,
    description: text(item, "set_description") ?? text(item, "description") ?? null,
    tags: [...(item.tags?.SS ?? [])].sort(),
    archived: item.archived?.BOOL ?? false,
    availableInChatAssistant: item.in_chat?.BOOL ?? false,
    createdAt: number(item, "created_at")!,
  };
}

/** A UUID of version 8 (custom), the same for the same names. */
export function idFor(...names: string[]): string {
  const bytes = createHash("sha256").update(JSON.stringify(names)).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
