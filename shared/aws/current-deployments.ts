/** Changes of the current deployments of workflows: compare and set of one item. */
import type { CurrentDeployment } from "../ports.ts";
import { currentKey } from "./registry-keys.ts";
import { N, S, type Table } from "./table.ts";

const HAS_VERSION = "#version = :seen";

export async function put(table: Table, workspace: string, next: CurrentDeployment): Promise<boolean> {
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

export async function clear(table: Table, workspace: string, { workflow, version }: CurrentDeployment) {
  const removed = await table.delete(currentKey(workspace, workflow), {
    expression: HAS_VERSION,
    names: { "#version": "version" },
    values: { ":seen": N(version) },
  });
  return removed !== null;
}
