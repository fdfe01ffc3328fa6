/** The code of a run: its deployment, the definitions that have decided, and what else fails in the same way. */
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Answer } from "../../api/operations.ts";
import { useRead } from "../../api/use.ts";
import { decidersOf, failureKind } from "../../history/code.ts";
import type { HistoryStore } from "../../history/store.ts";
import { DeploymentLink, ExecutionLink } from "../../ui/links.tsx";
import { Loading } from "../../ui/loading.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Payload } from "../../ui/payload.tsx";
import { Table } from "../../ui/table.tsx";
import { Mono, visible } from "../../ui/text.tsx";
import { Ago, Time } from "../../ui/time.tsx";

type Execution = Answer<"getWorkflowExecution">;
const KEPT_MS = 30 * 86_400_000;

export function Code({ execution, store }: { execution: Execution; store: HistoryStore }) {
  const { workflow_name: workflow, deployment_name: deployment } = execution;
  const kind = failureKind({ workflow, deployment: deployment ?? "" }, store.get(store.last));
  const deciders = decidersOf(store.all());
  return (
    <div className="space-y-4">
      <Panel title="Definitions that have decided" flush>
        {!store.isWhole && (
          <p className="px-4 py-2 text-sm text-soft">Only the part of the history that has been read is searched.</p>
        )}
        <Table
          label="Definitions that have decided"
          rows={deciders}
          keyOf={({ event }) => String(event)}
          empty="No code has decided anything yet."
          columns={[
            { id: "hash", title: "Definition", wide: true, cell: ({ hash }) => <Mono>{hash}</Mono> },
            { id: "event", title: "From event", right: true, cell: ({ event }) => event },
            { id: "at", title: "Since", cell: ({ at }) => <Time at={at} /> },
          ]}
        />
      </Panel>
      <Registered execution={execution} />
      {kind !== null && <SameError execution={execution} kind={kind} />}
    </div>
  );
}

function Registered({ execution }: { execution: Execution }) {
  const { workflow_name, deployment_name } = execution;
  const read = useRead("getWorkflowRegistrations", { query: { workflow_name, limit: 50 } }, { staleTime: 60_000 });
  return (
    <Panel title="Registered by its deployment" actions={deployment_name && <DeploymentLink name={deployment_name} />}>
      <Loading read={read}>
        {({ workflow_registrations: all }) => {
          const own = all.find((one) => one.deployment_name === deployment_name);
          if (!own) return <p className="text-sm text-soft">Its registration is gone.</p>;
          const { input_schema, signals, queries, updates, execution_timeout, versioning } = own.definition;
          const names = (list: readonly { name: string }[]) =>
            list.filter(({ name }) => !name.startsWith("__")).map(({ name }) => name);
          const shown = {
            ...(versioning && { versioning }),
            ...(execution_timeout !== undefined && { execution_timeout }),
            signals: names(signals),
            queries: names(queries),
            updates: names(updates),
            input_schema,
          };
          return <Payload value={shown} label="Definition" />;
        }}
      </Loading>
    </Panel>
  );
}

function SameError({ execution, kind }: { execution: Execution; kind: string }) {
  const [since] = useState(() => new Date(Date.now() - KEPT_MS).toISOString());
  const query = {
    workflow_name: execution.workflow_name,
    deployment_name: execution.deployment_name ?? undefined,
    start_time: since,
    limit: 100,
  };
  const read = useRead("listFailures", { query });
  return (
    <Panel title="The same error">
      <Loading read={read}>
        {({ failures }) => {
          const same = failures.find(({ fingerprint }) => fingerprint === kind);
          if (!same) return <p className="text-sm text-soft">No execution has failed so in the last 30 days.</p>;
          return (
            <div className="space-y-2 text-sm">
              <p>
                <strong>{same.count.toLocaleString("en")}</strong> execution{same.count === 1 ? "" : "s"} of this
                workflow failed so, the last one <Ago at={same.last_time} />
                {same.example && (
                  <>
                    : <ExecutionLink id={same.example.execution_id} run={same.example.run_id} />
                  </>
                )}
                .
              </p>
              <p className="[overflow-wrap:anywhere] text-soft">
                {same.type && <span className="font-mono">{visible(same.type)}: </span>}
                {visible(same.message)}
              </p>
              <Link
                to="/errors"
                search={{ hours: "720", kind: same.fingerprint }}
                className="text-accent underline-offset-2 hover:underline"
              >
                All of this kind
              </Link>
            </div>
          );
        }}
      </Loading>
    </Panel>
  );
}
