/** Takes promotions back: new starts go where they went before. */
import { useState } from "react";
import { useAction } from "../../api/use.ts";
import { useSay } from "../../app/toasts.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Problem } from "../../ui/loading.tsx";
import { type Current, startsOf } from "./currents.ts";
import { Moves } from "./moves.tsx";

interface Props {
  readonly deployment: string;
  /** The workflows whose starts go to the deployment. */
  readonly of: readonly Current[];
  /** The dialog is about one workflow of several pages. */
  readonly workflow?: string | undefined;
}

export function RollBackButton(props: Props) {
  const [asked, setAsked] = useState<readonly Current[] | null>(null);
  if (props.of.length === 0) return null;
  return (
    <>
      <Button
        writes
        operation="rollBackDeployment"
        aria-label={props.workflow && `Roll ${props.deployment} back for ${props.workflow}…`}
        onClick={() => setAsked(props.of)}
      >
        Roll back…
      </Button>
      {asked && <RollBackDialog {...props} of={asked} close={() => setAsked(null)} />}
    </>
  );
}

function RollBackDialog({ deployment, of, close }: Props & { close: () => void }) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(of.map(({ workflow_name }) => workflow_name)));
  const rollBack = useAction("rollBackDeployment");
  const say = useSay();
  const act = () =>
    rollBack.mutate(
      { params: { name: deployment }, body: { workflow_names: [...chosen] } },
      {
        onSuccess: () => {
          say.done(`New starts go where they went before ${deployment} was promoted.`);
          close();
        },
      },
    );
  return (
    <Dialog title={`Roll ${deployment} back`} onClose={close} wide>
      <div className="space-y-3 text-sm">
        <p>
          New starts go where they went before the last promotion. What runs on <strong>{deployment}</strong> stays
          there until it ends, so keep a worker of it.
        </p>
        <Moves
          rows={of.map((current) => ({
            name: current.workflow_name,
            before: startsOf(current),
            after: afterOf(current),
          }))}
          {...(of.length > 1 && { chosen, choose: setChosen })}
          nothing=""
        />
        {rollBack.error && <Problem error={rollBack.error} />}
        <div className="flex flex-wrap gap-2">
          <Button writes look="strong" busy={rollBack.isPending} disabled={chosen.size === 0} onClick={act}>
            Roll back
          </Button>
          <Button onClick={close}>Leave it</Button>
        </div>
      </div>
    </Dialog>
  );
}

/** As the server decides: a ramp ends first, and only then the promotion before it. */
function afterOf({ current_deployment, previous_deployment, ramp }: Current): string {
  if (ramp) return current_deployment ?? "";
  return (
    previous_deployment ?? "the one live deployment that serves it. Where several serve it, a start must name one."
  );
}
