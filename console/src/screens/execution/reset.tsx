/** Lets an execution go on from an earlier step, in a new run. */
import { useRef, useState } from "react";
import { CallFailed } from "../../api/failure.ts";
import { newId } from "../../api/ids.ts";
import { useAction, useRead } from "../../api/use.ts";
import { useSay } from "../../app/toasts.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { CheckField, SelectField, TextField } from "../../ui/field.tsx";
import { Problem } from "../../ui/loading.tsx";
import { Time } from "../../ui/time.tsx";
import { ResetPreview } from "./reset-preview.tsx";

const POINTS = [
  ["first_failure", "before the first step that failed for good"],
  ["last_decision", "before the last step"],
  ["start", "from the start"],
  ["event", "before the step of an event"],
] as const;

interface Props {
  readonly id: string;
  readonly failed: boolean;
  readonly event?: number | undefined;
  readonly close: () => void;
}

/** Of a refused event: those that are possible. */
interface ValidEvent {
  readonly event_id: number;
  readonly at?: string;
  readonly decisions?: readonly string[];
}

export function ResetDialog({ id, failed, event, close }: Props) {
  const [to, setTo] = useState<string>(event !== undefined ? "event" : failed ? "first_failure" : "last_decision");
  const [at, setAt] = useState(event === undefined ? "" : String(event));
  const [signals, setSignals] = useState(false);
  const [updates, setUpdates] = useState(false);
  const [reason, setReason] = useState("");
  const reset = useAction("resetWorkflow");
  const isPoint = to !== "event" || /^[1-9]\d*$/.test(at);
  const point = {
    ...(to === "event" ? { event_id: Number(at) } : { to }),
    exclude_signals: signals,
    exclude_updates: updates,
  };
  const preview = useRead(
    "previewReset",
    { params: { execution_id: id }, body: point },
    { enabled: isPoint, keep: true, staleTime: 0 },
  );
  const say = useSay();
  /** Of a reset whose answer did not come: the person repeats it with the same key, so it happens once. */
  const unanswered = useRef<{ readonly of: string; readonly key: string } | null>(null);
  const run = async () => {
    if (reset.isPending) return;
    const body = { ...point, ...(reason && { reason }) };
    const of = JSON.stringify(body);
    const key = unanswered.current?.of === of ? unanswered.current.key : newId();
    unanswered.current = { of, key };
    try {
      await reset.mutateAsync({ params: { execution_id: id }, body, idempotencyKey: key });
      say.done("The execution goes on in a new run.");
      close();
    } catch (error) {
      // The dialog shows the refusal. A refused reset has changed nothing, so the next one is another.
      if (error instanceof CallFailed && error.status >= 400 && error.status < 500) unanswered.current = null;
    }
  };
  const refused = reset.error ?? preview.error;
  const known = isPoint ? (preview.data?.reset_points ?? []) : [];
  const valid: readonly ValidEvent[] = refused instanceof CallFailed ? possible(refused.body) : known;
  return (
    <Dialog title="Reset the execution" onClose={close}>
      <div className="space-y-3">
        <p className="text-sm">
          The present run ends. A new run keeps what happened before the point and takes all later steps again with the
          present code. Activities that ran after the point run again.
        </p>
        <SelectField label="Go on" value={to} onChange={({ target }) => setTo(target.value)} options={POINTS} />
        {to === "event" && (
          <TextField
            label="Event"
            inputMode="numeric"
            value={at}
            onChange={({ target }) => setAt(target.value)}
            help="The id of an event in the history at which the code decided something."
          />
        )}
        <CheckField
          label="Leave out later signals"
          checked={signals}
          onChange={({ target }) => setSignals(target.checked)}
        />
        <CheckField
          label="Leave out later updates"
          checked={updates}
          onChange={({ target }) => setUpdates(target.checked)}
        />
        <TextField label="Reason" value={reason} onChange={({ target }) => setReason(target.value)} />
        {refused && isPoint && !isUnavailable(refused) && <Problem error={refused} />}
        {isPoint && !preview.error && preview.data && <ResetPreview preview={preview.data} />}
        {valid.length > 0 && (
          <ul className="max-h-40 space-y-1 overflow-auto text-sm" aria-label="Possible events">
            {valid.map((one) => (
              <li key={one.event_id}>
                <button
                  type="button"
                  className="text-accent underline"
                  onClick={() => {
                    setTo("event");
                    setAt(String(one.event_id));
                  }}
                >
                  {one.event_id}
                </button>{" "}
                {one.decisions?.join(", ")} <Time at={one.at} />
              </li>
            ))}
          </ul>
        )}
        <div className="flex gap-2">
          <Button writes look="strong" busy={reset.isPending} disabled={!isPoint} onClick={run}>
            Reset
          </Button>
          <Button onClick={close}>Leave it</Button>
        </div>
      </div>
    </Dialog>
  );
}

/** A server that knows no previews resets nevertheless. */
const isUnavailable = (error: unknown): boolean => error instanceof CallFailed && error.code === "NO_ROUTE";

function possible(body: Readonly<Record<string, unknown>>): readonly ValidEvent[] {
  const list = body.reset_points ?? body.valid_reset_events;
  if (!Array.isArray(list)) return [];
  return list.slice(0, 200).map((one) => (typeof one === "number" ? { event_id: one } : (one as ValidEvent)));
}
