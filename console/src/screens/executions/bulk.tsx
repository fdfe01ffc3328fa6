/** Acts on many executions: on the selected ones by their ids, on all that match by a job of the server. */
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { call } from "../../api/call.ts";
import { newId } from "../../api/ids.ts";
import { queries } from "../../api/use.ts";
import { filterOf, type ListSearch } from "../../app/search.ts";
import { useSay } from "../../app/toasts.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/field.tsx";
import { Filters } from "./matching.tsx";

const SignalAll = lazy(() => import("./bulk-job.tsx").then(({ SignalAll: default_ }) => ({ default: default_ })));
const ResetAll = lazy(() => import("./bulk-job.tsx").then(({ ResetAll: default_ }) => ({ default: default_ })));

/** The API takes at most as many ids in one call. */
const IDS_AT_ONCE = 100;

type Action = "cancel" | "terminate";

interface Props {
  readonly search: ListSearch;
  readonly selected: ReadonlySet<string>;
  readonly clear: () => void;
}

export function Bulk({ search, selected, clear }: Props) {
  const [asked, setAsked] = useState<{ action: Action; all: boolean } | null>(null);
  const [job, setJob] = useState<"signal" | "reset" | null>(null);
  const navigate = useNavigate();
  return (
    <div
      className="flex flex-wrap items-center gap-2 border-b border-line px-4 py-2 text-sm"
      role="group"
      aria-label="Many executions"
    >
      {selected.size > 0 && (
        <>
          <span>{selected.size} selected</span>
          <Button
            writes
            operation="batchCancelWorkflowExecutions"
            onClick={() => setAsked({ action: "cancel", all: false })}
          >
            Cancel them
          </Button>
          <Button
            writes
            operation="batchTerminateWorkflowExecutions"
            look="danger"
            onClick={() => setAsked({ action: "terminate", all: false })}
          >
            Terminate them
          </Button>
          {selected.size === 2 && (
            <Button
              onClick={() => {
                const [a, b] = [...selected];
                void navigate({ to: "/compare", search: { a, b } });
              }}
            >
              Compare them
            </Button>
          )}
          <Button look="quiet" onClick={clear}>
            Select none
          </Button>
        </>
      )}
      <span className="ml-auto flex flex-wrap gap-x-2">
        <Button writes operation="createJob" look="quiet" onClick={() => setJob("signal")}>
          Signal all that match
        </Button>
        <Button writes operation="createJob" look="quiet" onClick={() => setJob("reset")}>
          Reset all that match
        </Button>
        <Button writes operation="createJob" look="quiet" onClick={() => setAsked({ action: "cancel", all: true })}>
          Cancel all that match
        </Button>
        <Button writes operation="createJob" look="quiet" onClick={() => setAsked({ action: "terminate", all: true })}>
          Terminate all that match
        </Button>
      </span>
      <Suspense>
        {job === "signal" && <SignalAll search={search} close={() => setJob(null)} />}
        {job === "reset" && <ResetAll search={search} close={() => setJob(null)} />}
      </Suspense>
      {asked?.all === false && (
        <Selected action={asked.action} ids={[...selected]} close={() => setAsked(null)} done={clear} />
      )}
      {asked?.all === true && <Matching action={asked.action} search={search} close={() => setAsked(null)} />}
    </div>
  );
}

function Selected(props: { action: Action; ids: readonly string[]; close: () => void; done: () => void }) {
  const { action, ids, close, done } = props;
  const say = useSay();
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    const failed: string[] = [];
    try {
      for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
        const body = { execution_ids: ids.slice(at, at + IDS_AT_ONCE) };
        const operation = action === "cancel" ? "batchCancelWorkflowExecutions" : "batchTerminateWorkflowExecutions";
        const { results } = await call(operation, { body });
        for (const [id, result] of Object.entries(results))
          if (result.status === "failure") failed.push(`${id}: ${result.error}`);
      }
      if (failed.length > 0)
        say.failed(new Error(`${failed.length} of ${ids.length} failed.\n${failed.slice(0, 5).join("\n")}`));
      else say.done(`${ids.length} executions: ${action} was requested.`);
      done();
      close();
    } catch (error) {
      say.failed(error);
    } finally {
      setBusy(false);
      void queries.invalidateQueries();
    }
  };
  return (
    <Dialog title={action === "cancel" ? "Cancel executions" : "Terminate executions"} onClose={close}>
      <p className="text-sm">
        {action === "cancel"
          ? `${ids.length} executions are asked to end. Their code can still clean up.`
          : `${ids.length} executions end at once. Their code cannot clean up.`}
      </p>
      <div className="mt-4 flex gap-2">
        <Button writes look={action === "cancel" ? "strong" : "danger"} busy={busy} onClick={run}>
          {action === "cancel" ? `Cancel ${ids.length}` : `Terminate ${ids.length}`}
        </Button>
        <Button onClick={close}>Leave them</Button>
      </div>
    </Dialog>
  );
}

function Matching({ action, search, close }: { action: Action; search: ListSearch; close: () => void }) {
  const say = useSay();
  const navigate = useNavigate();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const filter = filterOf(search);
  const run = async () => {
    setBusy(true);
    try {
      const job = await call("createJob", {
        body: { job_id: newId(), action, filter },
      });
      await navigate({ to: "/jobs/$id", params: { id: job.job_id } });
    } catch (error) {
      say.failed(error);
      setBusy(false);
    }
  };
  return (
    <Dialog title={action === "cancel" ? "Cancel all that match" : "Terminate all that match"} onClose={close}>
      <div className="space-y-3 text-sm">
        <Filters filter={filter} which="RUNNING" />
        {action === "terminate" && (
          <TextField
            label="Type 'terminate' to go on"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
        <div className="flex gap-2">
          <Button
            writes
            look={action === "cancel" ? "strong" : "danger"}
            busy={busy}
            disabled={action === "terminate" && typed !== "terminate"}
            onClick={run}
          >
            Begin the job
          </Button>
          <Button onClick={close}>Leave them</Button>
        </div>
      </div>
    </Dialog>
  );
}
