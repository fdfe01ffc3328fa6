/** The steps of a child, to be shown below it in the timeline of its parent. */
import { useEffect, useMemo } from "react";
import { useRead } from "../../api/use.ts";
import { type Step, stepsOf } from "../../history/steps.ts";
import { type HistoryStore, useHistory } from "../../history/store.ts";
import { useChanges } from "../../live/index.tsx";

/** Of the child's newest events. */
const DRAWN = 1_000;

interface ChildSteps {
  readonly steps: readonly Step[];
  readonly store: HistoryStore;
  readonly run: string;
  readonly error: unknown;
}

/** Of no child: nothing, and nothing is read. */
export function useChildSteps(child: Step | undefined): ChildSteps {
  const id = child?.execution ?? "";
  const head = useRead("getWorkflowExecution", { params: { execution_id: id } }, { enabled: id !== "" });
  const run = (id !== "" && head.data?.run_id) || "";
  const store = useHistory(run, `${head.data?.status} ${useChanges(id)}`);
  const version = store.version();
  useEffect(() => {
    if (store.last > 0) void store.newest(DRAWN);
  }, [store, store.last]);
  const key = child?.key;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version says when the events have changed
  const steps = useMemo(
    () =>
      key === undefined
        ? []
        : stepsOf(store.recent(DRAWN)).map((step) => ({ ...step, key: `${key}/${step.key}`, within: key })),
    [store, version, key],
  );
  return { steps, store, run, error: (id !== "" && head.error) || store.error };
}
