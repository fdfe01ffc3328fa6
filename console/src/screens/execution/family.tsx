/** The runs of an execution, and the executions that belong together with it: its root, parent and children. */
import { Link } from "@tanstack/react-router";
import type { Answer } from "../../api/operations.ts";
import { useRead } from "../../api/use.ts";
import { treeOf } from "../../history/family.ts";
import { ExecutionLink } from "../../ui/links.tsx";
import { Loading } from "../../ui/loading.tsx";
import { More } from "../../ui/more.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Status } from "../../ui/status.tsx";
import { Table } from "../../ui/table.tsx";
import { Mono, Name } from "../../ui/text.tsx";
import { Lasting, Time } from "../../ui/time.tsx";

type Run = Answer<"listRuns">["executions"][number];

/** As many runs are read of each. */
const READ = 100;

interface Props {
  readonly id: string;
  readonly root: string;
  /** The run that the page shows. */
  readonly run: string;
}

export function Family({ id, root, run }: Props) {
  return (
    <div className="space-y-4">
      <Runs id={id} run={run} />
      <Tree id={id} root={root} />
    </div>
  );
}

function Runs({ id, run }: { id: string; run: string }) {
  const read = useRead("listRuns", { query: { search: id, page_size: READ } });
  return (
    <Panel title="Runs of this execution" flush>
      <Loading read={read}>
        {({ executions }) => {
          // The search finds ids that contain this one, too.
          const own = executions.filter(({ execution_id }) => execution_id === id);
          return (
            <Table
              label="Runs of this execution"
              rows={own}
              keyOf={(one) => one.run_id ?? ""}
              empty="Its runs are not among the newest that were read."
              columns={[
                { id: "number", title: "Run", cell: (one) => own.length - own.indexOf(one) },
                { id: "status", title: "Status", cell: (one) => <Status status={one.status} /> },
                {
                  id: "id",
                  title: "Id",
                  wide: true,
                  cell: (one) =>
                    one.run_id === run ? (
                      <span>
                        <Mono>{one.run_id}</Mono> <span className="text-xs text-soft">this one</span>
                      </span>
                    ) : (
                      <Link
                        to="/executions/$id"
                        params={{ id }}
                        search={{ tab: "family", ...(one !== own[0] && { run: one.run_id ?? undefined }) }}
                        className="text-accent hover:underline"
                      >
                        <Mono>{one.run_id ?? "–"}</Mono>
                      </Link>
                    ),
                },
                { id: "start", title: "Started", cell: (one) => <Time at={one.start_time} /> },
                { id: "took", title: "Took", cell: (one) => <Lasting from={one.start_time} to={one.end_time} /> },
              ]}
            />
          );
        }}
      </Loading>
    </Panel>
  );
}

function Tree({ id, root }: { id: string; root: string }) {
  const search = { root_execution_id: root };
  const read = useRead("listRuns", { query: { ...search, page_size: READ } });
  return (
    <Panel title="Parent and children" flush actions={<More search={search} />}>
      <Loading read={read}>
        {({ executions, next_page_token: more }) => {
          const tree = treeOf<Run>(executions);
          return (
            <>
              {more !== null && (
                <p className="px-4 py-2 text-sm text-soft">These are of the newest {READ} runs that belong together.</p>
              )}
              <Table
                label="Parent and children"
                rows={tree.length === 1 && tree[0]?.one.execution_id === id ? [] : tree}
                keyOf={({ one }) => one.execution_id}
                empty="It has neither a parent nor children."
                columns={[
                  {
                    id: "id",
                    title: "Execution",
                    wide: true,
                    cell: ({ one, depth }) => (
                      <span style={{ paddingLeft: `${depth * 1.25}rem` }} data-depth={depth}>
                        {one.execution_id === id ? (
                          <strong>
                            <Mono>{id}</Mono>
                          </strong>
                        ) : (
                          <ExecutionLink id={one.execution_id} />
                        )}
                      </span>
                    ),
                  },
                  { id: "status", title: "Status", cell: ({ one }) => <Status status={one.status} /> },
                  { id: "workflow", title: "Workflow", cell: ({ one }) => <Name>{one.workflow_name}</Name> },
                  { id: "start", title: "Started", cell: ({ one }) => <Time at={one.start_time} /> },
                  {
                    id: "took",
                    title: "Took",
                    cell: ({ one }) => <Lasting from={one.start_time} to={one.end_time} />,
                  },
                ]}
              />
            </>
          );
        }}
      </Loading>
    </Panel>
  );
}
