/** The WHERE clause of a list of runs. */
import type { RunsQuery } from "../ports.ts";

type Value = string | number;

/** Conditions that all must hold, with the values of their placeholders. */
export class Filter {
  readonly #conditions: string[] = [];
  readonly values: Value[] = [];

  add(condition: string, ...values: readonly Value[]): void {
    this.#conditions.push(condition);
    this.values.push(...values);
  }

  get sql(): string {
    return this.#conditions.join(" AND ");
  }
}

/** Filters by one value, each the condition of its field. */
const BY_VALUE = {
  root: "root = ?",
  deployment: "deployment = ?",
  user: "user = ?",
  startedAfter: "started_at >= ?",
  startedBefore: "started_at <= ?",
  closedAfter: "closed_at >= ?",
  closedBefore: "closed_at <= ?",
} as const;

export function runsFilter(q: RunsQuery): Filter {
  const filter = new Filter();
  filter.add("ws = ?", q.workspace);
  for (const [field, condition] of Object.entries(BY_VALUE)) {
    const value = q[field as keyof typeof BY_VALUE];
    if (value !== undefined) filter.add(condition, value);
  }
  if (q.workflows) filter.add(`workflow IN ${list(q.workflows)}`, ...q.workflows);
  if (q.without?.length) filter.add(`workflow NOT IN ${list(q.without)}`, ...q.without);
  if (q.statuses?.length) filter.add(`status IN ${list(q.statuses)}`, ...q.statuses);
  if (q.search !== undefined) addSearch(filter, q.search, q.workflowsBySearch ?? []);
  for (const { key, value } of q.searchKeys ?? []) {
    const condition = "EXISTS (SELECT 1 FROM json_each(search_keys) WHERE key = ? AND value LIKE ? ESCAPE '\\')";
    filter.add(condition, key, containing(value));
  }
  return filter;
}

function addSearch(filter: Filter, search: string, workflowsByTitle: readonly string[]): void {
  const byTitle = workflowsByTitle.length > 0 ? ` OR workflow IN ${list(workflowsByTitle)}` : "";
  const pattern = containing(search);
  const condition = `(workflow LIKE ? ESCAPE '\\' OR execution LIKE ? ESCAPE '\\'${byTitle})`;
  filter.add(condition, pattern, pattern, ...workflowsByTitle);
}

const list = (values: readonly string[]) => `(${values.map(() => "?").join(", ")})`;
/** A LIKE pattern for texts that contain `text`. */
const containing = (text: string) => `%${text.replace(/[\\%_]/g, "\\$&")}%`;
