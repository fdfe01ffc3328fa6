/**
 * The rows of the list of executions. What is shown never jumps: rows that appear later wait until the person asks for
 * them, and shown rows change in place.
 */
import { useCallback, useEffect, useReducer, useRef } from "react";
import type { StreamEventPayload } from "../../../../shared/protocol/http/events.ts";
import { call } from "../../api/call.ts";
import type { Answer } from "../../api/operations.ts";
import { useRead } from "../../api/use.ts";
import { type ListSearch, queryOf } from "../../app/search.ts";
import { useLiveEvents } from "../../live/index.tsx";

export type Row = Answer<"listRuns">["executions"][number];
/** Few, so that the first rows are there at once. */
export const PAGE = 50;
const MORE = 200;

/** A closed run is read again this often, because a termination is not in the stream of events. */
const REFRESH_MS = 30_000;

const CLOSED_BY: Readonly<Record<string, NonNullable<Row["status"]>>> = {
  WORKFLOW_EXECUTION_COMPLETED: "COMPLETED",
  WORKFLOW_EXECUTION_FAILED: "FAILED",
  WORKFLOW_EXECUTION_CANCELED: "CANCELED",
  WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "CONTINUED_AS_NEW",
};

interface State {
  readonly rows: readonly Row[];
  /** Newer rows that are not shown yet. */
  readonly waiting: readonly Row[];
  readonly next: string | null;
  /** The first page has come. */
  readonly ready: boolean;
}
type Change =
  | { readonly kind: "reset" }
  | { readonly kind: "first"; readonly page: Answer<"listRuns"> }
  | { readonly kind: "more"; readonly page: Answer<"listRuns"> }
  | { readonly kind: "show" }
  | { readonly kind: "closed"; readonly run: string; readonly status: NonNullable<Row["status"]>; readonly at: string };

const EMPTY: State = { rows: [], waiting: [], next: null, ready: false };
const idOf = (row: Row) => row.run_id ?? row.execution_id;

/** Exported for its test. */
export function reduce(state: State, change: Change): State {
  switch (change.kind) {
    case "reset":
      return EMPTY;
    case "first": {
      const { executions, next_page_token } = change.page;
      if (!state.ready) return { rows: executions, waiting: [], next: next_page_token, ready: true };
      const fresh = new Map(executions.map((row) => [idOf(row), row]));
      const shown = new Set(state.rows.map(idOf));
      const rows = state.rows.map((row) => fresh.get(idOf(row)) ?? row);
      const known = new Set(state.waiting.map(idOf));
      const added = executions.filter((row) => !shown.has(idOf(row)) && !known.has(idOf(row)));
      const waiting = [...added, ...state.waiting.map((row) => fresh.get(idOf(row)) ?? row)];
      return { ...state, rows, waiting };
    }
    case "more": {
      const shown = new Set(state.rows.map(idOf));
      const added = change.page.executions.filter((row) => !shown.has(idOf(row)));
      return { ...state, rows: [...state.rows, ...added], next: change.page.next_page_token };
    }
    case "show":
      return { ...state, rows: [...state.waiting, ...state.rows], waiting: [] };
    case "closed": {
      const close = (row: Row): Row =>
        row.run_id === change.run && row.status === "RUNNING"
          ? {
              ...row,
              status: change.status,
              end_time: change.at,
              total_duration_ms: Math.max(0, Date.parse(change.at) - Date.parse(row.start_time)),
            }
          : row;
      return { ...state, rows: state.rows.map(close), waiting: state.waiting.map(close) };
    }
  }
}

export function useRows(search: ListSearch) {
  const [state, change] = useReducer(reduce, EMPTY);
  const query = { ...queryOf(search), page_size: PAGE } as const;
  const first = useRead("listRuns", { query }, { refetchInterval: REFRESH_MS });
  const key = JSON.stringify(query);
  const shown = useRef(key);

  useEffect(() => {
    if (shown.current !== key) {
      shown.current = key;
      change({ kind: "reset" });
    }
    if (first.data) change({ kind: "first", page: first.data });
  }, [first.data, key]);

  useLiveEvents(
    useCallback(({ data, timestamp }: StreamEventPayload) => {
      const status = CLOSED_BY[data.event_type];
      if (status) change({ kind: "closed", run: data.workflow_run_id, status, at: timestamp });
    }, []),
  );

  const loading = useRef(false);
  const more = async (): Promise<void> => {
    if (loading.current || state.next === null) return;
    loading.current = true;
    try {
      const page = await call("listRuns", { query: { ...query, page_size: MORE, next_page_token: state.next } });
      if (shown.current === key) change({ kind: "more", page });
    } finally {
      loading.current = false;
    }
  };
  return { ...state, first, more, show: () => change({ kind: "show" }) };
}
