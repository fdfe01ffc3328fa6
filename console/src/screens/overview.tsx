/** What needs a person, and what goes on now. */
import { Link } from "@tanstack/react-router";
import { apiBase } from "../api/address.ts";
import type { Answer } from "../api/operations.ts";
import { useRead } from "../api/use.ts";
import { ASKS } from "../app/search.ts";
import { useTitle } from "../app/title.ts";
import { DeploymentLink, ExecutionLink, ScheduleLink } from "../ui/links.tsx";
import { Loading } from "../ui/loading.tsx";
import { More } from "../ui/more.tsx";
import { Panel } from "../ui/panel.tsx";
import { Status } from "../ui/status.tsx";
import { Table } from "../ui/table.tsx";
import { Copy, Name, visible } from "../ui/text.tsx";
import { Ago, Time } from "../ui/time.tsx";
import { BlockedStarts } from "./blocked-starts.tsx";
import { FailureKinds } from "./failure-kinds.tsx";
import { Held, HoldsUnknown } from "./holds/held.tsx";
import { scopeText, useHolds } from "./holds/holds.ts";
import { OldestWaits } from "./oldest-waits.tsx";
import { RatesLine } from "./rates.tsx";

const MOST_HOLDS = 5;

export function Overview() {
  useTitle("Overview");
  return (
    <div className="space-y-4">
      <h1 className="text-xl font-semibold">Overview</h1>
      <Counts />
      <RatesLine />
      <Holds />
      <div className="grid grid-cols-1 gap-4 xl:grid-cols-2">
        <FailureKinds />
        <Asks />
        <OldestWaits />
        <BlockedStarts />
        <Upcoming />
        <Deployments />
        <Latest />
      </div>
    </div>
  );
}

function Counts() {
  const counts = useRead("countRuns", { query: {} }, { staleTime: 20_000 });
  return (
    <Loading read={counts} lines={1}>
      {({ counts: all }) => (
        <ul className="grid grid-cols-[repeat(auto-fit,minmax(8.5rem,1fr))] gap-2">
          {all
            .filter(
              ({ status, count }) => status !== "RETRYING_AFTER_ERROR" && (status !== "CONTINUED_AS_NEW" || count > 0),
            )
            .map(({ status, count, more }) => (
              <li key={status}>
                <Link
                  to="/executions"
                  search={{ status: [status] }}
                  className="block rounded-lg border border-line bg-panel px-3 py-2 hover:bg-sunken"
                >
                  <span className="block text-2xl font-semibold tabular-nums">
                    {count.toLocaleString("en")}
                    {more && "+"}
                  </span>
                  <Status status={status} />
                </Link>
              </li>
            ))}
        </ul>
      )}
    </Loading>
  );
}

/** One line for each; nothing where nothing is held. */
function Holds() {
  const read = useHolds();
  const holds = read.data?.holds ?? [];
  if (holds.length === 0) return <HoldsUnknown read={read} />;
  return (
    <section
      aria-label="Holds"
      className="flex flex-wrap items-center gap-x-4 gap-y-1.5 rounded-lg border border-warn bg-warn-bg px-4 py-2.5 text-sm"
    >
      <strong>Kept from workers:</strong>
      {holds.slice(0, MOST_HOLDS).map((hold) => (
        <span key={scopeText(hold)} className="flex items-center gap-1.5 [overflow-wrap:anywhere]">
          <Held holds={[hold]} /> {visible(scopeText(hold))}
        </span>
      ))}
      {holds.length > MOST_HOLDS && <span>and {holds.length - MOST_HOLDS} more</span>}
      <Link to="/holds" className="text-accent underline">
        All holds
      </Link>
    </section>
  );
}

function Asks() {
  const open = useRead("listRuns", { query: { ...ASKS, page_size: 8 } });
  return (
    <Panel title="A person must answer" flush actions={<More search={ASKS} />}>
      <Loading read={open}>
        {({ executions }) => (
          <Runs runs={executions} label="Executions that ask a person" empty="No execution asks a person." />
        )}
      </Loading>
    </Panel>
  );
}

type Run = Answer<"listRuns">["executions"][number];

function Runs({ runs, label, empty }: { runs: readonly Run[]; label: string; empty: string }) {
  return (
    <Table
      label={label}
      rows={runs}
      keyOf={(run) => run.run_id ?? run.execution_id}
      empty={empty}
      columns={[
        { id: "status", title: "Status", cell: (run) => <Status status={run.status} /> },
        { id: "workflow", title: "Workflow", cell: (run) => <Name>{run.workflow_name}</Name> },
        {
          id: "id",
          title: "Execution",
          wide: true,
          cell: (run) => <ExecutionLink id={run.execution_id} />,
        },
        { id: "since", title: "Started", cell: (run) => <Ago at={run.start_time} /> },
      ]}
    />
  );
}

function Deployments() {
  const deployments = useRead(
    "listDeployments",
    { query: { active_only: false, limit: 50 } },
    { refetchInterval: 60_000 },
  );
  return (
    <Panel title="Deployments" flush>
      <Loading read={deployments}>
        {({ deployments: all }) =>
          all.length === 0 ? (
            <FirstWorker />
          ) : (
            <Table
              label="Deployments"
              rows={all.toSorted((a, b) => Number(a.is_active) - Number(b.is_active)).slice(0, 8)}
              keyOf={({ id }) => id}
              empty=""
              columns={[
                {
                  id: "name",
                  title: "Name",
                  cell: (d) => <DeploymentLink name={d.name} />,
                },
                {
                  id: "live",
                  title: "Live workers",
                  cell: (d) => (d.is_active ? d.active_worker_count : "no live worker"),
                },
                { id: "beat", title: "Last heartbeat", cell: (d) => <Ago at={d.last_heartbeat} /> },
              ]}
            />
          )
        }
      </Loading>
    </Panel>
  );
}

/** Shown until the first worker registers; the list is read again by itself. */
function FirstWorker() {
  const url = apiBase(location.href).replace(/\/$/, "");
  const lines = `export SIROCCO_URL=${url}\nexport DEPLOYMENT_NAME=dev\nnode worker.ts`;
  return (
    <div className="space-y-2 p-4 text-sm">
      <p>No worker has registered yet. Start one with the API key in SIROCCO_API_KEY:</p>
      <div className="flex items-start gap-2 rounded-md border border-line bg-sunken p-2">
        <pre className="flex-1 overflow-x-auto font-mono text-xs">{lines}</pre>
        <Copy text={lines} label="the lines" />
      </div>
    </div>
  );
}

function Upcoming() {
  const upcoming = useRead("listUpcomingTimes", { query: { limit: 500 } }, { refetchInterval: 60_000 });
  return (
    <Panel title="Next due times" flush>
      <Loading read={upcoming}>
        {({ times }) => (
          <Table
            label="Next due times"
            rows={nextOfEach(times).slice(0, 10)}
            keyOf={(t) => t.schedule_id}
            empty="No schedule is due in the next day."
            columns={[
              {
                id: "schedule",
                title: "Schedule",
                cell: (t) => <ScheduleLink id={t.schedule_id} />,
              },
              { id: "at", title: "Due", cell: (t) => <Time at={t.scheduled_at} /> },
              { id: "in", title: "", cell: (t) => <Ago at={t.scheduled_at} /> },
              {
                id: "more",
                title: "In this day",
                right: true,
                cell: (t) => (t.count === 1 ? "once" : `${t.count.toLocaleString("en")} times`),
              },
            ]}
          />
        )}
      </Loading>
    </Panel>
  );
}

type Due = Answer<"listUpcomingTimes">["times"][number];

/** A schedule that is due every minute would hide all others: each is shown once. */
function nextOfEach(times: readonly Due[]): readonly (Due & { readonly count: number })[] {
  const own = Map.groupBy(times, ({ schedule_id }) => schedule_id);
  return [...own.values()].map((list) => ({ ...(list[0] as Due), count: list.length }));
}

function Latest() {
  const latest = useRead("listRuns", { query: { page_size: 10 } });
  return (
    <Panel title="Latest executions" flush actions={<More search={{}} />}>
      <Loading read={latest}>
        {({ executions }) => <Runs runs={executions} label="Latest executions" empty="Nothing has been started yet." />}
      </Loading>
    </Panel>
  );
}
