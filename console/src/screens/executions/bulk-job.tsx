/** Sends a signal to, or resets, all executions that match: by a job of the server. Loaded when a person asks for it. */
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { messageOf } from "../../api/failure.ts";
import { newId } from "../../api/ids.ts";
import { useAction, useRead } from "../../api/use.ts";
import { filterOf, type ListSearch } from "../../app/search.ts";
import { JsonForm, useJsonValue } from "../../forms/json-form.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { SelectField, TextField } from "../../ui/field.tsx";
import { Filters } from "./matching.tsx";

interface Props {
  readonly search: ListSearch;
  readonly close: () => void;
}

export function SignalAll({ search, close }: Props) {
  const workflow = search.workflow_identifier;
  const registrations = useRead(
    "getWorkflowRegistrations",
    { query: { workflow_name: workflow, limit: 20 } },
    { enabled: workflow !== undefined },
  );
  const [own] = registrations.data?.workflow_registrations ?? [];
  const signals = (own?.definition.signals ?? []).filter(({ name }) => !name.startsWith("__"));
  const [typed, setName] = useState<string>();
  const name = typed ?? signals[0]?.name ?? "";
  const schema = signals.find((one) => one.name === name)?.input_schema;
  const input = useJsonValue(schema);
  return (
    <Job
      title="Signal all that match"
      search={search}
      close={close}
      body={{ action: "signal", name, input: input.ok ? input.value : {} }}
      can={workflow !== undefined && name !== "" && input.ok}
    >
      {workflow === undefined && <p className="font-semibold">Filter by one workflow first: its signals differ.</p>}
      {signals.length > 0 ? (
        <SelectField
          label="Signal"
          value={name}
          onChange={({ target }) => setName(target.value)}
          options={signals.map((one) => [one.name, one.name])}
        />
      ) : (
        <TextField label="Signal" value={name} onChange={({ target }) => setName(target.value)} />
      )}
      <JsonForm key={name} label="Input" input={input} schema={schema} />
    </Job>
  );
}

/** `failure`: of the runs that match, only those that failed in this way. */
export function ResetAll({ search, failure, close }: Props & { failure?: Kind }) {
  const [to, setTo] = useState("first_failure");
  const [reason, setReason] = useState("");
  return (
    <Job
      title={failure ? "Reset all of this kind" : "Reset all that match"}
      search={search}
      failure={failure}
      close={close}
      body={{ action: "reset", to, ...(reason !== "" && { reason }) }}
      can
    >
      <p>Each goes on in a new run.</p>
      <SelectField
        label="Go on"
        value={to}
        onChange={({ target }) => setTo(target.value)}
        options={[
          ["first_failure", "before the first step that failed for good"],
          ["last_decision", "before the last step"],
          ["start", "from the start"],
        ]}
      />
      <TextField label="Reason" value={reason} onChange={({ target }) => setReason(target.value)} />
    </Job>
  );
}

/** As the list of failures has it. */
interface Kind {
  readonly fingerprint: string;
  readonly message: string;
}

interface JobProps extends Props {
  readonly failure?: Kind | undefined;
  readonly title: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly can: boolean;
  readonly children: React.ReactNode;
}

function Job({ title, search, failure, close, body, can, children }: JobProps) {
  const navigate = useNavigate();
  const create = useAction("createJob");
  const found = filterOf(search);
  const filter = failure ? { ...found, failure: failure.fingerprint } : found;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    try {
      const { job_id: id } = await create.mutateAsync({ body: { job_id: newId(), filter, ...body } });
      await navigate({ to: "/jobs/$id", params: { id } });
    } catch {
      // The dialog shows the refusal.
    }
  };
  return (
    <Dialog title={title} onClose={close}>
      <form onSubmit={submit} className="space-y-3 text-sm">
        <Filters
          filter={found}
          failure={failure?.message}
          which={body.action === "reset" ? (found.status ? null : "FAILED") : "RUNNING"}
        />
        {children}
        {create.error && (
          <p role="alert" className="whitespace-pre-line text-bad">
            {messageOf(create.error)}
          </p>
        )}
        <div className="flex gap-2">
          <Button writes look="strong" type="submit" busy={create.isPending} disabled={!can}>
            Begin the job
          </Button>
          <Button onClick={close}>Leave them</Button>
        </div>
      </form>
    </Dialog>
  );
}
