/** The filter of a list of runs: exact on the run itself, and a weaker form that DynamoDB applies to the index. */
import type { RunsQuery } from "../ports.ts";
import type { ListedRun } from "./listed-run.ts";
import { type Item, N, S } from "./table.ts";

/** Folds the case of ASCII letters only, as SQLite does, so that both adapters find the same runs. */
const folded = (text: string): string => text.replace(/[A-Z]/g, (c) => c.toLowerCase());
const contains = (text: string, part: string): boolean => folded(text).includes(folded(part));

export function matches(head: ListedRun, q: RunsQuery): boolean {
  const { closed_at } = head;
  return (
    (!q.workflows || q.workflows.includes(head.workflow)) &&
    !q.without?.includes(head.workflow) &&
    (q.root === undefined || head.root === q.root) &&
    (!q.statuses?.length || q.statuses.includes(head.status)) &&
    (q.deployment === undefined || head.deployment === q.deployment) &&
    (q.user === undefined || head.user === q.user) &&
    (q.startedAfter === undefined || head.started_at >= q.startedAfter) &&
    (q.startedBefore === undefined || head.started_at <= q.startedBefore) &&
    (q.closedAfter === undefined || (closed_at !== null && closed_at >= q.closedAfter)) &&
    (q.closedBefore === undefined || (closed_at !== null && closed_at <= q.closedBefore)) &&
    (q.search === undefined ||
      contains(head.workflow, q.search) ||
      contains(head.execution, q.search) ||
      (q.workflowsBySearch ?? []).includes(head.workflow)) &&
    (q.searchKeys ?? []).every(({ key, value, prefix }) => {
      const found = Object.hasOwn(head.search_keys, key) ? head.search_keys[key]! : undefined;
      return found !== undefined && (prefix ? found.startsWith(value) : found === value);
    })
  );
}

interface Filter {
  readonly expression: string;
  readonly names: Record<string, string>;
  readonly values: Item;
}
/** DynamoDB allows 100 operands in an `IN`. */
const MAX_OPERANDS = 100;

/** A filter that passes every run that `matches` accepts, and perhaps others. */
export function serverFilter(q: RunsQuery): Filter | undefined {
  const terms: string[] = [];
  const names: Record<string, string> = {};
  const values: Item = {};
  const name = (attribute: string) => {
    names[`#${attribute}`] = attribute;
    return `#${attribute}`;
  };
  let n = 0;
  const value = (v: string | number) => {
    const placeholder = `:f${n++}`;
    values[placeholder] = typeof v === "number" ? N(v) : S(v);
    return placeholder;
  };
  const oneOf = (attribute: string, list: readonly string[] | undefined) => {
    if (list && list.length > 0 && list.length <= MAX_OPERANDS) {
      terms.push(`${name(attribute)} IN (${list.map(value).join(", ")})`);
    }
  };
  oneOf("workflow", q.workflows);
  oneOf("status", q.statuses);
  if (q.deployment !== undefined) terms.push(`${name("deployment")} = ${value(q.deployment)}`);
  if (q.user !== undefined) terms.push(`${name("user")} = ${value(q.user)}`);
  // The item of a root has no attribute `root`.
  if (q.root !== undefined) {
    const own = `pk = ${value(`${q.workspace}#${q.root}`)} AND attribute_not_exists(${name("root")})`;
    terms.push(`(${name("root")} = ${value(q.root)} OR (${own}))`);
  }
  if (q.closedAfter !== undefined) terms.push(`${name("closed_at")} >= ${value(q.closedAfter)}`);
  if (q.closedBefore !== undefined) terms.push(`${name("closed_at")} <= ${value(q.closedBefore)}`);
  return terms.length === 0 ? undefined : { expression: terms.join(" AND "), names, values };
}
