/** All executions of the workspace, live. */
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, useRef, useState } from "react";
import { filterOf, type ListSearch, queryOf } from "../../app/search.ts";
import { useTitle } from "../../app/title.ts";
import { useSay } from "../../app/toasts.tsx";
import { Button } from "../../ui/button.tsx";
import { Problem, Skeleton } from "../../ui/loading.tsx";
import { HoldsUnknown } from "../holds/held.tsx";
import { type Hold, useHolds } from "../holds/holds.ts";
import { Bulk } from "./bulk.tsx";
import { ColumnChoice, type SizedColumn, useColumns } from "./columns.tsx";
import { Filters } from "./filters.tsx";
import { type Row, useRows } from "./rows.ts";
import { WidthHandle } from "./widths.tsx";

export function Executions() {
  useTitle("Executions");
  const search = useSearch({ from: "/executions" });
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h1 className="text-xl font-semibold">Executions</h1>
        <ColumnChoice search={search} />
      </div>
      <Filters search={search} />
      <List key={JSON.stringify(queryOf(search))} search={search} />
    </div>
  );
}

function List({ search }: { search: ListSearch }) {
  const { rows, waiting, next, ready, first, more, show } = useRows(search);
  const { columns, resize } = useColumns(search);
  const holds = useHolds();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [busy, setBusy] = useState(false);
  const say = useSay();
  const loadMore = async () => {
    setBusy(true);
    await more().catch(say.failed);
    setBusy(false);
  };
  if (!ready && first.error) return <Problem error={first.error} retry={() => void first.refetch()} />;
  if (!ready) return <Skeleton lines={10} />;
  return (
    <section aria-label="List of executions" className="rounded-lg border border-line bg-panel">
      {first.error && <Problem error={first.error} retry={() => void first.refetch()} stale />}
      <HoldsUnknown read={holds} />
      <Bulk search={search} selected={selected} clear={() => setSelected(new Set())} />
      <div aria-live="polite">
        {waiting.length > 0 && (
          <button
            type="button"
            onClick={show}
            className="w-full border-b border-line bg-running-bg py-1.5 text-center text-sm font-semibold text-running"
          >
            {waiting.length} new
          </button>
        )}
      </div>
      {rows.length === 0 ? (
        <p className="px-4 py-10 text-center text-soft">
          {Object.keys(filterOf(search)).length === 0 ? (
            <>
              Nothing has been started yet.{" "}
              <Link to="/start" className="text-accent underline">
                Start an execution
              </Link>
            </>
          ) : (
            "No execution fits these filters."
          )}
        </p>
      ) : (
        <Rows
          rows={rows}
          columns={columns}
          holds={holds.data?.holds}
          resize={resize}
          search={search}
          selected={selected}
          select={setSelected}
        />
      )}
      <footer className="flex items-center justify-between gap-2 border-t border-line px-4 py-2 text-sm text-soft">
        <span>
          {rows.length} shown{next === null ? ", no more" : ""}
        </span>
        {next !== null && (
          <Button busy={busy} onClick={loadMore}>
            Load more
          </Button>
        )}
      </footer>
    </section>
  );
}

const ROW_HEIGHT = 34;
/** Of a row on a phone, which has three lines. */
const TALL_ROW_HEIGHT = 82;
const VIRTUAL_FROM = 200;

interface RowsProps {
  readonly rows: readonly Row[];
  readonly columns: readonly SizedColumn[];
  /** Of the workspace. Undefined: they are not known. */
  readonly holds: readonly Hold[] | undefined;
  readonly resize: (id: string, width: number | undefined, done: boolean) => void;
  readonly search: ListSearch;
  readonly selected: ReadonlySet<string>;
  readonly select: (selected: ReadonlySet<string>) => void;
}

function Rows({ rows, columns, holds, resize, search, selected, select }: RowsProps) {
  const box = useRef<HTMLElement>(null);
  const isLong = rows.length > VIRTUAL_FROM;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => (matchMedia("(width < 40rem)").matches ? TALL_ROW_HEIGHT : ROW_HEIGHT),
    overscan: 12,
    enabled: isLong,
  });
  const items = virtual.getVirtualItems();
  const shown = isLong ? items.map(({ index }) => rows[index] as Row) : rows;
  const before = isLong ? (items[0]?.start ?? 0) : 0;
  const after = isLong ? virtual.getTotalSize() - (items.at(-1)?.end ?? 0) : 0;
  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    select(next);
  };
  const isAll = rows.every((row) => selected.has(row.execution_id));
  return (
    <section
      ref={box}
      aria-label="Executions"
      tabIndex={0}
      className={`overflow-auto ${isLong ? "max-h-[70dvh]" : ""}`}
    >
      <table aria-rowcount={rows.length} className="w-full border-collapse text-left text-sm max-sm:block">
        <thead className="sticky top-0 z-[1] bg-panel max-sm:block">
          <tr className="border-b border-line text-xs text-soft max-sm:flex max-sm:items-center max-sm:gap-2 max-sm:px-3">
            <th scope="col" className="w-8 py-2 pl-4 max-sm:w-auto max-sm:pl-0">
              <input
                type="checkbox"
                aria-label="Select all that are shown"
                className="size-4 accent-accent"
                checked={isAll}
                onChange={() => select(isAll ? new Set() : new Set(rows.map((row) => row.execution_id)))}
              />
            </th>
            {columns.map((column) => (
              <Head key={column.id} column={column} search={search} resize={resize} />
            ))}
          </tr>
        </thead>
        <tbody className="max-sm:block">
          {before > 0 && <tr style={{ height: before }} aria-hidden />}
          {shown.map((row) => (
            <tr
              key={row.run_id ?? row.execution_id}
              data-execution={row.execution_id}
              className="h-[34px] border-b border-line last:border-0 hover:bg-sunken max-sm:flex max-sm:h-auto max-sm:min-h-[82px] max-sm:flex-wrap max-sm:items-center max-sm:gap-x-3 max-sm:px-3 max-sm:py-1.5"
            >
              <td className="pl-4 max-sm:pl-0">
                <input
                  type="checkbox"
                  aria-label={`Select ${row.execution_id}`}
                  className="size-4 accent-accent"
                  checked={selected.has(row.execution_id)}
                  onChange={() => toggle(row.execution_id)}
                />
              </td>
              {columns.map(({ id, cell, width }) => (
                <td
                  key={id}
                  style={sized(width)}
                  className={`max-w-96 px-3 py-1 max-sm:px-0 max-sm:py-0 ${id === "execution" ? `max-sm:basis-full ${width ? "" : "sm:min-w-56"}` : ""} ${width ? "sm:w-(--width) sm:max-w-(--width) sm:min-w-(--width) sm:overflow-hidden sm:text-ellipsis" : ""}`}
                >
                  {cell(row, holds)}
                </td>
              ))}
            </tr>
          ))}
          {after > 0 && <tr style={{ height: after }} aria-hidden />}
        </tbody>
      </table>
    </section>
  );
}

/** As a variable, so that a phone, which has no columns, ignores it. */
const sized = (width: number | undefined) => (width ? ({ "--width": `${width}px` } as CSSProperties) : undefined);

interface HeadProps {
  readonly column: SizedColumn;
  readonly search: ListSearch;
  readonly resize: RowsProps["resize"];
}

function Head({ column, search, resize }: HeadProps) {
  const navigate = useNavigate();
  const { id, sort, title, width } = column;
  const handle = <WidthHandle title={title} width={width} resize={(to, done) => resize(id, to, done)} />;
  const size = width ? "sm:w-(--width) sm:max-w-(--width) sm:min-w-(--width)" : "";
  if (!sort)
    return (
      <th
        scope="col"
        style={sized(width)}
        className={`relative px-3 py-2 font-semibold whitespace-nowrap max-sm:hidden ${size}`}
      >
        {title}
        {handle}
      </th>
    );
  const isOn = (search.sort_by ?? "start_time") === sort;
  const isUp = isOn && search.order === "asc";
  return (
    <th
      scope="col"
      aria-sort={isOn ? (isUp ? "ascending" : "descending") : "none"}
      style={sized(width)}
      className={`relative px-3 py-2 font-semibold whitespace-nowrap ${size}`}
    >
      <button
        type="button"
        className="hover:text-ink"
        title="Sort. The server sorts by start and end alone."
        onClick={() =>
          void navigate({
            to: "/executions",
            search: { ...search, sort_by: sort, order: isOn && !isUp ? "asc" : "desc" },
          })
        }
      >
        {title} {isOn ? (isUp ? "↑" : "↓") : ""}
      </button>
      {handle}
    </th>
  );
}
