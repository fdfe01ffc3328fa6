/** The tree of executions that one of them has started, as lines with their depth. */

interface Relative {
  readonly execution_id: string;
  readonly parent_execution_id: string | null;
  readonly start_time: string;
}

export interface Branch<R> {
  readonly one: R;
  readonly depth: number;
}

/** `runs`: newest first. Each execution stands once, with its newest run; one whose parent is not among them begins a tree. */
export function treeOf<R extends Relative>(runs: readonly R[]): Branch<R>[] {
  const newest = new Map<string, R>();
  for (const run of runs) if (!newest.has(run.execution_id)) newest.set(run.execution_id, run);
  const all = [...newest.values()].toSorted((a, b) => Date.parse(a.start_time) - Date.parse(b.start_time));
  const parentOf = ({ parent_execution_id: parent }: R) => (parent !== null && newest.has(parent) ? parent : null);
  const children = Map.groupBy(all, parentOf);
  const lines: Branch<R>[] = [];
  const add = (one: R, depth: number) => {
    lines.push({ one, depth });
    for (const child of children.get(one.execution_id) ?? []) add(child, depth + 1);
  };
  for (const one of children.get(null) ?? []) add(one, 0);
  return lines;
}
