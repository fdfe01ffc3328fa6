/** Sends a signal, an update or a query to an execution. */
import { type FormEvent, useState } from "react";
import { messageOf } from "../../api/failure.ts";
import { useAction, useRead } from "../../api/use.ts";
import { useSay } from "../../app/toasts.tsx";
import { JsonForm, useJsonValue } from "../../forms/json-form.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { SelectField, TextField } from "../../ui/field.tsx";
import { Payload } from "../../ui/payload.tsx";

export type HandlerType = "signal" | "update" | "query";
const OPERATION = {
  signal: "signalWorkflowExecution",
  update: "updateWorkflowExecution",
  query: "queryWorkflowExecution",
} as const;

interface Handler {
  readonly name: string;
  readonly input_schema: Record<string, unknown>;
}

/** The handlers that a workflow of the execution has registered. */
export function useHandlers(execution: string): Record<HandlerType, readonly Handler[]> {
  const head = useRead("getWorkflowExecution", { params: { execution_id: execution } });
  const name = head.data?.workflow_name;
  const registrations = useRead(
    "getWorkflowRegistrations",
    { query: { workflow_name: name, limit: 20 } },
    { enabled: name !== undefined, staleTime: 60_000 },
  );
  const all = registrations.data?.workflow_registrations ?? [];
  const own = all.find(({ deployment_name }) => deployment_name === head.data?.deployment_name) ?? all[0];
  const seen = (list: readonly Handler[] | undefined) => (list ?? []).filter((one) => !one.name.startsWith("__"));
  return {
    signal: seen(own?.definition.signals),
    update: seen(own?.definition.updates),
    query: seen(own?.definition.queries),
  };
}

interface Props {
  readonly execution: string;
  readonly type: HandlerType;
  readonly name?: string;
  readonly close: () => void;
}

export function SendDialog({ execution, type, name: given, close }: Props) {
  const handlers = useHandlers(execution)[type];
  const [chosen, setChosen] = useState(given);
  const name = chosen ?? handlers[0]?.name ?? "";
  const schema = handlers.find((one) => one.name === name)?.input_schema;
  const input = useJsonValue(schema);
  const send = useAction(OPERATION[type]);
  const say = useSay();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!input.ok || send.isPending) return;
    try {
      await send.mutateAsync({ params: { execution_id: execution }, body: { name, input: input.value } });
      if (type === "signal") {
        say.done(`Signal ${name} was accepted.`);
        close();
      }
    } catch {
      // The dialog shows the refusal and keeps what was typed.
    }
  };
  const answer = send.data as { result?: unknown } | undefined;
  return (
    <Dialog title={`Send a${type === "update" ? "n" : ""} ${type}`} onClose={close}>
      <form onSubmit={submit} className="space-y-3">
        {handlers.length > 0 ? (
          <SelectField
            label="Name"
            value={name}
            onChange={(event) => setChosen(event.target.value)}
            options={handlers.map((one) => [one.name, one.name])}
          />
        ) : (
          <TextField label="Name" value={name} onChange={(event) => setChosen(event.target.value)} required />
        )}
        <JsonForm key={name} label="Input" input={input} schema={schema} />
        {send.error && (
          <p role="alert" className="text-sm whitespace-pre-line text-bad">
            {messageOf(send.error)}
          </p>
        )}
        {send.isSuccess && type !== "signal" && <Payload value={answer?.result} label="Answer" />}
        <Button
          writes={type !== "query"}
          look="strong"
          type="submit"
          busy={send.isPending}
          disabled={!input.ok || name === ""}
        >
          Send
        </Button>
      </form>
    </Dialog>
  );
}
