/** Removes the registrations of a deployment that is no longer used (RETIRE-2, REGISTER-4). Loaded at the first use. */
import { forEachConcurrent } from "../lib/for-each-concurrent.ts";
import type { Sessions } from "./sessions.ts";
import { N, type Table, text, within } from "./table.ts";

const CONCURRENCY = 25;

export async function retire(
  table: Table,
  sessions: Sessions,
  workspace: string,
  deployment: string,
): Promise<string[]> {
  const all = await table.query(within(workspace, { prefix: "R#" }));
  const seen = all.filter((item) => !item.current && text(item, "sk")!.split("#")[2] === deployment);
  await table.update({ pk: workspace, sk: `D#${deployment}` }, "REMOVE content ADD retired :one", {
    condition: "attribute_exists(pk)",
    values: { ":one": N(1) },
  });
  for (const { name: worker, session } of await sessions.list(workspace, deployment, 0))
    await sessions.leave({ workspace, deployment, worker, session });
  const removed: string[] = [];
  await forEachConcurrent(CONCURRENCY, seen, async (item) => {
    const sk = text(item, "sk")!;
    const unchanged = { expression: "updated_at = :seen", values: { ":seen": item.updated_at! } };
    if (await table.delete({ pk: workspace, sk }, unchanged)) removed.push(sk.split("#")[1]!);
  });
  return removed.sort();
}
