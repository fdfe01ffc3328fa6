/** Reads the search parameters of an address. What is not understood is left out. */

type Raw = Record<string, unknown>;

const textIn = (search: Raw, key: string): string | undefined => {
  const value = search[key];
  if (typeof value === "number" || typeof value === "boolean") return String(value); // the router reads JSON
  return typeof value === "string" && value !== "" ? value : undefined;
};

/** The router reads a text that is JSON. */
const jsonIn = (search: Raw, key: string): string | undefined =>
  typeof search[key] === "object" ? JSON.stringify(search[key]) : textIn(search, key);

function textsIn(search: Raw, key: string): readonly string[] | undefined {
  const value = search[key];
  const list = Array.isArray(value) ? value : value === undefined ? [] : [value];
  const texts = list.map((one) => textIn({ one }, "one")).filter((one) => one !== undefined);
  return texts.length > 0 ? texts : undefined;
}

/** The filters of the list of executions, named as in the API. */
export interface ListSearch {
  readonly status?: readonly string[] | undefined;
  readonly workflow_identifier?: string | undefined;
  readonly deployment_name?: string | undefined;
  readonly search?: string | undefined;
  readonly search_key?: readonly string[] | undefined;
  readonly root_execution_id?: string | undefined;
  readonly start_time_after?: string | undefined;
  readonly start_time_before?: string | undefined;
  readonly sort_by?: string | undefined;
  readonly order?: string | undefined;
  /** The columns that are shown, in order, with commas between, each with its width in px if it has one: `execution:320`. */
  readonly columns?: string | undefined;
}

/** What the API is asked for: all but what only the page shows. */
export function queryOf({ columns: _, ...query }: ListSearch) {
  return query;
}

/** The filters without what orders their rows: which executions, not how they are listed. */
export function filterOf(search: ListSearch): Readonly<Record<string, unknown>> {
  const { sort_by: _, order: __, ...filter } = queryOf(search);
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

/** Executions that ask a person: while they do, the SDK sets this search key. */
export const ASKS: ListSearch = { status: ["RUNNING"], search_key: ["internal.execution.state:waiting_for_input"] };

export const readListSearch = (search: Raw): ListSearch => ({
  status: textsIn(search, "status"),
  workflow_identifier: textIn(search, "workflow_identifier"),
  deployment_name: textIn(search, "deployment_name"),
  search: textIn(search, "search"),
  search_key: textsIn(search, "search_key"),
  root_execution_id: textIn(search, "root_execution_id"),
  start_time_after: textIn(search, "start_time_after"),
  start_time_before: textIn(search, "start_time_before"),
  sort_by: textIn(search, "sort_by"),
  order: textIn(search, "order"),
  columns: textIn(search, "columns"),
});

export interface ExecutionSearch {
  /** A run other than the current one. */
  readonly run?: string | undefined;
  readonly tab?: string | undefined;
  /** The id of the selected event. */
  readonly event?: string | undefined;
  readonly order?: string | undefined;
  readonly show?: string | undefined;
  /** Of the timeline: `failed` or `open` steps alone, part of their name, `off`: idle time is unfolded, `table`, and its part. */
  readonly steps?: string | undefined;
  readonly name?: string | undefined;
  readonly fold?: string | undefined;
  readonly as?: string | undefined;
  readonly zoom?: string | undefined;
  /** The key of a child in the timeline, whose steps stand below it. */
  readonly child?: string | undefined;
  /** Pinned queries, as JSON. */
  readonly pins?: string | undefined;
}
export const readExecutionSearch = (search: Raw): ExecutionSearch => ({
  run: textIn(search, "run"),
  tab: textIn(search, "tab"),
  event: textIn(search, "event"),
  order: textIn(search, "order"),
  show: textIn(search, "show"),
  steps: textIn(search, "steps"),
  name: textIn(search, "name"),
  fold: textIn(search, "fold"),
  as: textIn(search, "as"),
  zoom: textIn(search, "zoom"),
  child: textIn(search, "child"),
  pins: jsonIn(search, "pins"),
});

export interface CompareSearch {
  readonly a?: string | undefined;
  readonly b?: string | undefined;
  /** Runs of them other than the current ones. */
  readonly a_run?: string | undefined;
  readonly b_run?: string | undefined;
  /** `all`: equal steps too. */
  readonly steps?: string | undefined;
}
export const readCompareSearch = (search: Raw): CompareSearch => ({
  a: textIn(search, "a"),
  b: textIn(search, "b"),
  a_run: textIn(search, "a_run"),
  b_run: textIn(search, "b_run"),
  steps: textIn(search, "steps"),
});

export interface StartSearch {
  readonly workflow?: string | undefined;
  readonly deployment?: string | undefined;
  /** JSON. */
  readonly input?: string | undefined;
}
export const readStartSearch = (search: Raw): StartSearch => ({
  workflow: textIn(search, "workflow"),
  deployment: textIn(search, "deployment"),
  input: jsonIn(search, "input"),
});

export interface CalendarSearch {
  readonly view?: string | undefined;
  /** A date of the part that the calendar shows. */
  readonly from?: string | undefined;
  /** Of a new schedule; the input is JSON. */
  readonly workflow?: string | undefined;
  readonly deployment?: string | undefined;
  readonly input?: string | undefined;
}
export const readCalendarSearch = (search: Raw): CalendarSearch => ({
  view: textIn(search, "view"),
  from: textIn(search, "from"),
  workflow: textIn(search, "workflow"),
  deployment: textIn(search, "deployment"),
  input: jsonIn(search, "input"),
});

export interface WorkflowsSearch {
  /** The workflow of which two deployments are compared. */
  readonly compare?: string | undefined;
  readonly a?: string | undefined;
  readonly b?: string | undefined;
}
export const readWorkflowsSearch = (search: Raw): WorkflowsSearch => ({
  compare: textIn(search, "compare"),
  a: textIn(search, "a"),
  b: textIn(search, "b"),
});

export interface InboxSearch {
  readonly workflow?: string | undefined;
}
export const readInboxSearch = (search: Raw): InboxSearch => ({ workflow: textIn(search, "workflow") });

/** The failures of so many of the last hours. */
export interface ErrorsSearch {
  readonly hours?: string | undefined;
  /** The fingerprint of one kind of failures: only that one is shown. */
  readonly kind?: string | undefined;
}
const HOURS: ReadonlySet<string | undefined> = new Set(["1", "24", "168", "720"]);
export const readErrorsSearch = (search: Raw): ErrorsSearch => {
  const hours = textIn(search, "hours");
  return { hours: HOURS.has(hours) ? hours : undefined, kind: textIn(search, "kind") };
};
