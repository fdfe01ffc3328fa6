/** Schedules: what starts by itself, and when. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { Answer } from "../../api/operations.ts";
import { useRead } from "../../api/use.ts";
import { useTitle } from "../../app/title.ts";
import { Button } from "../../ui/button.tsx";
import { Choice } from "../../ui/choice.tsx";
import { ScheduleLink } from "../../ui/links.tsx";
import { Loading, Problem, Skeleton } from "../../ui/loading.tsx";
import { NameFilter } from "../../ui/name-filter.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Tag } from "../../ui/status.tsx";
import { Table } from "../../ui/table.tsx";
import { Name, visible } from "../../ui/text.tsx";
import { Ago, Time } from "../../ui/time.tsx";
import { Calendar, isView } from "./calendar.tsx";
import { OVERLAPS, specWords } from "./definition.ts";
import { Editor } from "./editor.tsx";
import { PauseAll } from "./pause-all.tsx";

/** A month of seven columns does not fit a phone. */
const isNarrow = (): boolean => matchMedia("(width < 40rem)").matches;

export function Schedules() {
  useTitle("Schedules");
  const { view, from, workflow, deployment, input } = useSearch({ from: "/schedules" });
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const read = useRead(
    "getSchedules",
    { query: { search: text || undefined, page_size: 200 } },
    { refetchInterval: 30_000, keep: true },
  );
  const all = read.data?.schedules ?? [];
  const calendarView = isView(view) ? view : undefined;
  const go = (next: string | undefined) => void navigate({ to: "/schedules", search: { view: next } });
  if (view === "new") {
    return (
      <div className="space-y-4">
        <h1 className="text-xl font-semibold">New schedule</h1>
        <Editor given={{ workflow, deployment, input }} close={() => go(undefined)} />
      </div>
    );
  }
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h1 className="text-xl font-semibold">Schedules</h1>
        <div className="flex flex-wrap gap-2">
          <Choice
            label="View of the schedules"
            options={[
              { name: "List", isChosen: !calendarView, choose: () => go(undefined) },
              {
                name: "Calendar",
                isChosen: calendarView !== undefined,
                choose: () => go(isNarrow() ? "agenda" : "month"),
              },
            ]}
          />
          <Button writes look="strong" onClick={() => go("new")}>
            New schedule
          </Button>
        </div>
      </div>
      {calendarView && read.isPending && <Skeleton lines={1} />}
      {calendarView && read.error && (
        <Problem error={read.error} retry={() => void read.refetch()} stale={read.data !== undefined} />
      )}
      {calendarView ? (
        <Calendar schedules={all.map(({ schedule_id }) => schedule_id)} view={calendarView} from={from} />
      ) : (
        <Panel
          title="All schedules"
          flush
          actions={
            <span className="flex flex-wrap items-center gap-2">
              <PauseAll text={text} />
              <NameFilter label="Beginning of the name" value={text} change={setText} />
            </span>
          }
        >
          <Loading read={read}>
            {({ schedules, next_page_token: more }) => (
              <>
                {more !== null && (
                  <p className="px-4 py-2 text-sm text-soft">
                    These are the first {schedules.length}. The beginning of the name finds the others; the calendar has
                    all.
                  </p>
                )}
                <Table
                  label="All schedules"
                  rows={schedules}
                  keyOf={({ schedule_id }) => schedule_id}
                  empty="There is no schedule."
                  columns={[
                    {
                      id: "id",
                      title: "Schedule",
                      wide: true,
                      cell: (s) => <ScheduleLink id={s.schedule_id} />,
                    },
                    { id: "workflow", title: "Workflow", cell: (s) => <Name>{s.workflow_name}</Name> },
                    {
                      id: "spec",
                      title: "Rule",
                      cell: (s) => <span className="font-mono text-xs">{visible(specWords(s))}</span>,
                    },
                    { id: "zone", title: "Zone", cell: (s) => s.time_zone_name ?? "UTC" },
                    {
                      id: "state",
                      title: "State",
                      cell: (s) => (
                        <span title={s.note ?? undefined}>
                          <Tag tone={s.paused ? "warn" : "good"}>{s.paused ? "paused" : "active"}</Tag>
                        </span>
                      ),
                    },
                    {
                      id: "next",
                      title: "Next",
                      cell: (s) =>
                        !s.paused && s.future_executions[0] ? (
                          <span className="flex flex-col">
                            <Time at={s.future_executions[0].scheduled_at} />
                            <span className="text-xs text-soft">
                              <Ago at={s.future_executions[0].scheduled_at} />
                            </span>
                          </span>
                        ) : (
                          "–"
                        ),
                    },
                    { id: "missed", title: "Not started", cell: (s) => notStarted(s.counters) },
                    {
                      id: "overlap",
                      title: "Overlap",
                      cell: (s) => OVERLAPS.find(([value]) => value === s.policy.overlap)?.[1],
                    },
                  ]}
                />
              </>
            )}
          </Loading>
        </Panel>
      )}
    </div>
  );
}

/** Due times that had no start since the schedule was made, by reason; its page tells each. */
function notStarted(counters: Answer<"getSchedules">["schedules"][number]["counters"]): string {
  const parts = [
    [counters.missed_catchup_window, "missed"],
    [counters.refused, "refused"],
    [counters.overlap_skipped, "overlapped"],
    [counters.buffer_dropped, "dropped"],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, word]) => `${count.toLocaleString("en")} ${word}`);
  return told.join(", ") || "–";
}
