/** Keeps the executions of a deployment or a workflow from workers. */
import { useId, useState } from "react";
import { useAction, useRead } from "../../api/use.ts";
import { useSay } from "../../app/toasts.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/field.tsx";
import { Problem } from "../../ui/loading.tsx";
import { Ago } from "../../ui/time.tsx";
import { bodyOf, isSame, type Scope, scopeText, useHolds } from "./holds.ts";

interface Props {
  /** What the dialog begins with; the person may change it. */
  readonly deployment?: string | undefined;
  readonly workflow?: string | undefined;
  /** Where several buttons stand on one page. */
  readonly label?: string | undefined;
}

export function HoldButton({ label, ...scope }: Props) {
  const [asked, setAsked] = useState(false);
  return (
    <>
      <Button writes operation="holdWork" aria-label={label} onClick={() => setAsked(true)}>
        Hold…
      </Button>
      {asked && <HoldDialog {...scope} close={() => setAsked(false)} />}
    </>
  );
}

const MAX_REASON = 500;

function HoldDialog({ deployment = "", workflow = "", close }: Props & { close: () => void }) {
  const id = useId();
  const [deploymentText, setDeployment] = useState(deployment);
  const [workflowText, setWorkflow] = useState(workflow);
  const [reason, setReason] = useState("");
  const deployments = useRead("listDeployments", { query: { active_only: false, limit: 100 } });
  const workflows = useRead("getWorkflows", { query: { limit: 200 } });
  const holds = useHolds();
  const hold = useAction("holdWork");
  const say = useSay();
  const scope: Scope = { deployment_name: deploymentText.trim() || null, workflow_name: workflowText.trim() || null };
  const isEmpty = scope.deployment_name === null && scope.workflow_name === null;
  const before = holds.data?.holds.find((one) => isSame(one, scope));
  const act = () =>
    hold.mutate(
      { body: { ...bodyOf(scope), ...(reason !== "" && { reason }) } },
      {
        onSuccess: () => {
          say.done(`Workers get no new tasks of ${scopeText(scope)}.`);
          close();
        },
      },
    );
  return (
    <Dialog title="Hold executions" onClose={close}>
      <form
        className="space-y-3 text-sm"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isEmpty) act();
        }}
      >
        <p>
          Workers get no new tasks of what is held. Starts, schedules, signals and results are accepted and wait. An
          activity that runs goes on to its end, and no deadline moves.
        </p>
        <TextField
          label="Deployment"
          placeholder="every deployment"
          value={deploymentText}
          onChange={({ target }) => setDeployment(target.value)}
          list={`${id}-deployments`}
        />
        <datalist id={`${id}-deployments`}>
          {deployments.data?.deployments.map(({ name }) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <TextField
          label="Workflow"
          placeholder="every workflow"
          value={workflowText}
          onChange={({ target }) => setWorkflow(target.value)}
          list={`${id}-workflows`}
          help={isEmpty ? "Name a deployment, a workflow, or both." : undefined}
        />
        <datalist id={`${id}-workflows`}>
          {workflows.data?.workflows.map(({ name }) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <TextField
          label="Reason"
          value={reason}
          maxLength={MAX_REASON}
          onChange={({ target }) => setReason(target.value)}
          placeholder="why"
          help="Every execution that is held shows it."
        />
        {!isEmpty && <Concerned scope={scope} />}
        {before && (
          <p className="text-soft">
            {before.release ? (
              <>
                Its release began <Ago at={before.release.begun_at} />. This holds it again.
              </>
            ) : (
              <>
                The hold began <Ago at={before.held_at} />. This replaces its reason.
              </>
            )}
          </p>
        )}
        {hold.error && <Problem error={hold.error} />}
        <div className="flex flex-wrap gap-2">
          <Button writes look="strong" type="submit" busy={hold.isPending} disabled={isEmpty}>
            Hold
          </Button>
          <Button onClick={close}>Leave it</Button>
        </div>
      </form>
    </Dialog>
  );
}

/** How many executions run there now. A name that is still being typed fits none. */
export function Concerned({ scope: { deployment_name, workflow_name } }: { scope: Scope }) {
  const query = {
    status: ["RUNNING"],
    deployment_name: deployment_name ?? undefined,
    workflow_identifier: workflow_name ?? undefined,
  };
  const counts = useRead("countRuns", { query }, { staleTime: 20_000, keep: true });
  const running = counts.data?.counts.find(({ status }) => status === "RUNNING");
  if (!running) return null;
  return (
    <p data-testid="concerned">
      <strong>
        {running.count.toLocaleString("en")}
        {running.more && "+"} {running.count === 1 ? "execution runs" : "executions run"}
      </strong>{" "}
      there now.
    </p>
  );
}
