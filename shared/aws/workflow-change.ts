/** An operator's change of a workflow. Changes are rare, so a cold start does not load this file. */
import type { WorkflowChange } from "../ports.ts";
import { type Item, S, type Table } from "./table.ts";

interface WorkflowUpdate {
  readonly expression: string;
  readonly condition: string;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Item;
}

/** The changed item; null: there is no such workflow. */
export async function change(
  table: Table,
  workspace: string,
  name: string,
  wanted: WorkflowChange,
): Promise<Item | null | "nothing"> {
  const update = updateOf(wanted);
  if (!update) return "nothing";
  const { expression, condition, names, values } = update;
  const changed = await table.update({ pk: workspace, sk: `W#${name}` }, expression, {
    condition,
    names,
    ...(Object.keys(values).length > 0 && { values }),
    returns: "ALL_NEW",
  });
  return changed.ok ? changed.item : null;
}

/** `null` if the change names nothing. */
function updateOf(change: WorkflowChange): WorkflowUpdate | null {
  const set: string[] = [];
  const remove: string[] = [];
  const values: Item = {};
  const names: Record<string, string> = {};
  const put = (attribute: string, value: Item[string] | null) => {
    names[`#${attribute}`] = attribute;
    if (value === null) remove.push(`#${attribute}`);
    else {
      set.push(`#${attribute} = :${attribute}`);
      values[`:${attribute}`] = value;
    }
  };
  const { displayName, description, tags, seenTags, archived, availableInChatAssistant } = change;
  if (displayName !== undefined) put("set_display_name", displayName === null ? null : S(displayName));
  if (description !== undefined) put("set_description", description === null ? null : S(description));
  if (archived !== undefined) put("archived", { BOOL: archived });
  if (availableInChatAssistant !== undefined) put("in_chat", { BOOL: availableInChatAssistant });
  if (tags) put("tags", tags.length === 0 ? null : { SS: [...new Set(tags)] });
  const conditions = ["attribute_exists(pk)"];
  if (seenTags) {
    names["#tags"] = "tags";
    if (seenTags.length === 0) conditions.push("attribute_not_exists(#tags)");
    else {
      conditions.push("#tags = :seen");
      values[":seen"] = { SS: [...seenTags] };
    }
  }
  const clauses = [
    set.length > 0 && `SET ${set.join(", ")}`,
    remove.length > 0 && `REMOVE ${remove.join(", ")}`,
  ].filter(Boolean);
  return clauses.length === 0
    ? null
    : { expression: clauses.join(" "), condition: conditions.join(" AND "), names, values };
}
