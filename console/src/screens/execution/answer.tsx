/** The form with which a person answers an open input of an execution. */
import { createContext, type FormEvent, type ReactNode, useContext, useMemo, useState } from "react";
import { messageOf } from "../../api/failure.ts";
import { useAction, useRead } from "../../api/use.ts";
import { useSay } from "../../app/toasts.tsx";
import { useDecoded } from "../../encoding/use-decoded.ts";
import { JsonForm, useJsonValue } from "../../forms/json-form.tsx";
import { useHistory } from "../../history/store.ts";
import { useChanges } from "../../live/index.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Skeleton } from "../../ui/loading.tsx";

interface Question {
  readonly label: string | null;
  readonly schema: Record<string, unknown> | undefined;
  /** It was answered, or its execution has ended. */
  readonly isOver: boolean;
}

/** The question is read from the history, so that no worker must live to show it. */
function useQuestion(execution: string, task: string): Question | undefined {
  const head = useRead("getWorkflowExecution", { params: { execution_id: execution } });
  const run = head.data?.run_id ?? "";
  const store = useHistory(run, `${run} ${head.data?.status} ${useChanges(execution)}`);
  const events = run === "" ? [] : store.all();
  const asked = useMemo(() => {
    const found = events.find((e) => e.kind === "custom_task" && e.task === task && e.event === "started");
    return found?.kind === "custom_task" ? found.attributes.payload : undefined;
  }, [events, task]);
  const decoded = useDecoded(asked);
  if (asked === undefined || !decoded) return undefined;
  const { value } = decoded.value as { value?: { label?: string | null; input_schema?: Record<string, unknown> } };
  const isAnswered = events.some(
    (e) => e.kind === "custom_task" && e.task === task && e.event !== "started" && e.event !== "in_progress",
  );
  const isOver = isAnswered || (head.data !== undefined && head.data.status !== "RUNNING");
  return { label: value?.label ?? null, schema: value?.input_schema, isOver };
}

interface Asked {
  readonly execution: string;
  readonly task: string;
}

/** Says which question a person answers now. The dialog stands by itself: the list from which it was opened changes meanwhile. */
const Context = createContext<(asked: Asked | null) => void>(() => {});

export function AnswerProvider({ children }: { children: ReactNode }) {
  const [asked, setAsked] = useState<Asked | null>(null);
  return (
    <Context value={setAsked}>
      {children}
      {asked && <AnswerDialog key={asked.task} {...asked} close={() => setAsked(null)} />}
    </Context>
  );
}

export function AnswerButton({ execution, task }: Asked) {
  const ask = useContext(Context);
  return (
    <Button writes look="strong" onClick={() => ask({ execution, task })}>
      Answer
    </Button>
  );
}

function AnswerDialog({ execution, task, close }: Asked & { close: () => void }) {
  const question = useQuestion(execution, task);
  return (
    <Dialog title={question?.label ?? "Answer"} onClose={close}>
      {question ? <Form execution={execution} task={task} question={question} close={close} /> : <Skeleton lines={4} />}
    </Dialog>
  );
}

interface FormProps {
  readonly execution: string;
  readonly task: string;
  readonly question: Question;
  readonly close: () => void;
}

function Form({ execution, task, question: { schema, isOver }, close }: FormProps) {
  const input = useJsonValue(schema);
  const update = useAction("updateWorkflowExecution");
  const say = useSay();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!input.ok || update.isPending) return;
    try {
      const body = { name: "__submit_input", input: { task_id: task, input: input.value } };
      await update.mutateAsync({ params: { execution_id: execution }, body });
      say.done("The answer was accepted.");
      close();
    } catch {
      // The form shows the refusal and stays filled.
    }
  };
  return (
    <form onSubmit={submit} className="space-y-3">
      <JsonForm label="Your answer" input={input} schema={schema} />
      {update.error && (
        <p role="alert" className="text-sm whitespace-pre-line text-bad">
          {messageOf(update.error)}
        </p>
      )}
      {isOver && !update.isPending && !update.isSuccess && (
        <p role="alert" className="text-sm text-warn">
          It was answered elsewhere meanwhile, or its execution has ended. What you have typed is not sent.
        </p>
      )}
      <Button writes look="strong" type="submit" busy={update.isPending} disabled={!input.ok || isOver}>
        Answer
      </Button>
    </form>
  );
}
