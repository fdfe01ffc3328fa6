/** One schedule: why it starts nothing, its next and last times, and what can be done with it. */
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { Answer } from "../../api/operations.ts";
import { useRead } from "../../api/use.ts";
import { useTitle } from "../../app/title.ts";
import { ExecutionLink } from "../../ui/links.tsx";
import { Loading } from "../../ui/loading.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Payload } from "../../ui/payload.tsx";
import { Tag } from "../../ui/status.tsx";
import { Table } from "../../ui/table.tsx";
import { Mono, visible } from "../../ui/text.tsx";
import { Ago, Time } from "../../ui/time.tsx";
import { ScheduleActions } from "./actions.tsx";
import { Calendar, isView } from "./calendar.tsx";
import { OVERLAPS, specWords } from "./definition.ts";
import { Editor } from "./editor.tsx";

type Schedule = Answer<"getSchedule">;
const REFRESH_MS = 60_000;
const EXPLAINED_MS = 30_000;

export function SchedulePage() {
  const { id } = useParams({ from: "/schedules/$id" });
  const { view, from } = useSearch({ from: "/schedules/$id" });
  useTitle(id);
  const navigate = useNavigate();
  const params = { schedule_id: id };
  const [editing, setEditing] = useState(false);
  const read = useRead("getSchedule", { params }, { refetchInterval: editing ? false : REFRESH_MS });
  const explained = useRead("explainSchedule", { params }, { refetchInterval: EXPLAINED_MS });
  const calendarView = isView(view) ? view : "month";
  return (
    <div className="space-y-4">
      <Loading read={read} lines={6}>
        {(schedule) => (
          <>
            <Header schedule={schedule} />
            {editing ? (
              <Editor schedule={schedule} close={() => setEditing(false)} />
            ) : (
              <>
                <ScheduleActions
                  schedule={schedule}
                  edit={() => setEditing(true)}
                  gone={() => void navigate({ to: "/schedules" })}
                />
                <Loading read={explained}>{(explanation) => <Explained explanation={explanation} />}</Loading>
                <div className="grid grid-cols-1 gap-4 xl:grid-cols-2">
                  <Times schedule={schedule} />
                  <Facts schedule={schedule} />
                </div>
                <Calendar schedules={[id]} only={id} view={calendarView} from={from} />
                <Log id={id} />
              </>
            )}
          </>
        )}
      </Loading>
    </div>
  );
}

function Header({ schedule }: { schedule: Schedule }) {
  return (
    <header className="space-y-1">
      <div className="flex flex-wrap items-center gap-2">
        <Tag tone={schedule.paused ? "warn" : "good"}>{schedule.paused ? "paused" : "active"}</Tag>
        <h1 className="text-xl font-semibold">
          <Mono>{schedule.schedule_id}</Mono>
        </h1>
      </div>
      <p className="text-sm">
        <Link to="/executions" search={{ workflow_identifier: schedule.workflow_name }} className="hover:underline">
          {visible(schedule.workflow_name)}
        </Link>{" "}
        of {schedule.deployment_name ?? "no deployment"},{" "}
        <span className="font-mono text-xs">{visible(specWords(schedule))}</span>, {schedule.time_zone_name ?? "UTC"}
      </p>
      {schedule.note && <p className="text-sm text-soft">Note: {visible(schedule.note)}</p>}
    </header>
  );
}

function Explained({ explanation }: { explanation: Answer<"explainSchedule"> }) {
  return (
    <section aria-label="Why" className="rounded-lg border border-line bg-panel p-4" data-testid="why">
      <p className="text-[15px] font-medium">{visible(explanation.summary)}</p>
      <ul className="mt-2 space-y-1 text-sm">
        {explanation.waits.map((wait) => (
          <li key={wait.kind} data-kind={wait.kind}>
            {wait.text !== explanation.summary && `${visible(wait.text)} `}
            <span className="text-soft">{visible(wait.what_to_do)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Times({ schedule }: { schedule: Schedule }) {
  const next = [
    ...schedule.future_executions.map(({ scheduled_at }) => ({ at: scheduled_at, skipped: false })),
    ...schedule.skipped_executions.map(({ scheduled_at }) => ({ at: scheduled_at, skipped: true })),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return (
    <Panel title="Next times" flush>
      <Table
        label="Next times"
        rows={next}
        keyOf={({ at }) => at}
        empty="There are none."
        columns={[
          { id: "at", title: "Time", cell: ({ at }) => <Time at={at} /> },
          {
            id: "in",
            title: "",
            cell: ({ at, skipped }) => (skipped ? "skipped by the rule" : schedule.paused ? "paused" : <Ago at={at} />),
          },
        ]}
      />
    </Panel>
  );
}

function Facts({ schedule }: { schedule: Schedule }) {
  const rows: (readonly [string, React.ReactNode])[] = [
    ["Overlap", OVERLAPS.find(([value]) => value === schedule.policy.overlap)?.[1]],
    ["Running", schedule.running_executions.length],
    ["Waiting", schedule.waiting_executions.length],
    ["Started", schedule.counters.started],
    ["Skipped by overlap", schedule.counters.overlap_skipped],
    ["Missed", schedule.counters.missed_catchup_window],
    ["Refused", schedule.counters.refused],
    ["Executions left", schedule.remaining_executions ?? "no limit"],
    ["Jitter", schedule.jitter ?? "none"],
    ["Pause on failure", schedule.policy.pause_on_failure ? "yes" : "no"],
    ["Created", <Time key="at" at={schedule.created_at} />],
  ];
  return (
    <Panel title="What it does">
      <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-6 gap-y-1 text-sm">
        {rows.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-soft">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div className="mt-3">
        <Payload value={schedule.input} label="Input" />
      </div>
    </Panel>
  );
}

function Log({ id }: { id: string }) {
  const read = useRead("getScheduleLog", { params: { schedule_id: id }, query: { limit: 100 } });
  return (
    <Panel title="What became of each due time" flush>
      <Loading read={read}>
        {({ entries }) => (
          <Table
            label="Log"
            rows={entries}
            keyOf={({ seq }) => String(seq)}
            empty="No time has been due yet."
            columns={[
              { id: "at", title: "Due", cell: (e) => <Time at={e.nominal_at} /> },
              {
                id: "outcome",
                title: "Outcome",
                cell: (e) => (
                  <Tag
                    tone={
                      e.outcome === "started"
                        ? "good"
                        : e.outcome === "refused" || e.outcome === "missed_catchup"
                          ? "bad"
                          : "warn"
                    }
                  >
                    {e.outcome.replaceAll("_", " ")}
                  </Tag>
                ),
              },
              {
                id: "execution",
                title: "Execution",
                cell: (e) => (e.execution_id ? <ExecutionLink id={e.execution_id} /> : "–"),
              },
              { id: "reason", title: "Why", cell: (e) => (e.reason ? visible(e.reason) : e.manual ? "triggered" : "") },
            ]}
          />
        )}
      </Loading>
    </Panel>
  );
}
