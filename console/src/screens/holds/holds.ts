/** The holds of the workspace, and what each of them is about. */
import type { Answer } from "../../api/operations.ts";
import { useRead } from "../../api/use.ts";

export type Hold = Answer<"listHolds">["holds"][number];
/** What a hold is about. Null: every deployment, every workflow. */
export type Scope = Pick<Hold, "deployment_name" | "workflow_name">;

/** No event of the stream tells a hold. */
const REFRESH_MS = 60_000;

export const useHolds = () => useRead("listHolds", {}, { refetchInterval: REFRESH_MS, staleTime: 10_000 });

/** Those that keep the executions of this workflow in this deployment. The server decides the same in `shared/core/holds-of.ts`. */
export const holdsOf = (
  holds: readonly Hold[] | undefined,
  deployment: string | null | undefined,
  workflow: string,
): readonly Hold[] =>
  (holds ?? []).filter(
    ({ deployment_name, workflow_name }) =>
      (deployment_name === null || deployment_name === deployment) &&
      (workflow_name === null || workflow_name === workflow),
  );

type Wait = Answer<"explainWorkflowExecution">["waits"][number];

/** The holds that an explanation tells. */
export const holdsIn = (waits: readonly Wait[] = []): readonly Hold[] =>
  waits
    .filter(({ kind }) => kind === "on_hold")
    .map(({ since, evidence }) => ({
      deployment_name: textIn(evidence.deployment),
      workflow_name: textIn(evidence.workflow),
      held_at: since ?? "",
      held_by: textIn(evidence.held_by),
      reason: textIn(evidence.reason),
      release:
        typeof evidence.released_at === "string"
          ? {
              begun_at: evidence.released_at,
              per_second: typeof evidence.per_second === "number" ? evidence.per_second : null,
            }
          : null,
    }));

const textIn = (value: unknown): string | null => (typeof value === "string" ? value : null);

export const isSame = (a: Scope, b: Scope): boolean =>
  a.deployment_name === b.deployment_name && a.workflow_name === b.workflow_name;

/** As the command says it: `workflow 'orders' in deployment 'shop'`. */
export const scopeText = ({ deployment_name, workflow_name }: Scope): string =>
  [
    ...(workflow_name === null ? [] : [`workflow '${workflow_name}'`]),
    ...(deployment_name === null ? [] : [`deployment '${deployment_name}'`]),
  ].join(" in ");

/** As the API takes it. */
export const bodyOf = ({ deployment_name, workflow_name }: Scope) => ({
  ...(deployment_name !== null && { deployment_name }),
  ...(workflow_name !== null && { workflow_name }),
});

/** `10/s`, `30/m`, or `at once`. */
export function rateText(perSecond: number | null): string {
  if (perSecond === null) return "at once";
  const [rate, unit] = perSecond >= 1 ? [perSecond, "s"] : [perSecond * 60, "m"];
  return `at ${Number(rate.toFixed(2))}/${unit}`;
}
