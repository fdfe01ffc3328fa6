/** Failures of the last days by their kind: how often, since when, an example, and a job that repairs all of a kind. */
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import type { Answer } from "../api/operations.ts";
import { useRead } from "../api/use.ts";
import { useTitle } from "../app/title.ts";
import { Button } from "../ui/button.tsx";
import { SelectField } from "../ui/field.tsx";
import { ExecutionLink } from "../ui/links.tsx";
import { Loading } from "../ui/loading.tsx";
import { Panel } from "../ui/panel.tsx";
import { Status } from "../ui/status.tsx";
import { Table } from "../ui/table.tsx";
import { visible } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";

const ResetAll = lazy(() =>
  import("./executions/bulk-job.tsx").then(({ ResetAll: default_ }) => ({ default: default_ })),
);

const WINDOWS = [
  ["1", "the last hour"],
  ["24", "the last day"],
  ["168", "the last 7 days"],
  ["720", "the last 30 days"],
] as const;

export function Errors() {
  useTitle("Errors");
  const { hours = "24", kind } = useSearch({ from: "/errors" });
  const navigate = useNavigate();
  // Read anew only when another window is chosen.
  const [asked, setAsked] = useState(() => Date.now());
  const query = { start_time: new Date(asked - Number(hours) * 3_600_000).toISOString(), limit: 100 };
  const read = useRead("listFailures", { query }, { keep: true });
  const [repaired, repair] = useState<Answer<"listFailures">["failures"][number] | null>(null);
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-end justify-between gap-2">
        <h1 className="text-xl font-semibold">Errors</h1>
        <SelectField
          label="Ended in"
          value={hours}
          options={WINDOWS}
          onChange={({ target }) => {
            void navigate({ to: "/errors", search: { hours: target.value, kind }, replace: true });
            setAsked(Date.now());
          }}
        />
      </div>
      <Panel
        title={kind === undefined ? "Failures by their kind" : "Failures of one kind"}
        flush
        actions={
          kind !== undefined && (
            <Link to="/errors" search={{ hours }} className="text-xs text-accent hover:underline">
              All kinds
            </Link>
          )
        }
      >
        <Loading read={read}>
          {({ failures, complete }) => (
            <>
              {!complete && (
                <p className="px-4 py-2 text-sm text-soft">
                  There are so many kinds of failures that only the newest were counted.
                </p>
              )}
              <Table
                label="Failures"
                rows={kind === undefined ? failures : failures.filter(({ fingerprint }) => fingerprint === kind)}
                keyOf={({ fingerprint }) => fingerprint}
                empty="Nothing has failed in this time."
                columns={[
                  { id: "count", title: "Count", right: true, cell: (f) => f.count.toLocaleString("en") },
                  { id: "status", title: "Status", cell: (f) => <Status status={f.status} /> },
                  {
                    id: "message",
                    title: "Failure",
                    cell: (f) => (
                      <span className="line-clamp-3 max-w-xl break-words">
                        {f.type && <span className="font-mono">{visible(f.type)}: </span>}
                        {visible(f.message)}
                      </span>
                    ),
                  },
                  {
                    id: "workflow",
                    title: "Workflow",
                    cell: (f) => (
                      <Link
                        to="/executions"
                        search={{ workflow_identifier: f.workflow_name, status: [f.status] }}
                        className="hover:underline"
                      >
                        {visible(f.workflow_name)}
                      </Link>
                    ),
                  },
                  { id: "deployment", title: "Deployment", cell: (f) => f.deployment_name },
                  { id: "last", title: "Last", cell: (f) => <Ago at={f.last_time} /> },
                  { id: "first", title: "First", cell: (f) => <Ago at={f.first_time} /> },
                  {
                    id: "example",
                    title: "Example",
                    cell: (f) => f.example && <ExecutionLink id={f.example.execution_id} run={f.example.run_id} />,
                  },
                  {
                    id: "repair",
                    title: "Repair",
                    cell: (f) => (
                      <Button writes operation="createJob" look="quiet" onClick={() => repair(f)}>
                        Reset all of this kind
                      </Button>
                    ),
                  },
                ]}
              />
            </>
          )}
        </Loading>
      </Panel>
      <Suspense>
        {repaired && (
          <ResetAll
            search={{
              workflow_identifier: repaired.workflow_name,
              deployment_name: repaired.deployment_name,
              status: [repaired.status],
            }}
            failure={repaired}
            close={() => repair(null)}
          />
        )}
      </Suspense>
    </div>
  );
}
