/**
 * Deployments, workflows and registrations: one partition per workspace, with few items that are seldom written.
 *
 * Ids are digests of names, so a hundred workers that register at once write the same items. A pointer item leads from the
 * id of a workflow or registration to its item.
 */
import { LruCache } from "../lib/lru-cache.ts";
import { isUnreadable, shownObject, shownTime } from "../lib/readable.ts";
import { storedKey } from "../lib/stored-key.ts";
import type {
  Abilities,
  CurrentDeployment,
  DeploymentRecord,
  Hold,
  Holds,
  KeyRecord,
  RegistrationRecord,
  Registry,
  Serving,
  WorkflowChange,
  WorkflowRecord,
} from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { HOLD_LAG_MS } from "../protocol/limits.ts";
import type { WorkflowDefinition } from "../protocol/worker.ts";
import type { WorkerLoad } from "../protocol/worker-load.ts";
import type { Context } from "./context.ts";
import { unpack } from "./pack.ts";
import type { Registering } from "./registering.ts";
import { apiKey, definitionKey, KEY_ENTRIES, keyOf } from "./registry-keys.ts";
import { type Session, Sessions } from "./sessions.ts";
import { type Item, number, type Table, text, within } from "./table.ts";

/** A definition has a few KB. */
const KEPT_DEFINITIONS = 500;

export class AwsRegistry implements Registry {
  readonly #c: Pick<Context, "tables" | "blobs" | "readable" | "clock">;
  readonly #sessions: Sessions;
  /** By digest (REGISTER-1). */
  readonly #definitions = new LruCache<WorkflowDefinition>(KEPT_DEFINITIONS);
  /** By workspace (HOLD-6). */
  readonly #holds = new LruCache<{ readonly known: readonly Hold[]; readonly until: Millis }>(1_000);

  constructor(c: Pick<Context, "tables" | "blobs" | "readable" | "clock">) {
    this.#c = c;
    this.#sessions = new Sessions(c.tables.registry, c.readable);
  }

  get #table(): Table {
    return this.#c.tables.registry;
  }

  /** Its code is loaded at the first registration: most functions register nobody. */
  async register(p: Registering) {
    return (await import("./registering.ts")).register(this.#c, this.#sessions, p);
  }

  beat(p: Session & { load?: WorkerLoad; now: Millis }): Promise<boolean> {
    return this.#sessions.beat(p, p.now);
  }
  deploymentOfSession(workspace: string, session: string): Promise<string | null> {
    return this.#sessions.deploymentOf(workspace, session);
  }

  leave(p: Session): Promise<void> {
    return this.#sessions.leave(p);
  }
  workers(workspace: string, deployment?: string, liveSince?: Millis) {
    return this.#sessions.list(workspace, deployment, liveSince);
  }
  async abilities(workspace: string, ids: readonly string[]): Promise<Map<string, Abilities>> {
    return (await this.#rare()).abilities(this.#c, workspace, ids);
  }
  active(workspace: string, since: Millis, among?: readonly string[]) {
    return this.#sessions.active.since(workspace, since, among);
  }
  heartbeats(workspace: string, sessions: readonly string[]) {
    return this.#sessions.heartbeats(workspace, sessions);
  }

  async deployments(workspace: string): Promise<DeploymentRecord[]> {
    return (await this.#rare()).deployments(this.#c, workspace);
  }
  async deployment(workspace: string, name: string): Promise<DeploymentRecord | null> {
    return (await this.#rare()).deployment(this.#table, workspace, name);
  }

  async introduced(workspace: string, name: string) {
    await (await this.#rare()).introduced(this.#table, workspace, name);
  }

  async retire(workspace: string, deployment: string) {
    return (await import("./retiring.ts")).retire(this.#table, this.#sessions, workspace, deployment);
  }

  async authorize(p: Parameters<Registry["authorize"]>[0]) {
    await (await this.#keyChanges()).authorize(p);
  }

  async registrations(workspace: string, filter: { workflow?: string; deployment?: string } = {}) {
    const { workflow, deployment } = filter;
    let items: readonly Item[];
    if (workflow !== undefined && deployment !== undefined) {
      const one = await this.#table.get({ pk: workspace, sk: `R#${workflow}#${deployment}` });
      items = one ? [one] : [];
    } else {
      items = (await this.#registrationItems(workspace, workflow)).registrations;
      if (deployment !== undefined) items = items.filter((item) => namesOf(item).deployment === deployment);
    }
    return this.#registrationsOf(workspace, items);
  }

  /** The items of registrations, and those of current deployments, which lie among them: a start reads both in one query. */
  async #registrationItems(workspace: string, workflow: string | undefined) {
    const items = await this.#of(workspace, workflow === undefined ? "R#" : `R#${workflow}#`);
    const { registrations = [], currents = [] } = Object.groupBy(items, (item) =>
      item.current ? "currents" : "registrations",
    );
    const nameOf = (item: Item) => `current deployment ${workspace}/${namesOf(item).workflow}`;
    return { registrations, currents: this.#c.readable.of(currents, nameOf, currentOf) };
  }

  async serving(workspace: string, workflow: string): Promise<Serving> {
    const { registrations, currents } = await this.#registrationItems(workspace, workflow);
    return { registrations: await this.#registrationsOf(workspace, registrations), current: currents[0] ?? null };
  }

  async current(workspace: string, workflow: string): Promise<CurrentDeployment | null> {
    return (await this.#rare()).current(this.#table, workspace, workflow);
  }
  async currents(workspace: string): Promise<CurrentDeployment[]> {
    return (await this.#registrationItems(workspace, undefined)).currents;
  }
  async setCurrent(workspace: string, next: CurrentDeployment): Promise<boolean> {
    return (await this.#rare()).putCurrent(this.#table, workspace, next);
  }
  async clearCurrent(workspace: string, seen: CurrentDeployment): Promise<boolean> {
    return (await this.#rare()).clearCurrent(this.#table, workspace, seen);
  }
  async holds(workspace: string): Promise<Holds> {
    return (await this.#rare()).holds(this.#table, workspace);
  }
  async knownHolds(workspace: string) {
    const { known, until = 0 } = this.#holds.get(workspace) ?? {};
    const now = this.#c.clock.now();
    if (known && now < until) return known;
    const { holds } = await this.holds(workspace);
    this.#holds.set(workspace, { known: holds, until: now + HOLD_LAG_MS });
    return holds;
  }
  async setHolds(workspace: string, next: Holds): Promise<boolean> {
    this.#holds.delete(workspace);
    return (await this.#rare()).putHolds(this.#table, workspace, next);
  }
  async releases(): Promise<string[]> {
    return (await this.#rare()).releases(this.#table);
  }
  /** Loaded at the first use. */
  #rare() {
    return import("./deployments.ts");
  }

  async registration(workspace: string, id: string): Promise<RegistrationRecord | null> {
    const item = await this.#byId(workspace, id, "R#");
    return item ? (await this.#registrationsOf(workspace, [item]))[0]! : null;
  }

  async #registrationsOf(workspace: string, items: readonly Item[]): Promise<RegistrationRecord[]> {
    const definitions = await this.#definitionsOf(workspace, new Set(items.map((item) => text(item, "digest")!)));
    const nameOf = (item: Item) => `registration ${workspace}/${text(item, "sk")}`;
    const records = this.#c.readable.of(items, nameOf, (item) => ({
      id: text(item, "id")!,
      workflowId: text(item, "workflow_id")!,
      ...namesOf(item),
      definition: shownObject(definitions.get(text(item, "digest")!)!),
      createdAt: shownTime(number(item, "created_at")),
      updatedAt: shownTime(number(item, "updated_at")),
    }));
    return records.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  }

  async #definitionsOf(workspace: string, digests: ReadonlySet<string>): Promise<Map<string, WorkflowDefinition>> {
    const found = new Map<string, WorkflowDefinition>();
    const missing: string[] = [];
    for (const digest of digests) {
      const known = this.#definitions.get(digest);
      if (known) found.set(digest, known);
      else missing.push(digest);
    }
    const items = await this.#table.getAll(missing.map((digest) => definitionKey(workspace, digest)));
    const read = items.map(async (item) => {
      const definition = await unpack<WorkflowDefinition>(this.#c.blobs, item.definition!).catch((error) => {
        if (!isUnreadable(error)) throw error;
        this.#c.readable.leftOut(`definition ${workspace}/${text(item, "sk")}`, error);
      });
      if (definition === undefined) return;
      this.#definitions.set(text(item, "sk")!, definition);
      found.set(text(item, "sk")!, definition);
    });
    await Promise.all(read);
    return found;
  }

  async workflows(workspace: string): Promise<WorkflowRecord[]> {
    const items = await this.#of(workspace, "W#");
    return this.#c.readable.of(
      items,
      (item) => `workflow ${workspace}/${text(item, "sk")}`,
      (await this.#rare()).workflowOf,
    );
  }

  async workflow(workspace: string, nameOrId: string): Promise<WorkflowRecord | null> {
    const item =
      (await this.#table.get({ pk: workspace, sk: `W#${nameOrId}` })) ?? (await this.#byId(workspace, nameOrId, "W#"));
    return item && (await this.#rare()).workflowOf(item);
  }

  async changeWorkflow(workspace: string, name: string, change: WorkflowChange): Promise<WorkflowRecord | null> {
    const changed = await (await import("./workflow-change.ts")).change(this.#table, workspace, name, change);
    return changed === "nothing" ? this.workflow(workspace, name) : changed && (await this.#rare()).workflowOf(changed);
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

  async putKey(key: KeyRecord): Promise<void> {
    await (await this.#keyChanges()).putKey(key);
  }

  /** Its code is loaded at the first use. */
  async #keyChanges() {
    const { KeyChanges } = await import("./key-changes.ts");
    return new KeyChanges(this.#table, this.#sessions);
  }

  async key(hash: string): Promise<KeyRecord | null> {
    const item = await this.#table.get(apiKey(hash));
    return item ? keyOf(item) : null;
  }

  async keys(workspace: string): Promise<KeyRecord[]> {
    const items = await this.#of(workspace, KEY_ENTRIES);
    return this.#c.readable.of(
      items,
      (item) => `key ${workspace}/${text(item, "sk")}`,
      (item) => storedKey(keyOf(item)),
    );
  }

  async removeKey(workspace: string, hash: string, p: { keepAdmin?: boolean } = {}) {
    return (await this.#keyChanges()).removeKey(workspace, hash, p);
  }
}

/** `R#<workflow>#<deployment>`: names hold no `#`. */
function namesOf(item: Item): { workflow: string; deployment: string } {
  const [, workflow, deployment] = text(item, "sk")!.split("#");
  return { workflow: workflow!, deployment: deployment! };
}

const currentOf = (item: Item): CurrentDeployment =>
  shownObject(JSON.parse(text(item, "current")!) as CurrentDeployment);
