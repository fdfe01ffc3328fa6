/** Pause, resume, trigger, backfill and delete a schedule. */
import { useState } from "react";
import type { Answer, Called } from "../../api/operations.ts";
import { useAction } from "../../api/use.ts";
import { useSay } from "../../app/toasts.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { SelectField, TextField } from "../../ui/field.tsx";
import { Problem } from "../../ui/loading.tsx";
import { BackfillTimes } from "./backfill-times.tsx";
import { definitionOf, draftOf, OVERLAPS } from "./definition.ts";

type Schedule = Answer<"getSchedule">;
type Asked = "pause" | "resume" | "trigger" | "backfill" | "delete";
const OPERATION = {
  pause: "pauseSchedule",
  resume: "resumeSchedule",
  trigger: "triggerSchedule",
  backfill: "backfillSchedule",
  delete: "unscheduleWorkflow",
} as const satisfies Record<Asked, Called>;

export function ScheduleActions({ schedule, edit, gone }: { schedule: Schedule; edit: () => void; gone: () => void }) {
  const [asked, setAsked] = useState<Asked | null>(null);
  return (
    <div className="flex flex-wrap gap-1.5" role="group" aria-label="Actions">
      <Button writes onClick={edit}>
        Edit
      </Button>
      <Button writes onClick={() => setAsked(schedule.paused ? "resume" : "pause")}>
        {schedule.paused ? "Resume" : "Pause"}
      </Button>
      <Button writes onClick={() => setAsked("trigger")}>
        Trigger
      </Button>
      <Button writes onClick={() => setAsked("backfill")}>
        Backfill
      </Button>
      <Button writes look="danger" onClick={() => setAsked("delete")}>
        Delete
      </Button>
      {asked && <Ask key={asked} action={asked} schedule={schedule} close={() => setAsked(null)} gone={gone} />}
    </div>
  );
}

const TITLES: Record<Asked, string> = {
  pause: "Pause the schedule",
  resume: "Resume the schedule",
  trigger: "Start a run now",
  backfill: "Start runs for past times",
  delete: "Delete the schedule",
};

interface AskProps {
  readonly action: Asked;
  readonly schedule: Schedule;
  readonly close: () => void;
  readonly gone: () => void;
}

function Ask({ action, schedule, close, gone }: AskProps) {
  const id = schedule.schedule_id;
  const [note, setNote] = useState("");
  const [overlap, setOverlap] = useState("");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const act = useAction(OPERATION[action]);
  const say = useSay();
  const withOverlap = overlap === "" ? {} : { overlap: Number(overlap) };
  const bodies: Record<Asked, unknown> = {
    pause: { ...(note && { note }) },
    resume: { ...(note && { note }) },
    trigger: withOverlap,
    backfill: { start_at: from, end_at: to, ...withOverlap },
    delete: undefined,
  };
  const run = async () => {
    if (act.isPending) return;
    try {
      const answer = await act.mutateAsync({ params: { schedule_id: id }, body: bodies[action] });
      const accepted = (answer as { accepted?: number } | undefined)?.accepted;
      say.done(accepted === undefined ? `${TITLES[action]}: done.` : `${accepted} times were accepted.`);
      close();
      if (action === "delete") gone();
    } catch {
      // The dialog shows the refusal.
    }
  };
  return (
    <Dialog title={TITLES[action]} onClose={close}>
      <div className="space-y-3">
        {(action === "pause" || action === "resume") && (
          <TextField label="Note" value={note} onChange={({ target }) => setNote(target.value)} placeholder="why" />
        )}
        {action === "backfill" && (
          <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
            <TextField
              label="From"
              value={from}
              placeholder="2026-01-31T00:00:00Z"
              onChange={({ target }) => setFrom(target.value)}
            />
            <TextField
              label="To"
              value={to}
              placeholder="2026-02-01T00:00:00Z"
              onChange={({ target }) => setTo(target.value)}
            />
          </div>
        )}
        {action === "backfill" && (
          <BackfillTimes definition={definitionOf(draftOf(schedule)).definition} from={from} to={to} />
        )}
        {(action === "trigger" || action === "backfill") && (
          <SelectField
            label="If another run is active"
            value={overlap}
            onChange={({ target }) => setOverlap(target.value)}
            options={[["", "as the schedule says"], ...OVERLAPS.map(([value, name]) => [String(value), name] as const)]}
          />
        )}
        {action === "delete" && <p className="text-sm">It starts nothing any more. Executions that run go on.</p>}
        {act.error && <Problem error={act.error} />}
        <div className="flex gap-2">
          <Button writes look={action === "delete" ? "danger" : "strong"} busy={act.isPending} onClick={run}>
            {TITLES[action].split(" ")[0]}
          </Button>
          <Button onClick={close}>Leave it</Button>
        </div>
      </div>
    </Dialog>
  );
}
