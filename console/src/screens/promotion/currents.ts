/** Where the starts of each workflow go that name no deployment. */
import { useQuery } from "@tanstack/react-query";
import { call } from "../../api/call.ts";
import type { Answer } from "../../api/operations.ts";

export type Deployment = Answer<"listDeployments">["deployments"][number];
/** The current deployment of one workflow, with the part of its starts that goes to the deployment which is shown. */
export type Current = Deployment["current_for"][number];

export interface Promotable {
  /** The workflows that the deployment registers, by name. */
  readonly workflows: readonly string[];
  /** By the name of the workflow. */
  readonly currents: ReadonlyMap<string, Current>;
}

/** Read once for each dialog: what it acts on must not change under the person. */
export function usePromotable(deployment: string) {
  return useQuery<Promotable>({
    queryKey: ["promotable", deployment],
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    queryFn: async ({ signal }) => {
      const [workflows, currents] = await Promise.all([registeredBy(deployment, signal), allCurrents(signal)]);
      return { workflows, currents };
    },
  });
}

/** Of all workflows, by name. */
export const useCurrents = () =>
  useQuery<ReadonlyMap<string, Current>>({ queryKey: ["currents"], queryFn: ({ signal }) => allCurrents(signal) });

async function registeredBy(deployment: string, signal: AbortSignal): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | undefined;
  do {
    const query = { task_queue: deployment, with_workflow: true, limit: 1_000, cursor };
    const page = await call("getWorkflowRegistrations", { query, signal });
    names.push(...page.workflow_registrations.map((one) => one.workflow?.name ?? one.workflow_id));
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return names.toSorted();
}

async function allCurrents(signal: AbortSignal): Promise<Map<string, Current>> {
  const currents = new Map<string, Current>();
  let cursor: string | undefined;
  do {
    const page = await call("listDeployments", { query: { active_only: false, limit: 100, cursor }, signal });
    for (const { current_for } of page.deployments) {
      for (const one of current_for) currents.set(one.workflow_name, one);
    }
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return currents;
}

/** In words, where the starts go: `v1`, `90 % v1, 10 % v2`. */
export function startsOf(current: Pick<Current, "current_deployment" | "ramp"> | undefined): string {
  if (!current?.current_deployment) return "the one live deployment that serves it";
  const { current_deployment, ramp } = current;
  if (!ramp) return current_deployment;
  return `${shareOf(100 - ramp.percent)} ${current_deployment}, ${shareOf(ramp.percent)} ${ramp.deployment_name}`;
}

/** At most as many digits as a ramp may have. */
export const shareOf = (percent: number): string => `${Number(percent.toFixed(2))} %`;
