/** Workflows, deployments, what their workers can run, and the current deployments of workflows. Loaded at the first use. */
import { shownTime } from "../lib/readable.ts";
import type { Abilities, CurrentDeployment, DeploymentRecord, Holds, WorkflowRecord } from "../ports.ts";
import type { Context } from "./context.ts";
import { unpack } from "./pack.ts";
import { abilitiesKey, currentKey, holdsKey, RELEASES } from "./registry-keys.ts";
import { type Item, keyItem, N, number, S, type Table, text, within } from "./table.ts";

export async function deployments(
  { tables, readable }: Pick<Context, "tables" | "readable">,
  workspace: string,
): Promise<DeploymentRecord[]> {
  const items = await tables.registry.query(within(workspace, { prefix: "D#" }));
  return readable.of(items, (item) => `deployment ${workspace}/${text(item, "sk")}`, deploymentOf);
}

export async function deployment(table: Table, workspace: string, name: string): Promise<DeploymentRecord | null> {
  const item = await table.get({ pk: workspace, sk: `D#${name}` });
  return item && deploymentOf(item);
}

function deploymentOf(item: Item): DeploymentRecord {
  return {
    id: text(item, "id")!,
    name: text(item, "sk")!.slice("D#".length),
    createdAt: shownTime(number(item, "created_at")),
    updatedAt: shownTime(number(item, "updated_at")),
    authorizedKeys: item.authorized_keys ? (JSON.parse(text(item, "authorized_keys")!) as string[]) : null,
    version: item.version_of
      ? { of: text(item, "version_of")!, name: text(item, "version")!, introduced: item.introduced?.BOOL ?? false }
      : null,
  };
}

export async function introduced(table: Table, workspace: string, name: string): Promise<void> {
  await table.update({ pk: workspace, sk: `D#${name}` }, "SET introduced = :yes", {
    values: { ":yes": { BOOL: true } },
  });
}

export async function abilities(
  c: Pick<Context, "tables" | "blobs">,
  workspace: string,
  ids: readonly string[],
): Promise<Map<string, Abilities>> {
  const items = await c.tables.registry.getAll([...new Set(ids)].map((id) => abilitiesKey(workspace, id)));
  const found = items.map(async (item) => {
    return [text(item, "sk")!.slice(2), await unpack<Abilities>(c.blobs, item.abilities!)] as const;
  });
  return new Map(await Promise.all(found));
}

const HAS_VERSION = "#version = :seen";

export async function current(table: Table, workspace: string, workflow: string): Promise<CurrentDeployment | null> {
  const item = await table.get(currentKey(workspace, workflow));
  return item && (JSON.parse(text(item, "current")!) as CurrentDeployment);
}

/** Compare and set of one item. */
export async function putCurrent(table: Table, workspace: string, next: CurrentDeployment): Promise<boolean> {
  const { workflow, version } = next;
  const isFirst = version === 1;
  const written = await table.update(currentKey(workspace, workflow), "SET #current = :current, #version = :version", {
    condition: isFirst ? "attribute_not_exists(pk)" : HAS_VERSION,
    names: { "#current": "current", "#version": "version" },
    values: {
      ":current": S(JSON.stringify(next)),
      ":version": N(version),
      ...(!isFirst && { ":seen": N(version - 1) }),
    },
  });
  return written.ok;
}

export async function clearCurrent(table: Table, workspace: string, { workflow, version }: CurrentDeployment) {
  const removed = await table.delete(currentKey(workspace, workflow), {
    expression: HAS_VERSION,
    names: { "#version": "version" },
    values: { ":seen": N(version) },
  });
  return removed !== null;
}

export async function holds(table: Table, workspace: string): Promise<Holds> {
  const item = await table.get(holdsKey(workspace));
  return item ? (JSON.parse(text(item, "holds")!) as Holds) : { version: 0, holds: [] };
}

/** The workspace is in the sweeper's list before its holds say so, and leaves it after them. */
export async function putHolds(table: Table, workspace: string, next: Holds): Promise<boolean> {
  const marker = { pk: RELEASES, sk: workspace };
  const releasing = next.holds.some(({ release }) => release !== null);
  const { version } = next;
  const isOlder = { expression: "#version < :next", names: { "#version": "version" }, values: { ":next": N(version) } };
  if (releasing) await table.put({ ...keyItem(marker), version: N(version) });
  const written = await table.put(
    { ...keyItem(holdsKey(workspace)), holds: S(JSON.stringify(next)), version: N(version) },
    version === 1
      ? { expression: "attribute_not_exists(pk)" }
      : { expression: HAS_VERSION, names: { "#version": "version" }, values: { ":seen": N(version - 1) } },
  );
  if (!releasing && written.ok) await table.delete(marker, isOlder); // not that of a later release
  return written.ok;
}

export const releases = async (table: Table): Promise<string[]> =>
  (await table.query(within(RELEASES))).map((item) => text(item, "sk")!);

/** `set_…` is an operator's; the attribute without it the workers' own. */
export function workflowOf(item: Item): WorkflowRecord {
  const name = text(item, "sk")!.slice("W#".length);
  return {
    id: text(item, "id")!,
    name,
    displayName: text(item, "set_display_name") ?? text(item, "display_name") ?? name,
    description: text(item, "set_description") ?? text(item, "description") ?? null,
    tags: [...(item.tags?.SS ?? [])].sort(),
    archived: item.archived?.BOOL ?? false,
    availableInChatAssistant: item.in_chat?.BOOL ?? false,
    createdAt: shownTime(number(item, "created_at")),
  };
}
