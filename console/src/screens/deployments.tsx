/** Deployments and their workers, with the age of each heartbeat. */
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import type { Answer } from "../api/operations.ts";
import { useRead } from "../api/use.ts";
import { useTitle } from "../app/title.ts";
import { DeploymentLink } from "../ui/links.tsx";
import { Loading } from "../ui/loading.tsx";
import { Panel } from "../ui/panel.tsx";
import { sizeOf } from "../ui/payload.tsx";
import { Tag } from "../ui/status.tsx";
import { Table } from "../ui/table.tsx";
import { Mono, Name, visible } from "../ui/text.tsx";
import { Ago, Time, useNow } from "../ui/time.tsx";
import { Unavailable } from "../ui/unavailable.tsx";
import { byBase, VersionOf } from "./code-versions.tsx";
import { Held, HoldsUnknown } from "./holds/held.tsx";
import { HoldButton } from "./holds/hold.tsx";
import { type Hold, holdsOf, useHolds } from "./holds/holds.ts";
import type { Current } from "./promotion/currents.ts";
import { PromoteButton } from "./promotion/promote.tsx";
import { RollBackButton } from "./promotion/roll-back.tsx";
import { Oldest, SafeToStop, Share, StartsHere } from "./promotion/share.tsx";

/** A worker that has been silent for longer is about to count as dead. */
const LATE_MS = 30_000;
const REFRESH_MS = 30_000;
const LIST = "/v1/workflows/deployments";

type Worker = Answer<"getDeployment">["workers"][number];
type Load = NonNullable<Worker["load"]>;

export function Deployments() {
  useTitle("Deployments");
  const [all, setAll] = useState(true);
  const holdsRead = useHolds();
  const holds = holdsRead.data?.holds;
  const read = useRead(
    "listDeployments",
    { query: { active_only: !all, limit: 100, with_executions: true } },
    { refetchInterval: REFRESH_MS, keep: true },
  );
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h1 className="text-xl font-semibold">Deployments</h1>
        <label className="flex items-center gap-2 text-sm">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={all}
            onChange={({ target }) => setAll(target.checked)}
          />
          Also without a live worker
        </label>
      </div>
      <HoldsUnknown read={holdsRead} />
      <Panel title="All deployments" flush>
        <Loading read={read}>
          {({ deployments }) => (
            <Table
              label="All deployments"
              rows={byBase(deployments)}
              keyOf={({ id }) => id}
              empty="No worker has registered yet."
              columns={[
                {
                  id: "name",
                  title: "Name",
                  cell: (d) => (
                    <span className="flex flex-col">
                      <DeploymentLink name={d.name} />
                      <VersionOf of={d} />
                    </span>
                  ),
                },
                {
                  id: "state",
                  title: "State",
                  cell: (d) => (
                    <span className="flex flex-wrap items-center gap-1">
                      <Tag tone={d.is_active ? "good" : "warn"}>{d.is_active ? "active" : "no live worker"}</Tag>
                      <HeldHere deployment={d.name} holds={holds} />
                    </span>
                  ),
                },
                {
                  id: "workers",
                  title: "Live workers",
                  right: true,
                  cell: (d) => `${d.active_worker_count} of ${d.worker_count}`,
                },
                { id: "starts", title: "New starts of", wide: true, cell: (d) => <StartsHere of={d.current_for} /> },
                { id: "oldest", title: "Oldest execution", wide: true, cell: (d) => <Oldest of={d} /> },
                { id: "beat", title: "Last heartbeat", cell: (d) => <Ago at={d.last_heartbeat} /> },
                { id: "hard", title: "Registration", cell: (d) => (d.is_hardened ? "named keys only" : "every key") },
                { id: "created", title: "First seen", cell: (d) => <Time at={d.created_at} /> },
              ]}
            />
          )}
        </Loading>
      </Panel>
      <Unavailable title="Hosted deployments" paths={(path) => path === LIST} />
    </div>
  );
}

export function DeploymentPage() {
  const { name } = useParams({ from: "/deployments/$name" });
  useTitle(name);
  const read = useRead("getDeployment", { params: { name } }, { refetchInterval: REFRESH_MS });
  const registrations = useRead("getWorkflowRegistrations", {
    query: { task_queue: name, limit: 200, with_workflow: true },
  });
  const holdsRead = useHolds();
  const holds = holdsRead.data?.holds;
  const current = new Map(read.data?.current_for.map((one) => [one.workflow_name, one]));
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h1 className="text-xl font-semibold">
          Deployment <Mono>{name}</Mono>
        </h1>
        {read.data && <VersionOf of={read.data} />}
        {read.data && (
          <span className="flex flex-wrap gap-1.5">
            <PromoteButton deployment={name} live={read.data.is_active} />
            <RollBackButton deployment={name} of={read.data.current_for} />
            <HoldButton deployment={name} />
          </span>
        )}
      </div>
      <HoldsUnknown read={holdsRead} />
      <Loading read={read}>
        {(deployment) => (
          <>
            <p className="flex flex-wrap items-center gap-3 text-sm">
              <Tag tone={deployment.is_active ? "good" : "warn"}>
                {deployment.is_active ? "active" : "no live worker"}
              </Tag>
              {!deployment.is_active && (
                <span>
                  Its last heartbeat came <Ago at={deployment.last_heartbeat} />. Start a worker with DEPLOYMENT_NAME=
                  {name}.
                </span>
              )}
              <HeldHere deployment={name} holds={holds} />
              {deployment.safe_to_stop && <SafeToStop />}
              {deployment.oldest_execution && (
                <span className="flex flex-wrap items-center gap-x-2">
                  Its oldest execution: <Oldest of={deployment} />
                </span>
              )}
              <Link to="/executions" search={{ deployment_name: name }} className="text-accent hover:underline">
                Executions
              </Link>
            </p>
            <Panel title="Workers" flush>
              <Table
                label="Workers"
                rows={deployment.workers}
                keyOf={({ session_id }) => session_id}
                empty="It has no workers."
                columns={[
                  { id: "name", title: "Name", cell: (w) => <Name>{w.name}</Name> },
                  { id: "state", title: "Heartbeat", cell: (w) => <Beat worker={w} /> },
                  { id: "slots", title: "Activities", cell: (w) => <Slots of={loadOf(w)} kind="activities" /> },
                  { id: "tasks", title: "Executions", cell: (w) => <Slots of={loadOf(w)} kind="executions" /> },
                  { id: "cpu", title: "CPU", right: true, cell: (w) => percent(loadOf(w)?.cpu) },
                  { id: "memory", title: "Memory", right: true, cell: (w) => memory(loadOf(w)?.memory_bytes) },
                  { id: "pid", title: "Process", right: true, cell: (w) => w.process_id ?? "–" },
                  { id: "since", title: "Since", cell: (w) => <Time at={w.created_at} /> },
                  { id: "session", title: "Session", cell: (w) => <Mono>{w.session_id}</Mono> },
                ]}
              />
            </Panel>
          </>
        )}
      </Loading>
      <Panel title="Workflows" flush>
        <Loading read={registrations}>
          {({ workflow_registrations: all }) => (
            <Table
              label="Workflows"
              rows={all}
              keyOf={({ id }) => id}
              empty="It serves no workflow."
              columns={[
                {
                  id: "name",
                  title: "Workflow",
                  cell: (r) => (
                    <span className="flex flex-wrap items-center gap-1.5">
                      <Name>{r.workflow?.name ?? r.workflow_id}</Name>
                      <Held holds={holdsOf(holds, name, r.workflow?.name ?? "")} />
                    </span>
                  ),
                },
                { id: "starts", title: "New starts", cell: (r) => <Starts of={current.get(r.workflow?.name ?? "")} /> },
                { id: "signals", title: "Signals", cell: (r) => <Handlers all={r.definition.signals} /> },
                { id: "updates", title: "Updates", cell: (r) => <Handlers all={r.definition.updates} /> },
                { id: "queries", title: "Queries", cell: (r) => <Handlers all={r.definition.queries} /> },
              ]}
            />
          )}
        </Loading>
      </Panel>
      <Unavailable title="Hosted deployments" paths={(path) => path.startsWith(`${LIST}/{name}`)} />
    </div>
  );
}

/** The hold of the whole deployment, or else what is held of it. */
function HeldHere({ deployment, holds = [] }: { deployment: string; holds: readonly Hold[] | undefined }) {
  const here = holds.filter(({ deployment_name }) => deployment_name === deployment);
  const whole = here.filter(({ workflow_name }) => workflow_name === null);
  if (whole.length > 0) return <Held holds={whole} />;
  return here.map((hold) => <Held key={hold.workflow_name} holds={[hold]} of={`workflow ${hold.workflow_name}`} />);
}

/** The part of a workflow's starts that goes to this deployment, since when, and by whose call. */
function Starts({ of }: { of: Current | undefined }) {
  if (!of) return <span className="text-soft">–</span>;
  return (
    <span className="block space-y-0.5">
      <Share percent={of.percent} />
      <span className="block text-xs sm:max-w-80 sm:truncate text-soft">
        since <Time at={of.changed_at} />
        {of.changed_by && ` by ${visible(of.changed_by)}`}
      </span>
    </span>
  );
}

/** Without those that the SDK registers. */
function Handlers({ all }: { all: readonly { name: string }[] }) {
  const names = all.map(({ name }) => name).filter((name) => !name.startsWith("__"));
  return <Name>{names.join(", ") || "–"}</Name>;
}

/** That of a worker which is not live any more says nothing. */
const loadOf = (worker: Worker): Load | null => (worker.is_active ? (worker.load ?? null) : null);

/** Of one core: two busy cores are 200 %. */
const percent = (cores: number | undefined): string => (cores === undefined ? "–" : `${Math.round(cores * 100)} %`);

const memory = (bytes: number | undefined): string => (bytes === undefined ? "–" : sizeOf(bytes));

/** How many of them are taken, as numbers and as a bar, which turns amber when no more fit. */
function Slots({ of: load, kind }: { of: Load | null; kind: "activities" | "executions" }) {
  if (!load) return "–";
  const [taken, all] =
    kind === "activities" ? [load.activities, load.activity_slots] : [load.workflow_tasks, load.workflow_slots];
  return (
    <span className="flex items-center gap-2 whitespace-nowrap">
      <span className="tabular-nums">
        {taken} of {all}
      </span>
      <span className="h-1.5 w-14 overflow-hidden rounded-full bg-line" aria-hidden>
        <span
          className={`block h-full ${taken >= all ? "bg-warn" : "bg-accent"}`}
          style={{ width: `${Math.min(100, (100 * taken) / all)}%` }}
        />
      </span>
    </span>
  );
}

function Beat({ worker }: { worker: Worker }) {
  const now = useNow(1_000);
  const late = now - Date.parse(worker.last_heartbeat) > LATE_MS;
  const [tone, word] = !worker.is_active
    ? (["still", "inactive"] as const)
    : late
      ? (["warn", "late"] as const)
      : (["good", "live"] as const);
  return (
    <span className="flex items-center gap-2">
      <Tag tone={tone}>{word}</Tag>
      <Ago at={worker.last_heartbeat} />
    </span>
  );
}
