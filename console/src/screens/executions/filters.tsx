/** The filters of the list of executions. They live in the address alone. */
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useRead } from "../../api/use.ts";
import { type ListSearch, queryOf } from "../../app/search.ts";
import { Button } from "../../ui/button.tsx";
import { STATUS_WORDS } from "../../ui/status.tsx";
import { QueryLine } from "./query-line.tsx";
import { clean } from "./views.ts";
import { Views } from "./views-bar.tsx";

const LABELS: Partial<Record<keyof ListSearch, string>> = {
  workflow_identifier: "Workflow",
  deployment_name: "Deployment",
  search: "Text",
  root_execution_id: "Root",
  start_time_after: "Started after",
  start_time_before: "Started before",
};

export function Filters({ search }: { search: ListSearch }) {
  const navigate = useNavigate();
  const set = (change: ListSearch) => void navigate({ to: "/executions", search: clean({ ...search, ...change }) });
  const statuses = search.status ?? [];
  const toggle = (status: string) => {
    const next = statuses.includes(status) ? statuses.filter((one) => one !== status) : [...statuses, status];
    set({ status: next.length > 0 ? next : undefined });
  };
  return (
    <div className="space-y-2">
      <Views search={search} />
      <div className="flex flex-wrap items-center gap-1.5" role="group" aria-label="Status">
        <StatusCounts search={search}>
          {(countOf) =>
            STATUS_WORDS.map(({ status, word }) => (
              <button
                key={status}
                type="button"
                aria-pressed={statuses.includes(status)}
                onClick={() => toggle(status)}
                className="inline-flex min-h-8 items-center gap-1.5 rounded-full border border-line bg-panel px-3 text-xs font-medium hover:bg-sunken aria-pressed:border-accent aria-pressed:bg-sunken aria-pressed:font-semibold"
              >
                {word}
                <span className="text-soft tabular-nums">{countOf(status)}</span>
              </button>
            ))
          }
        </StatusCounts>
      </div>
      <div className="flex flex-wrap items-center gap-1.5">
        <QueryLine set={set} search={search} />
        <AddFilter set={set} search={search} />
        {Object.entries(LABELS).map(([key, label]) => {
          const value = search[key as keyof ListSearch];
          return value === undefined ? null : (
            <Chip key={key} text={`${label}: ${value}`} remove={() => set({ [key]: undefined })} />
          );
        })}
        {(search.search_key ?? []).map((pair) => (
          <Chip
            key={pair}
            text={`Key ${pair}`}
            remove={() => set({ search_key: search.search_key?.filter((one) => one !== pair) })}
          />
        ))}
        {Object.keys(clean(search)).length > 0 && (
          <Button look="quiet" onClick={() => void navigate({ to: "/executions", search: {} })}>
            Clear all
          </Button>
        )}
      </div>
    </div>
  );
}

function Chip({ text, remove }: { text: string; remove: () => void }) {
  return (
    <span className="inline-flex min-h-8 items-center gap-1 rounded-full bg-sunken pr-1 pl-3 text-xs">
      <span className="max-w-72 truncate">{text}</span>
      <button
        type="button"
        aria-label={`Remove ${text}`}
        onClick={remove}
        className="size-6 rounded-full hover:bg-line"
      >
        ✕
      </button>
    </span>
  );
}

/** Counts of the runs that fit the other filters. They are read once a minute: to count costs the server more than a page. */
function StatusCounts({
  search,
  children,
}: {
  search: ListSearch;
  children: (countOf: (status: string) => string) => React.ReactNode;
}) {
  const { status: _, sort_by: __, order: ___, ...others } = queryOf(search);
  const counts = useRead("countRuns", { query: others }, { staleTime: 60_000, keep: true });
  return children((status) => {
    const found = counts.data?.counts.find((one) => one.status === status);
    return found ? `${found.count}${found.more ? "+" : ""}` : "";
  });
}

const KINDS: readonly (readonly [keyof ListSearch, string, string])[] = [
  ["workflow_identifier", "Workflow", "a name"],
  ["deployment_name", "Deployment", "a name"],
  ["search", "Text", "part of an id or a name"],
  ["search_key", "Search key", "key:value, or key^=beginning"],
  ["root_execution_id", "Root execution", "an execution id"],
  ["start_time_after", "Started after", "2026-01-31T09:30:00Z"],
  ["start_time_before", "Started before", "2026-01-31T09:30:00Z"],
];

function AddFilter({ search, set }: { search: ListSearch; set: (change: ListSearch) => void }) {
  const [kind, setKind] = useState<keyof ListSearch>("workflow_identifier");
  const [text, setText] = useState("");
  const add = (event: FormEvent) => {
    event.preventDefault();
    const value = text.trim();
    if (value === "") return;
    set(kind === "search_key" ? { search_key: [...(search.search_key ?? []), value] } : { [kind]: value });
    setText("");
  };
  return (
    <form onSubmit={add} className="flex flex-wrap gap-1">
      <select
        aria-label="Filter by"
        value={kind}
        onChange={(event) => setKind(event.target.value as keyof ListSearch)}
        className="min-h-8 rounded-md border border-line bg-panel px-1.5 text-sm"
      >
        {KINDS.map(([key, title]) => (
          <option key={key} value={key}>
            {title}
          </option>
        ))}
      </select>
      <input
        aria-label="Value of the filter"
        value={text}
        placeholder={KINDS.find(([key]) => key === kind)?.[2]}
        onChange={(event) => setText(event.target.value)}
        className="min-h-8 w-52 rounded-md border border-line bg-panel px-2 text-sm placeholder:text-soft"
        spellCheck={false}
      />
      <Button type="submit">Add</Button>
    </form>
  );
}
