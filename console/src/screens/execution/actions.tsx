/** What a person can do to an execution. */
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { apiBase } from "../../api/address.ts";
import { call } from "../../api/call.ts";
import { writeJson } from "../../api/json.ts";
import type { Answer } from "../../api/operations.ts";
import { useAction } from "../../api/use.ts";
import { useSay } from "../../app/toasts.tsx";
import { inputOf, type Shown, wholeEvent } from "../../history/store.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { download } from "../../ui/download.ts";
import { Problem } from "../../ui/loading.tsx";
import { Copy, visible } from "../../ui/text.tsx";
import { ResetDialog } from "./reset.tsx";
import { type HandlerType, SendDialog } from "./send.tsx";

type Execution = Answer<"getWorkflowExecution">;

interface Props {
  readonly execution: Execution;
  readonly run: string;
  /** The run is not the current one. */
  readonly isPast: boolean;
  /** The event that holds the input. */
  readonly first: Shown | undefined;
  /** The selected event. */
  readonly event: number | undefined;
}

export function Actions({ execution, run, isPast, first, event }: Props) {
  const [sending, setSending] = useState<HandlerType | null>(null);
  const [ending, setEnding] = useState<keyof typeof ENDS | null>(null);
  const [resetting, setResetting] = useState<"any" | "failed" | null>(null);
  const [copying, setCopying] = useState(false);
  const navigate = useNavigate();
  const say = useSay();
  const isOpen = execution.status === "RUNNING";
  const save = async () => {
    try {
      const history = await call("getRunHistory", { params: { run_id: run } });
      download(`${execution.execution_id}.json`, writeJson(history));
    } catch (error) {
      say.failed(error);
    }
  };
  const again = async () => {
    // A long input was cut, and is read whole first.
    const started = first?.cut?.includes("input") ? await wholeEvent(run, first.id).catch(say.failed) : first;
    if (!started) return;
    void navigate({
      to: "/start",
      search: {
        workflow: execution.workflow_name,
        deployment: execution.deployment_name ?? undefined,
        input: writeJson(inputOf(started)),
      },
    });
  };
  return (
    <div className="flex flex-wrap gap-1.5" role="group" aria-label="Actions">
      {isOpen && (
        <>
          <Button writes operation="signalWorkflowExecution" onClick={() => setSending("signal")}>
            Signal
          </Button>
          <Button writes operation="updateWorkflowExecution" onClick={() => setSending("update")}>
            Update
          </Button>
          <Button operation="queryWorkflowExecution" onClick={() => setSending("query")}>
            Query
          </Button>
          <Button writes operation="cancelWorkflowExecution" onClick={() => setEnding("cancel")}>
            Cancel
          </Button>
          <Button writes operation="terminateWorkflowExecution" look="danger" onClick={() => setEnding("terminate")}>
            Terminate
          </Button>
        </>
      )}
      {execution.status === "FAILED" && !isPast && (
        <Button writes look="strong" operation="resetWorkflow" onClick={() => setResetting("failed")}>
          Go on from the failed step
        </Button>
      )}
      <Button writes operation="resetWorkflow" onClick={() => setResetting("any")}>
        Reset
      </Button>
      <Button writes disabled={first === undefined} onClick={() => void again()}>
        Start like this
      </Button>
      <Button
        onClick={() =>
          void navigate({ to: "/compare", search: { a: execution.execution_id, ...(isPast && { a_run: run }) } })
        }
      >
        Compare…
      </Button>
      <Button onClick={save}>Download</Button>
      <Button onClick={() => setCopying(true)}>Copy…</Button>
      {!isOpen && (
        <Button writes operation="deleteWorkflowExecution" look="danger" onClick={() => setEnding("delete")}>
          Delete
        </Button>
      )}
      {copying && <CopyDialog execution={execution} close={() => setCopying(false)} />}
      {sending && <SendDialog execution={execution.execution_id} type={sending} close={() => setSending(null)} />}
      {resetting && (
        <ResetDialog
          id={execution.execution_id}
          failed={execution.status === "FAILED"}
          event={resetting === "failed" ? undefined : event}
          close={() => setResetting(null)}
        />
      )}
      {ending && <End action={ending} id={execution.execution_id} close={() => setEnding(null)} />}
    </div>
  );
}

/** What people paste elsewhere. The key is in none of it. */
function CopyDialog({ execution, close }: { execution: Execution; close: () => void }) {
  const base = apiBase(location.href).replace(/\/$/, "");
  const id = execution.execution_id;
  const path = `/v1/workflows/executions/${encodeURIComponent(id)}`;
  const all: readonly (readonly [title: string, text: string])[] = [
    ["Link to this page", location.href],
    ["curl", `curl '${base}${path}' -H "authorization: Bearer $SIROCCO_API_KEY"`],
    ["The command", `sirocco why ${id} --url ${base}`],
    ["JSON", writeJson(execution, 2)],
  ];
  return (
    <Dialog title="Copy" onClose={close} wide>
      <dl className="space-y-3">
        {all.map(([title, text]) => (
          <div key={title} className="space-y-1">
            <dt className="text-xs font-semibold">{title}</dt>
            <dd className="flex items-start gap-2 rounded-md border border-line bg-sunken p-2">
              <pre
                tabIndex={0}
                className="max-h-48 min-w-0 flex-1 overflow-auto font-mono text-xs break-words whitespace-pre-wrap"
              >
                {visible(text)}
              </pre>
              <Copy text={text} label={title} />
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

/** Each is asked about before it is done. */
const ENDS = {
  cancel: {
    operation: "cancelWorkflowExecution",
    title: "Cancel the execution",
    meaning: "Its code is told, and can clean up before it ends.",
    button: "Cancel it",
    done: "Cancellation was requested.",
  },
  terminate: {
    operation: "terminateWorkflowExecution",
    title: "Terminate the execution",
    meaning: "It ends at once. Its code cannot clean up, and its activities are told to stop.",
    button: "Terminate it",
    done: "The execution was terminated.",
  },
  delete: {
    operation: "deleteWorkflowExecution",
    title: "Delete the execution",
    meaning: "All its runs go, with inputs, results, histories and logs. Nothing brings them back. Its children stay.",
    button: "Delete it",
    done: "The execution was deleted.",
  },
} as const;

function End({ action, id, close }: { action: keyof typeof ENDS; id: string; close: () => void }) {
  const { operation, title, meaning, button, done } = ENDS[action];
  const end = useAction(operation);
  const say = useSay();
  const navigate = useNavigate();
  const run = () => {
    if (end.isPending) return;
    end.mutate(
      { params: { execution_id: id } },
      {
        onSuccess: () => {
          say.done(done);
          close();
          if (action === "delete") void navigate({ to: "/executions" });
        },
      },
    );
  };
  return (
    <Dialog title={title} onClose={close}>
      <p className="text-sm">{meaning}</p>
      {end.error && <Problem error={end.error} />}
      <div className="mt-4 flex gap-2">
        <Button writes look={action === "cancel" ? "strong" : "danger"} busy={end.isPending} onClick={run}>
          {button}
        </Button>
        <Button onClick={close}>Leave it</Button>
      </div>
    </Dialog>
  );
}
