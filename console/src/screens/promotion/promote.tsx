/** Gives the new starts of workflows to a deployment, all of them or a part. */
import { useState } from "react";
import { useAction } from "../../api/use.ts";
import { useSay } from "../../app/toasts.tsx";
import { Button } from "../../ui/button.tsx";
import { Choice } from "../../ui/choice.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/field.tsx";
import { Loading, Problem } from "../../ui/loading.tsx";
import { type Current, type Promotable, startsOf, usePromotable } from "./currents.ts";
import { Moves } from "./moves.tsx";

interface Props {
  readonly deployment: string;
  /** Of this workflow alone; undefined: the person chooses among all that the deployment registers. */
  readonly workflow?: string | undefined;
}

/** Of a deployment without a live worker nothing is promoted: the server refuses it. */
export function PromoteButton({ live, ...props }: Props & { live: boolean }) {
  const [asked, setAsked] = useState(false);
  return (
    <>
      <Button
        writes
        operation="promoteDeployment"
        disabled={!live}
        title={live ? undefined : "No worker of this deployment is live."}
        aria-label={props.workflow && `Promote ${props.deployment} for ${props.workflow}…`}
        onClick={() => setAsked(true)}
      >
        Promote…
      </Button>
      {asked && <PromoteDialog {...props} close={() => setAsked(false)} />}
    </>
  );
}

function PromoteDialog({ deployment, workflow, close }: Props & { close: () => void }) {
  const read = usePromotable(deployment);
  return (
    <Dialog title={`Promote ${deployment}`} onClose={close} wide>
      <Loading read={read}>
        {(promotable) => <Form deployment={deployment} workflow={workflow} of={promotable} close={close} />}
      </Loading>
    </Dialog>
  );
}

/** As the server takes it. */
const PERCENT = /^\d+(\.\d+)?$/;

function percentIn(text: string): number | null {
  const percent = PERCENT.test(text) ? Number(text) : Number.NaN;
  return percent >= 0.01 && percent < 100 ? percent : null;
}

function Form({ deployment, workflow, of, close }: Props & { of: Promotable; close: () => void }) {
  const offered = workflow === undefined ? of.workflows : [workflow];
  const ramps = offered.flatMap((name) => {
    const ramp = of.currents.get(name)?.ramp;
    return ramp?.deployment_name === deployment ? [ramp.percent] : [];
  });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(offered));
  const [part, setPart] = useState(false);
  const [text, setText] = useState(String(ramps[0] ?? 10));
  const promote = useAction("promoteDeployment");
  const say = useSay();
  const percent = part ? percentIn(text) : 100;
  const changes = offered.map((name) => ({ name, ...changeOf(of.currents.get(name), deployment, percent) }));
  const taken = changes.filter(({ name }) => chosen.has(name));
  const refused = taken.filter(({ problem }) => problem);
  const moved = taken.filter(({ after }) => after !== undefined);
  const act = () => {
    const all = workflow === undefined && chosen.size === offered.length;
    const body = {
      ...(!all && { workflow_names: [...chosen] }),
      ...(part && percent !== null && { ramp_percent: percent }),
    };
    promote.mutate(
      { params: { name: deployment }, body },
      {
        onSuccess: ({ workflows }) => {
          const count = workflows.length === 1 ? "one workflow" : `${workflows.length} workflows`;
          say.done(
            `${part ? `A part of the new starts of ${count} goes` : `New starts of ${count} go`} to ${deployment}.`,
          );
          close();
        },
      },
    );
  };
  return (
    <div className="space-y-3 text-sm">
      <p>
        New executions go to <strong>{deployment}</strong>: starts and schedules that name no deployment, and the next
        runs of executions that continue as new. What runs now stays where it is.
      </p>
      <Choice
        label="Which starts"
        title="Which starts"
        options={[
          { name: "All", isChosen: !part, choose: () => setPart(false) },
          { name: "A part", isChosen: part, choose: () => setPart(true) },
        ]}
      />
      {part && (
        <TextField
          label="Percent of the executions"
          inputMode="decimal"
          value={text}
          onChange={({ target }) => setText(target.value)}
          problem={percent === null ? "A number from 0.01 to 99.99." : undefined}
          help="Their ids decide which. A higher percentage later takes further ones along and sends none back."
        />
      )}
      <Moves rows={changes} {...(offered.length > 1 && { chosen, choose: setChosen })} nothing="Nothing changes." />
      {promote.error && <Problem error={promote.error} />}
      <div className="flex flex-wrap gap-2">
        <Button
          writes
          look="strong"
          busy={promote.isPending}
          disabled={percent === null || moved.length === 0 || refused.length > 0}
          onClick={act}
        >
          {part && percent !== null ? `Send ${percent} % there` : "Promote"}
        </Button>
        <Button onClick={close}>Leave it</Button>
      </div>
    </div>
  );
}

/** What a promotion does to one workflow, as the server decides it; `after` is absent where nothing changes. */
function changeOf(current: Current | undefined, deployment: string, percent: number | null) {
  const before = startsOf(current);
  if (percent === null) return { before };
  if (percent === 100) {
    const is = current?.current_deployment === deployment && !current.ramp;
    return is ? { before } : { before, after: deployment };
  }
  if (!current?.current_deployment) {
    return {
      before,
      problem: "It has no current deployment yet. Promote the one that serves it now, then give a part.",
    };
  }
  if (current.current_deployment === deployment) {
    return { before, problem: "This is its current deployment: it gets what no other one gets." };
  }
  const ramp = { deployment_name: deployment, percent };
  const after = startsOf({ ...current, ramp });
  return after === before ? { before } : { before, after };
}
