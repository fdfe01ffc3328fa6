/** Workflows: who serves them, what they take, and how to start them. */
import { Link, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { Answer } from "../api/operations.ts";
import { useAction, useRead } from "../api/use.ts";
import { useTitle } from "../app/title.ts";
import { useSay } from "../app/toasts.tsx";
import { Button } from "../ui/button.tsx";
import { DeploymentLink } from "../ui/links.tsx";
import { Loading } from "../ui/loading.tsx";
import { NameFilter } from "../ui/name-filter.tsx";
import { Panel } from "../ui/panel.tsx";
import { Payload } from "../ui/payload.tsx";
import { Tag } from "../ui/status.tsx";
import { visible } from "../ui/text.tsx";
import { span } from "../ui/time.tsx";
import { Held, HoldsUnknown } from "./holds/held.tsx";
import { HoldButton } from "./holds/hold.tsx";
import { type Hold, holdsOf, useHolds } from "./holds/holds.ts";
import { type Current, shareOf } from "./promotion/currents.ts";
import { PromoteButton } from "./promotion/promote.tsx";
import { RollBackButton } from "./promotion/roll-back.tsx";
import { Share } from "./promotion/share.tsx";
import { Versions } from "./versions.tsx";

type Workflow = Answer<"getWorkflows">["workflows"][number];

export function Workflows() {
  const search = useSearch({ from: "/workflows" });
  return search.compare === undefined ? <AllWorkflows /> : <Versions workflow={search.compare} search={search} />;
}

function AllWorkflows() {
  useTitle("Workflows");
  const [text, setText] = useState("");
  const [archived, setArchived] = useState(false);
  const holds = useHolds();
  const read = useRead("getWorkflows", { query: { limit: 200, archived, search: text || undefined } }, { keep: true });
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h1 className="text-xl font-semibold">Workflows</h1>
        <div className="flex flex-wrap items-center gap-3">
          <label className="flex items-center gap-2 text-sm">
            <input
              type="checkbox"
              className="size-4 accent-accent"
              checked={archived}
              onChange={({ target }) => setArchived(target.checked)}
            />
            Archived
          </label>
          <NameFilter label="Name of the workflow" value={text} change={setText} />
        </div>
      </div>
      <HoldsUnknown read={holds} />
      <Loading read={read}>
        {({ workflows }) =>
          workflows.length === 0 ? (
            <p className="text-soft">No worker has registered such a workflow.</p>
          ) : (
            <div className="space-y-3">
              {workflows.map((workflow) => (
                <WorkflowPanel key={workflow.id} workflow={workflow} holds={holds.data?.holds} />
              ))}
            </div>
          )
        }
      </Loading>
    </div>
  );
}

function WorkflowPanel({ workflow, holds }: { workflow: Workflow; holds: readonly Hold[] | undefined }) {
  const [open, setOpen] = useState(false);
  const archive = useAction(workflow.archived ? "unarchiveWorkflow" : "archiveWorkflow");
  const say = useSay();
  return (
    <Panel
      title={
        <span className="flex flex-wrap items-center gap-2">
          {visible(workflow.display_name)}
          {workflow.display_name !== workflow.name && (
            <span className="font-mono text-xs text-soft">{workflow.name}</span>
          )}
          {(holds ?? [])
            .filter(({ workflow_name }) => workflow_name === workflow.name)
            .map((hold) => (
              <Held
                key={hold.deployment_name}
                holds={[hold]}
                {...(hold.deployment_name !== null && { of: `deployment ${hold.deployment_name}` })}
              />
            ))}
          {workflow.tags.map((tag) => (
            <Tag key={tag} tone="still">
              {visible(tag)}
            </Tag>
          ))}
        </span>
      }
      actions={
        <span className="flex flex-wrap gap-1.5">
          <Link
            to="/executions"
            search={{ workflow_identifier: workflow.name }}
            className="px-2 py-1 text-sm text-accent hover:underline"
          >
            Executions
          </Link>
          <Link
            to="/start"
            search={{ workflow: workflow.name }}
            className="px-2 py-1 text-sm text-accent hover:underline"
          >
            Start
          </Link>
          <Button
            writes
            look="quiet"
            busy={archive.isPending}
            onClick={() => archive.mutate({ params: { workflow_identifier: workflow.name } }, { onError: say.failed })}
          >
            {workflow.archived ? "Unarchive" : "Archive"}
          </Button>
          <HoldButton workflow={workflow.name} label={`Hold ${workflow.name}…`} />
          <Button aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? "Less" : "More"}
          </Button>
        </span>
      }
    >
      <p className="text-sm text-soft">{workflow.description ? visible(workflow.description) : "No description."}</p>
      {open && <Metrics name={workflow.name} />}
      {open && <Registrations name={workflow.name} holds={holds} />}
    </Panel>
  );
}

/** What the last day's executions did. */
function Metrics({ name }: { name: string }) {
  const [since] = useState(() => new Date(Date.now() - 86_400_000).toISOString());
  const read = useRead("getWorkflowMetrics", { params: { workflow_name: name }, query: { start_time: since } });
  return (
    <Loading read={read} lines={1}>
      {(m) => {
        const facts: [string, string][] = [
          ["Started", m.execution_count.value.toLocaleString("en")],
          ["Completed", m.success_count.value.toLocaleString("en")],
          ["Failed", m.error_count.value.toLocaleString("en")],
          ["Median", span(m.p50_latency_ms.value)],
          ["95 % below", span(m.p95_latency_ms.value)],
        ];
        return (
          <dl className="mt-3 flex flex-wrap gap-x-8 gap-y-2 text-sm" aria-label="The last day">
            {facts.map(([title, value]) => (
              <div key={title}>
                <dt className="text-xs text-soft">{title}</dt>
                <dd className="tabular-nums">{value}</dd>
              </div>
            ))}
          </dl>
        );
      }}
    </Loading>
  );
}

function Registrations({ name, holds }: { name: string; holds: readonly Hold[] | undefined }) {
  const read = useRead("getWorkflowRegistrations", { query: { workflow_name: name, limit: 50 } });
  const active = useRead("getWorkflowRegistrations", { query: { workflow_name: name, active_only: true, limit: 50 } });
  const deployments = useRead("listDeployments", { query: { workflow_name: name, active_only: false, limit: 100 } });
  const live = new Set(active.data?.workflow_registrations.map(({ id }) => id));
  const current = new Map(
    deployments.data?.deployments.flatMap((one) =>
      one.current_for.filter(({ workflow_name }) => workflow_name === name).map((of) => [one.name, of] as const),
    ),
  );
  const [anyCurrent] = current.values();
  return (
    <Loading read={read}>
      {({ workflow_registrations: all }) => (
        <div className="mt-4 space-y-4">
          {anyCurrent && <CurrentDeployment of={anyCurrent} />}
          {live.size > 1 && !anyCurrent && deployments.data && (
            <p role="alert" className="rounded-md border border-warn bg-warn-bg px-3 py-2 text-sm">
              {live.size} deployments with live workers serve this workflow, and none is its current one. A start must
              name one of them. Promote one, and it gets all starts that name none.
            </p>
          )}
          {all.length > 1 && (
            <p className="text-sm">
              <Link to="/workflows" search={{ compare: name }} className="text-accent hover:underline">
                Two versions side by side
              </Link>
            </p>
          )}
          {all.map(({ id, deployment_name, definition }) => (
            <div key={id} className="space-y-2 border-t border-line pt-3 text-sm">
              <p className="flex flex-wrap items-center gap-2">
                <Link
                  to="/deployments/$name"
                  params={{ name: deployment_name ?? "" }}
                  className="text-accent hover:underline"
                >
                  {deployment_name}
                </Link>
                <Tag tone={live.has(id) ? "good" : "still"}>{live.has(id) ? "live" : "no live worker"}</Tag>
                <Held holds={holdsOf(holds, deployment_name, name)} />
                <Promotion deployment={deployment_name ?? ""} workflow={name} live={live.has(id)} of={current} />
              </p>
              <p className="text-xs text-soft">
                {["signals", "queries", "updates"]
                  .map((kind) => {
                    const names = definition[kind as "signals" | "queries" | "updates"]
                      .map((one) => one.name)
                      .filter((one) => !one.startsWith("__"));
                    return `${kind}: ${names.join(", ") || "none"}`;
                  })
                  .join(" · ")}
              </p>
              <details>
                <summary className="text-xs text-soft">Schemas</summary>
                <div className="grid grid-cols-1 gap-3 pt-2 lg:grid-cols-2">
                  <Payload value={definition.input_schema} label="Input schema" />
                  <Payload value={definition.output_schema} label="Output schema" />
                </div>
              </details>
            </div>
          ))}
        </div>
      )}
    </Loading>
  );
}

/** Where starts go that name no deployment. */
function CurrentDeployment({ of: { current_deployment: current, ramp } }: { of: Current }) {
  return (
    <p className="text-sm">
      Starts that name no deployment go to <DeploymentLink name={current ?? ""} />
      {ramp && (
        <>
          , {shareOf(ramp.percent)} of the executions to <DeploymentLink name={ramp.deployment_name} />
        </>
      )}
      .
    </p>
  );
}

interface PromotionProps {
  readonly deployment: string;
  readonly workflow: string;
  readonly live: boolean;
  /** By the name of the deployment. */
  readonly of: ReadonlyMap<string, Current>;
}

function Promotion({ deployment, workflow, live, of }: PromotionProps) {
  const current = of.get(deployment);
  return (
    <>
      {current && <Share percent={current.percent} />}
      <span className="flex flex-wrap gap-1.5">
        <PromoteButton deployment={deployment} workflow={workflow} live={live} />
        <RollBackButton deployment={deployment} workflow={workflow} of={current ? [current] : []} />
      </span>
    </>
  );
}
