/** All holds of the workspace: what is kept from workers, by whom and why. */
import { Link } from "@tanstack/react-router";
import { useTitle } from "../../app/title.ts";
import { DeploymentLink } from "../../ui/links.tsx";
import { Loading } from "../../ui/loading.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Table } from "../../ui/table.tsx";
import { Name, visible } from "../../ui/text.tsx";
import { Ago, Time } from "../../ui/time.tsx";
import { Held } from "./held.tsx";
import { HoldButton } from "./hold.tsx";
import { rateText, useHolds } from "./holds.ts";
import { ReleaseButton } from "./release.tsx";

export function Holds() {
  useTitle("Holds");
  const read = useHolds();
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h1 className="text-xl font-semibold">Holds</h1>
        <HoldButton />
      </div>
      <Panel title="Kept from workers" flush>
        <Loading read={read}>
          {({ holds }) => (
            <Table
              label="Kept from workers"
              rows={holds}
              keyOf={({ deployment_name, workflow_name }) => JSON.stringify([deployment_name, workflow_name])}
              empty="Nothing is held. A hold keeps executions from workers while something that they need is down."
              columns={[
                { id: "state", title: "State", cell: (hold) => <Held holds={[hold]} /> },
                {
                  id: "deployment",
                  title: "Deployment",
                  cell: ({ deployment_name: name }) => (name === null ? "every" : <DeploymentLink name={name} />),
                },
                {
                  id: "workflow",
                  title: "Workflow",
                  cell: ({ workflow_name: name }) => (name === null ? "every" : <Name>{name}</Name>),
                },
                {
                  id: "since",
                  title: "Held since",
                  cell: ({ held_at, held_by }) => (
                    <span className="block space-y-0.5">
                      <Time at={held_at} />
                      {held_by && <span className="block text-xs text-soft">by {visible(held_by)}</span>}
                    </span>
                  ),
                },
                {
                  id: "reason",
                  title: "Reason",
                  wide: true,
                  cell: ({ reason }) => (
                    <span className="[overflow-wrap:anywhere]">{reason === null ? "–" : visible(reason)}</span>
                  ),
                },
                {
                  id: "release",
                  title: "Release",
                  cell: ({ release }) =>
                    release === null ? (
                      <span className="text-soft">–</span>
                    ) : (
                      <span className="block space-y-0.5">
                        <span className="block">{rateText(release.per_second)}</span>
                        <span className="block text-xs text-soft">
                          since <Ago at={release.begun_at} />
                        </span>
                      </span>
                    ),
                },
                {
                  id: "act",
                  title: "",
                  cell: (hold) => (
                    <span className="flex flex-wrap items-center gap-1.5">
                      <ReleaseButton scope={hold} releasing={hold.release !== null} />
                      {hold.release && (
                        <HoldButton
                          label="Hold again…"
                          deployment={hold.deployment_name ?? undefined}
                          workflow={hold.workflow_name ?? undefined}
                        />
                      )}
                      <Link
                        to="/executions"
                        search={{
                          status: ["RUNNING"],
                          deployment_name: hold.deployment_name ?? undefined,
                          workflow_identifier: hold.workflow_name ?? undefined,
                        }}
                        className="px-2 py-1 text-sm text-accent hover:underline"
                      >
                        Executions
                      </Link>
                    </span>
                  ),
                },
              ]}
            />
          )}
        </Loading>
      </Panel>
    </div>
  );
}
