/** Starts an execution: workflow, deployment where there is a choice, input as a form or JSON. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { CallFailed, messageOf } from "../../api/failure.ts";
import { useAction, useRead } from "../../api/use.ts";
import { useTitle } from "../../app/title.ts";
import { JsonForm, useJsonValue } from "../../forms/json-form.tsx";
import { useLeaveQuestion } from "../../forms/leave.tsx";
import { Button } from "../../ui/button.tsx";
import { SelectField, TextField } from "../../ui/field.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Equivalents } from "./equivalents.tsx";

export function Start() {
  useTitle("Start");
  const search = useSearch({ from: "/start" });
  const workflows = useRead("getWorkflows", { query: { limit: 200, active_only: true, archived: false } });
  const names = workflows.data?.workflows.map(({ name }) => name) ?? [];
  const workflow = search.workflow ?? names[0] ?? "";
  return (
    <div className="space-y-4">
      <h1 className="text-xl font-semibold">Start an execution</h1>
      <StartForm key={workflow} workflow={workflow} names={names} />
    </div>
  );
}

function StartForm({ workflow, names }: { workflow: string; names: readonly string[] }) {
  const search = useSearch({ from: "/start" });
  const navigate = useNavigate();
  const registrations = useRead(
    "getWorkflowRegistrations",
    { query: { workflow_name: workflow, active_only: true, limit: 50 } },
    { enabled: workflow !== "" },
  );
  const all = registrations.data?.workflow_registrations ?? [];
  const [deployment, setDeployment] = useState(search.deployment ?? "");
  const own = all.find(({ deployment_name }) => deployment_name === deployment) ?? all[0];
  const schema = own?.definition.input_schema;
  const input = useJsonValue(schema, search.input);
  const [id, setId] = useState("");
  const start = useAction("executeWorkflow");
  const leave = useLeaveQuestion(input.dirty || id !== "");
  const body = {
    input: input.ok ? input.value : {},
    ...(id.trim() !== "" && { execution_id: id.trim() }),
    ...(deployment !== "" && { deployment_name: deployment }),
  };
  const ambiguous = start.error instanceof CallFailed && start.error.code === "AMBIGUOUS_WORKFLOW";
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!input.ok || start.isPending) return;
    try {
      const started = await start.mutateAsync({ params: { workflow_identifier: workflow }, body });
      leave.release();
      await navigate({ to: "/executions/$id", params: { id: started.execution_id } });
    } catch {
      // The form shows the refusal and stays filled.
    }
  };
  return (
    <form onSubmit={submit} className="grid grid-cols-1 items-start gap-4 xl:grid-cols-2">
      {leave.question}
      <Panel title="What to start">
        <div className="space-y-4">
          <SelectField
            label="Workflow"
            value={workflow}
            onChange={({ target }) => void navigate({ to: "/start", search: { workflow: target.value } })}
            options={[...new Set([workflow, ...names])].filter((name) => name !== "").map((name) => [name, name])}
            help={names.length === 0 ? "No workflow has a live worker." : own?.workflow?.description}
          />
          {(all.length > 1 || deployment !== "") && (
            <SelectField
              label="Deployment"
              value={deployment}
              onChange={({ target }) => setDeployment(target.value)}
              options={[
                ["", "the one that serves it"],
                ...[...new Set([...all.map((one) => one.deployment_name ?? ""), deployment])]
                  .filter((name) => name !== "")
                  .map((name) => [name, name] as const),
              ]}
              problem={ambiguous ? "Several deployments serve this workflow: choose one." : undefined}
            />
          )}
          <JsonForm label="Input" input={input} schema={schema} />
          <TextField
            label="Execution id"
            value={id}
            onChange={({ target }) => setId(target.value)}
            placeholder="made by the server"
            help="Letters, digits, - and _. A repeated start with the same id does not run twice."
          />
          {start.error && (
            <p role="alert" className="text-sm whitespace-pre-line text-bad">
              {messageOf(start.error)}
            </p>
          )}
          <Button writes look="strong" type="submit" busy={start.isPending} disabled={!input.ok || workflow === ""}>
            Start
          </Button>
        </div>
      </Panel>
      <Panel title="The same from elsewhere">
        <Equivalents workflow={workflow} body={body} />
      </Panel>
    </form>
  );
}
