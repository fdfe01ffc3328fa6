import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { prefer, usePreferences } from "../../app/preferences.ts";
import type { ListSearch } from "../../app/search.ts";
import { Button } from "../../ui/button.tsx";
import { ExecutionLink } from "../../ui/links.tsx";
import { Status } from "../../ui/status.tsx";
import { Mono, Name } from "../../ui/text.tsx";
import { Lasting, Time } from "../../ui/time.tsx";
import { Held } from "../holds/held.tsx";
import { type Hold, holdsOf } from "../holds/holds.ts";
import type { Row } from "./rows.ts";
import { WaitsFor } from "./waits-for.tsx";
import { columnIn, columnText } from "./widths.tsx";

export interface ListColumn {
  readonly id: string;
  readonly title: string;
  /** The API sorts by these alone. */
  readonly sort?: "start_time" | "end_time";
  readonly cell: (row: Row, holds: readonly Hold[] | undefined) => ReactNode;
}

export const COLUMNS: readonly ListColumn[] = [
  {
    id: "status",
    title: "Status",
    cell: (row, holds) => (
      <span className="flex items-center gap-1">
        <Status status={row.status} />
        {row.status === "RUNNING" && <Held holds={holdsOf(holds, row.deployment_name, row.workflow_name)} />}
      </span>
    ),
  },
  { id: "workflow", title: "Workflow", cell: (row) => <Name>{row.workflow_name}</Name> },
  {
    id: "execution",
    title: "Execution",
    cell: (row) => (
      <span className="line-clamp-2" title={row.execution_id}>
        <ExecutionLink
          id={row.execution_id}
          run={row.status === "CONTINUED_AS_NEW" ? (row.run_id ?? undefined) : undefined}
        />
      </span>
    ),
  },
  { id: "start", title: "Started", sort: "start_time", cell: (row) => <Time at={row.start_time} /> },
  { id: "duration", title: "Duration", cell: (row) => <Lasting from={row.start_time} to={row.end_time} /> },
  { id: "deployment", title: "Deployment", cell: (row) => <Name>{row.deployment_name ?? "–"}</Name> },
  { id: "waits", title: "Waits for", cell: (row) => <WaitsFor row={row} /> },
  { id: "end", title: "Ended", sort: "end_time", cell: (row) => <Time at={row.end_time} /> },
  {
    id: "parent",
    title: "Parent",
    cell: (row) => (row.parent_execution_id ? <ExecutionLink id={row.parent_execution_id} /> : "–"),
  },
  { id: "run", title: "Run", cell: (row) => <Mono>{row.run_id ?? "–"}</Mono> },
  { id: "user", title: "Started with key", cell: (row) => <Name>{row.user_id ?? "–"}</Name> },
];
const USUAL = ["status", "workflow", "execution", "start", "duration", "deployment"];

interface Chosen {
  readonly id: string;
  /** Undefined: as wide as its content. */
  readonly width: number | undefined;
}

/** Those of the address, or those that this browser keeps. Unknown ones are left out; the execution is always there. */
function useChosen({ columns }: ListSearch): readonly Chosen[] {
  const kept = usePreferences().columns ?? USUAL;
  const known = (columns?.split(",") ?? []).map(columnIn).filter(isOnce);
  if (known.length === 0) return kept.map(columnIn).filter(isOnce);
  return known.some(({ id }) => id === "execution") ? known : [...known, { id: "execution", width: undefined }];
}

const isOnce = ({ id }: Chosen, i: number, all: readonly Chosen[]): boolean =>
  COLUMNS.some((one) => one.id === id) && all.findIndex((one) => one.id === id) === i;

/** Sets the columns in the address, so that a link shows the same, and in this browser for other visits. Null: as at first. */
function useChoose(search: ListSearch) {
  const navigate = useNavigate();
  return (chosen: readonly Chosen[] | null) => {
    const columns = chosen?.map(({ id, width }) => columnText(id, width)) ?? null;
    prefer({ columns });
    void navigate({ to: "/executions", search: { ...search, columns: columns?.join(",") }, resetScroll: false });
  };
}

export type SizedColumn = ListColumn & Pick<Chosen, "width">;

/** `resize`: while a width is dragged it is only shown. */
export function useColumns(search: ListSearch) {
  const chosen = useChosen(search);
  const choose = useChoose(search);
  const [dragged, setDragged] = useState<Chosen | null>(null);
  const columns = chosen.flatMap(({ id, width }): SizedColumn[] => {
    const column = COLUMNS.find((one) => one.id === id);
    return column ? [{ ...column, width: dragged?.id === id ? dragged.width : width }] : [];
  });
  const resize = (id: string, width: number | undefined, done: boolean) => {
    setDragged(done ? null : { id, width });
    if (done) choose(chosen.map((one) => (one.id === id ? { id, width } : one)));
  };
  return { columns, resize };
}

/** Closes an open `details` by Escape, and by a press anywhere else: it lies over what is pressed next. */
function useClosedFromOutside() {
  const panel = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      const open = panel.current;
      if (!open?.open) return;
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !open.contains(event.target as Node)) {
        open.open = false;
      }
    };
    document.addEventListener("pointerdown", close);
    document.addEventListener("keydown", close);
    return () => {
      document.removeEventListener("pointerdown", close);
      document.removeEventListener("keydown", close);
    };
  }, []);
  return panel;
}

export function ColumnChoice({ search }: { search: ListSearch }) {
  const panel = useClosedFromOutside();
  const all = useChosen(search);
  const chosen = all.map(({ id }) => id);
  const setAll = useChoose(search);
  const choose = (ids: readonly string[] | null) =>
    setAll(ids?.map((id) => ({ id, width: all.find((one) => one.id === id)?.width })) ?? null);
  const move = (id: string, step: number) => {
    const at = chosen.indexOf(id);
    const next = chosen.filter((one) => one !== id);
    next.splice(Math.max(0, Math.min(next.length, at + step)), 0, id);
    choose(next);
  };
  return (
    <details className="relative" ref={panel}>
      <summary className="inline-flex min-h-8 list-none items-center rounded-md border border-line bg-panel px-2.5 text-sm">
        Columns
      </summary>
      <ul className="absolute right-0 z-10 mt-1 max-h-[70dvh] w-64 overflow-auto rounded-md border border-line bg-panel p-2 shadow-lg">
        {[...chosen, ...COLUMNS.map(({ id }) => id).filter((id) => !chosen.includes(id))].map((id) => {
          const title = COLUMNS.find((column) => column.id === id)?.title ?? id;
          const isOn = chosen.includes(id);
          return (
            <li key={id} className="flex min-h-8 items-center justify-between gap-2 text-sm">
              <label className="flex items-center gap-2">
                <input
                  type="checkbox"
                  className="size-4 accent-accent"
                  checked={isOn}
                  disabled={id === "execution"}
                  onChange={() => choose(isOn ? chosen.filter((one) => one !== id) : [...chosen, id])}
                />
                {title}
              </label>
              {isOn && (
                <span className="flex">
                  <Button look="quiet" aria-label={`Move ${title} to the left`} onClick={() => move(id, -1)}>
                    ↑
                  </Button>
                  <Button look="quiet" aria-label={`Move ${title} to the right`} onClick={() => move(id, 1)}>
                    ↓
                  </Button>
                </span>
              )}
            </li>
          );
        })}
        <li>
          <Button look="quiet" onClick={() => choose(null)}>
            As at first
          </Button>
        </li>
      </ul>
    </details>
  );
}
