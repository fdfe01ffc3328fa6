/** Enqueues the workflow task of an execution. A task is a hint (PORT-4): losing or doubling it changes latency only. */

import { beginsAt } from "../core/run-interval.ts";
import type { Ports } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Millis } from "../protocol/history.ts";

type Target = Pick<Head, "workspace" | "execution" | "deployment"> & { owner?: string | null };

/** `at`: the task becomes visible then; default now. `isFirst`: of an execution whose id is new. */
export function enqueueWorkflowTask(
  ports: Ports,
  target: Target,
  { at, isFirst }: { at?: Millis | undefined; isFirst?: true } = {},
): Promise<void> {
  const { workspace, deployment, execution, owner } = target;
  return ports.tasks.send(
    { workspace, deployment, queue: "workflow" },
    { kind: "workflow", execution },
    {
      key: `workflow#${workspace}#${execution}`,
      prefer: owner ?? null,
      ...(at !== undefined && { at }),
      ...(isFirst && { isFirst }),
    },
  );
}

/** The task of a run that nobody has claimed yet: it becomes visible when the run may begin (PACE-1). */
export const enqueueRun = (ports: Ports, head: Head): Promise<void> =>
  enqueueWorkflowTask(ports, head, { at: beginsAt(head, ports.clock.now()) ?? undefined });

/** So many entries a round of the sweep looks at, or enqueues, before it waits for a commit: other requests are not starved. */
export const ENTRIES_PER_COMMIT = 100;

/** A wait that ends within this also gets a delayed task; the sweeper finds longer ones. */
export const SOON_MS = 120_000;
