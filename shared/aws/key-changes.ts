/** Changes of API keys, and of the keys that may register for a deployment. */
import type { KeyRecord } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { apiKey, idFor, keyEntry, keyOf } from "./registry-keys.ts";
import { type Sessions, sessionKey } from "./sessions.ts";
import { type Item, keyItem, N, S, type Table, text, within } from "./table.ts";

const ADMINS = "ADMINS";
/** The set has another key. It lacks the key itself if a call before was cut off. */
const OTHER_ADMIN = "attribute_exists(admins) AND (NOT contains(admins, :hash) OR size(admins) > :one)";

/** A key that expires would leave the workspace without an admin key. */
const isLastingAdmin = (key: KeyRecord): boolean => key.rights.includes("admin") && key.expiresAt === undefined;

export class KeyChanges {
  readonly #table: Table;
  readonly #sessions: Sessions;

  constructor(table: Table, sessions: Sessions) {
    this.#table = table;
    this.#sessions = sessions;
  }

  /**
   * A key is an item by its hash, by which requests are checked, and an entry in its workspace's list. The entry is written
   * first and deleted last, so that no key works that the list does not show.
   *
   * One item of the workspace has the set of its admin keys that never expire. A key enters it once it works and leaves it before it stops to,
   * so each key of the set works, whichever write a crash prevents.
   */
  async putKey(key: KeyRecord): Promise<void> {
    const record = S(JSON.stringify(key));
    const admin = isLastingAdmin(key);
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

  async removeKey(workspace: string, hash: string, { keepAdmin = false } = {}) {
    const entry = await this.#table.get(keyEntry(workspace, hash));
    if (!entry) return "unknown" as const;
    if (isLastingAdmin(keyOf(entry))) {
      const left = await this.#admins(workspace, "DELETE", hash, keepAdmin ? OTHER_ADMIN : undefined);
      if (!left.ok) return "last_admin" as const;
    }
    await this.#table.delete(apiKey(hash));
    await this.#endThoseOf(workspace, hash);
    return (await this.#table.delete(keyEntry(workspace, hash))) === null ? "unknown" : "removed";
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
    if (keys !== null) await this.#endOthers(workspace, deployment, keys);
  }

  /** Ends the sessions of the workers that registered with this API key. */
  async #endThoseOf(workspace: string, key: string): Promise<void> {
    const items = await this.#table.query(within(sessionKey(workspace, "").pk));
    await this.#end(
      workspace,
      items.filter((item) => text(item, "key") === key),
    );
  }

  async #end(workspace: string, sessions: readonly Item[]): Promise<void> {
    await Promise.all(sessions.map((item) => this.#table.delete(sessionKey(workspace, text(item, "sk")!))));
    await this.#sessions.active.left(
      workspace,
      sessions.map((item) => text(item, "deployment")!),
    );
  }

  /** Ends the sessions of the workers of a deployment that registered with none of these API keys. */
  async #endOthers(workspace: string, deployment: string, keys: readonly string[]): Promise<void> {
    const items = await this.#table.query(within(sessionKey(workspace, "").pk));
    const those = items.filter(
      (item) => text(item, "deployment") === deployment && !keys.includes(text(item, "key") ?? ""),
    );
    await this.#end(workspace, those);
  }
}
