/**
 * Of the overview: what will not start until a person acts, as paused schedules and workflows without a current deployment,
 * and the schedules of which a due time has started nothing since yesterday.
 */
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Answer } from "../api/operations.ts";
import { useRead } from "../api/use.ts";
import { ScheduleLink } from "../ui/links.tsx";
import { Loading } from "../ui/loading.tsx";
import { Panel } from "../ui/panel.tsx";
import { Tag } from "../ui/status.tsx";
import { visible } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";
import { type Current, useCurrents } from "./promotion/currents.ts";

const SHOWN = 6;
const DAY_MS = 86_400_000;
const LINE = "flex flex-wrap items-baseline gap-x-2 gap-y-0.5 px-4 py-2 [overflow-wrap:anywhere]";

export function BlockedStarts() {
  const paused = useRead("getSchedules", { query: { status: "paused", page_size: SHOWN + 1 } });
  const registrations = useRead("getWorkflowRegistrations", {
    query: { active_only: true, with_workflow: true, limit: 1_000 },
  });
  // The panel of deployments says why there is no answer.
  const currents = useCurrents();
  return (
    <Panel title="Starts that need a person">
      <div className="-m-4 divide-y divide-line text-sm">
        <Loading read={registrations} lines={1}>
          {({ workflow_registrations: live, next_cursor: next }) => (
            <>
              {currents.data && <Ambiguous names={ambiguousIn(live, currents.data)} />}
              {next !== null && (
                <p className="px-4 py-2 text-soft">
                  There are more than {live.length.toLocaleString("en")} registrations: only these were looked at.
                </p>
              )}
            </>
          )}
        </Loading>
        <NotStarted />
        <Loading read={paused} lines={2}>
          {({ schedules }) =>
            schedules.length === 0 ? (
              <p className="px-4 py-3 text-soft">No schedule is paused.</p>
            ) : (
              <ul aria-label="Paused schedules" className="divide-y divide-line">
                {schedules.slice(0, SHOWN).map(({ schedule_id, note }) => (
                  <li key={schedule_id} className={LINE}>
                    <Tag tone="warn">paused</Tag>
                    <ScheduleLink id={schedule_id} />
                    {note && <span className="line-clamp-2 text-soft">{visible(note)}</span>}
                  </li>
                ))}
                {schedules.length > SHOWN && (
                  <li className={LINE}>
                    <Link to="/schedules" className="text-accent hover:underline">
                      And more
                    </Link>
                  </li>
                )}
              </ul>
            )
          }
        </Loading>
      </div>
    </Panel>
  );
}

/** Nothing where each due time has started its execution. */
function NotStarted() {
  const [since] = useState(() => new Date(Date.now() - DAY_MS).toISOString());
  const missed = useRead("getSchedules", { query: { not_started_after: since, page_size: SHOWN + 1 } });
  return (
    <Loading read={missed} lines={1}>
      {({ schedules }) =>
        schedules.length > 0 && (
          <ul aria-label="Schedules with due times that started nothing" className="divide-y divide-line">
            {schedules.slice(0, SHOWN).map(
              ({ schedule_id, not_started }) =>
                not_started && (
                  <li key={schedule_id} className={LINE}>
                    <Tag tone="warn">{not_started.outcome.replaceAll("_", " ")}</Tag>
                    <ScheduleLink id={schedule_id} />
                    <span className="text-soft">
                      due <Ago at={not_started.scheduled_at} />
                      {not_started.reason && `: ${visible(not_started.reason)}`}
                    </span>
                  </li>
                ),
            )}
            {schedules.length > SHOWN && (
              <li className={LINE}>
                <Link to="/schedules" className="text-accent hover:underline">
                  And more that started nothing
                </Link>
              </li>
            )}
          </ul>
        )
      }
    </Loading>
  );
}

function Ambiguous({ names }: { names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <ul aria-label="Workflows without a current deployment" className="divide-y divide-line">
      {names.slice(0, SHOWN).map((name) => (
        <li key={name} className={LINE}>
          <Tag tone="warn">no current deployment</Tag>
          <Link to="/workflows" className="text-accent hover:underline">
            {visible(name)}
          </Link>
          <span className="text-soft">Several serve it, so that a start must name one.</span>
        </li>
      ))}
      {names.length > SHOWN && <li className={LINE}>and {names.length - SHOWN} more</li>}
    </ul>
  );
}

type Registration = Answer<"getWorkflowRegistrations">["workflow_registrations"][number];

/** The workflows that several live deployments serve and none is the current one of: a start that names none is refused. */
function ambiguousIn(live: readonly Registration[], current: ReadonlyMap<string, Current>): readonly string[] {
  const serving = Map.groupBy(live, ({ workflow, workflow_id }) => workflow?.name ?? workflow_id);
  return [...serving]
    .filter(([name, all]) => all.length > 1 && !current.has(name))
    .map(([name]) => name)
    .toSorted();
}
