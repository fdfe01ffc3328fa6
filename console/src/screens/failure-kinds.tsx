/** What has failed in the last day, by kind: the most frequent first. */
import { Link } from "@tanstack/react-router";
import { useRead } from "../api/use.ts";
import { Loading } from "../ui/loading.tsx";
import { Panel } from "../ui/panel.tsx";
import { Table } from "../ui/table.tsx";
import { Name, visible } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";

export function FailureKinds() {
  const read = useRead("listFailures", { query: { limit: 8 } });
  return (
    <Panel
      title="Failed in the last day"
      flush
      actions={
        <Link to="/errors" className="text-xs text-accent hover:underline">
          All
        </Link>
      }
    >
      <Loading read={read}>
        {({ failures }) => (
          <Table
            label="Failed in the last day"
            rows={failures}
            keyOf={({ fingerprint }) => fingerprint}
            empty="None has failed."
            columns={[
              { id: "count", title: "Count", right: true, cell: (f) => f.count.toLocaleString("en") },
              {
                id: "message",
                title: "Failure",
                wide: true,
                cell: (f) => (
                  <Link
                    to="/errors"
                    search={{ kind: f.fingerprint }}
                    className="line-clamp-2 text-accent [overflow-wrap:anywhere] hover:underline"
                  >
                    {visible(f.message) || f.status}
                  </Link>
                ),
              },
              { id: "workflow", title: "Workflow", cell: (f) => <Name>{f.workflow_name}</Name> },
              { id: "last", title: "Last", cell: (f) => <Ago at={f.last_time} /> },
            ]}
          />
        )}
      </Loading>
    </Panel>
  );
}
