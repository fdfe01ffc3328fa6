/** Pauses or resumes many schedules: all whose name begins with a text. */
import { useState } from "react";
import { call } from "../../api/call.ts";
import { messageOf } from "../../api/failure.ts";
import { queries } from "../../api/use.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/field.tsx";
import { ScheduleLink } from "../../ui/links.tsx";
import { Loading } from "../../ui/loading.tsx";
import { MATCHING, useMatching } from "./matching.ts";

type Action = "pause" | "resume";

/** As many calls are under way at a time. */
const AT_ONCE = 4;

export function PauseAll({ text }: { text: string }) {
  const [asked, setAsked] = useState<Action | null>(null);
  return (
    <>
      <Button writes operation="pauseSchedule" onClick={() => setAsked("pause")}>
        Pause all…
      </Button>
      <Button writes operation="resumeSchedule" onClick={() => setAsked("resume")}>
        Resume all…
      </Button>
      {asked && <PauseDialog key={asked} action={asked} text={text} close={() => setAsked(null)} />}
    </>
  );
}

interface Done {
  readonly id: string;
  /** Null: it was done. */
  readonly problem: string | null;
}

function PauseDialog({ action, text, close }: { action: Action; text: string; close: () => void }) {
  const matching = useMatching(text, action === "pause" ? "active" : "paused");
  const [note, setNote] = useState("");
  const [acted, setActed] = useState<readonly string[]>([]);
  const [done, setDone] = useState<readonly Done[]>([]);
  const [busy, setBusy] = useState(false);
  const word = action === "pause" ? "active" : "paused";
  const act = async (ids: readonly string[]) => {
    if (busy) return;
    setBusy(true);
    setActed(ids);
    setDone([]);
    const waiting = [...ids];
    const work = async () => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        const problem = await call(action === "pause" ? "pauseSchedule" : "resumeSchedule", {
          params: { schedule_id: id },
          body: { ...(note && { note }) },
        }).then(() => null, messageOf);
        setDone((before) => [...before, { id: id as string, problem }]);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    setBusy(false);
    // All that is shown, but not on what this dialog acts.
    void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== MATCHING });
  };
  const failed = done.filter(({ problem }) => problem !== null);
  return (
    <Dialog title={action === "pause" ? "Pause schedules" : "Resume schedules"} onClose={close}>
      <div className="space-y-3 text-sm">
        <Loading read={matching} lines={1}>
          {(ids) => (
            <>
              {acted.length === 0 ? (
                <p>
                  <strong data-testid="matching">
                    {ids.length.toLocaleString("en")} {word} {ids.length === 1 ? "schedule" : "schedules"}
                  </strong>{" "}
                  {text === "" ? "of the workspace." : `whose name begins with '${text}'.`}{" "}
                  {action === "pause" ? "They start nothing until they are resumed." : "They start runs again."}
                </p>
              ) : (
                <p role="status">
                  {done.length - failed.length} of {acted.length} done
                  {failed.length > 0 && `, ${failed.length} refused`}
                  {busy && "…"}
                </p>
              )}
              {failed.length > 0 && (
                <ul aria-label="Refused" className="max-h-48 space-y-1 overflow-auto">
                  {failed.map(({ id, problem }) => (
                    <li key={id}>
                      <ScheduleLink id={id} /> <span className="text-bad">{problem}</span>
                    </li>
                  ))}
                </ul>
              )}
              {(acted.length === 0 || failed.length > 0) && (
                <TextField
                  label="Note"
                  value={note}
                  onChange={({ target }) => setNote(target.value)}
                  placeholder="why"
                  help="Each of them shows it."
                />
              )}
              <div className="flex gap-2">
                {acted.length === 0 || busy ? (
                  <Button writes look="strong" busy={busy} disabled={ids.length === 0} onClick={() => void act(ids)}>
                    {action === "pause" ? "Pause" : "Resume"} {ids.length.toLocaleString("en")}
                  </Button>
                ) : (
                  failed.length > 0 && (
                    <Button writes look="strong" onClick={() => void act(failed.map(({ id }) => id))}>
                      Try the refused {failed.length} again
                    </Button>
                  )
                )}
                <Button onClick={close}>{acted.length === 0 ? "Leave it" : "Close"}</Button>
              </div>
            </>
          )}
        </Loading>
      </div>
    </Dialog>
  );
}
