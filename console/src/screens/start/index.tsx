/** Starts an execution: workflow, deployment where there is a choice, input as a form or JSON. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { CallFailed, messageOf } from "../../api/failure.ts";
import { writeJson } from "../../api/json.ts";
import { useAction, useRead } from "../../api/use.ts";
import { useTitle } from "../../app/title.ts";
import { JsonForm, useJsonValue } from "../../forms/json-form.tsx";
import { useLeaveQuestion } from "../../forms/leave.tsx";
import { Button } from "../../ui/button.tsx";
import { Choice } from "../../ui/choice.tsx";
import { SelectField, TextField } from "../../ui/field.tsx";
import { Panel } from "../../ui/panel.tsx";
import { span, useZone, zoneName } from "../../ui/time.tsx";
import { Preview } from "../schedules/preview.tsx";
import { Equivalents } from "./equivalents.tsx";
import { LastInputs } from "./last-inputs.tsx";
import { onceAt } from "./once.ts";

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

/** When it is to start: now, at one moment, or again and again. */
type When = "now" | "at";

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
  const [when, setWhen] = useState<When>("now");
  const [at, setAt] = useState("");
  const zone = zoneName(useZone());
  const once = when === "at" ? onceAt(at, zone) : null;
  const start = useAction("executeWorkflow");
  const plan = useAction("scheduleWorkflow");
  const error = when === "now" ? start.error : plan.error;
  const leave = useLeaveQuestion(input.dirty || id !== "" || at !== "");
  const given = input.ok ? input.value : {};
  const of = deployment === "" ? {} : { deployment_name: deployment };
  const body = { input: given, ...(id.trim() !== "" && { execution_id: id.trim() }), ...of };
  const ambiguous = error instanceof CallFailed && error.code === "AMBIGUOUS_WORKFLOW";
  const begin = async () => {
    const started = await start.mutateAsync({ params: { workflow_identifier: workflow }, body });
    leave.release();
    await navigate({ to: "/executions/$id", params: { id: started.execution_id } });
  };
  const schedule = async () => {
    const named = id.trim() === "" ? {} : { schedule_id: id.trim() };
    const planned = { ...once, input: given, ...named };
    const { schedule_id } = await plan.mutateAsync({
      body: { schedule: planned, workflow_identifier: workflow, ...of },
    });
    leave.release();
    await navigate({ to: "/schedules/$id", params: { id: schedule_id } });
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!input.ok || start.isPending || plan.isPending) return;
    try {
      await (when === "now" ? begin() : schedule());
    } catch {
      // The form shows the refusal and stays filled.
    }
  };
  const toSchedule = () => {
    leave.release();
    const filled = { workflow, deployment: deployment || undefined, input: writeJson(given) };
    void navigate({ to: "/schedules", search: { view: "new", ...filled } });
  };
  const limit = own?.definition.execution_timeout;
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
          {own && (
            <p className="text-xs text-soft" data-testid="time-limit">
              {limit === undefined
                ? "Its code sets no time limit."
                : `Time limit, set by its code: it is ended ${span(limit * 1_000)} after its start.`}
            </p>
          )}
          <JsonForm label="Input" input={input} schema={schema} />
          <LastInputs workflow={workflow} take={input.setText} />
          <Choice
            title="When"
            label="When to start"
            options={[
              { name: "Once, now", isChosen: when === "now", choose: () => setWhen("now") },
              { name: "At a time", isChosen: when === "at", choose: () => setWhen("at") },
              {
                name: "On a schedule…",
                isChosen: false,
                choose: toSchedule,
                why: input.ok ? undefined : "The input is no JSON.",
              },
            ]}
          />
          {when === "at" && (
            <TextField
              label="Date and time"
              type="datetime-local"
              step={1}
              value={at}
              onChange={({ target }) => setAt(target.value)}
              help={`By the clocks of ${zone}. A schedule with this one time is made.`}
            />
          )}
          <TextField
            label={when === "now" ? "Execution id" : "Schedule id"}
            value={id}
            onChange={({ target }) => setId(target.value)}
            placeholder="made by the server"
            help={
              when === "now"
                ? "Letters, digits, - and _. A repeated start with the same id does not run twice."
                : "Letters, digits, - and _. The id of the execution begins with it."
            }
          />
          {error && (
            <p role="alert" className="text-sm whitespace-pre-line text-bad">
              {messageOf(error)}
            </p>
          )}
          {when === "now" ? (
            <Button writes look="strong" type="submit" busy={start.isPending} disabled={!input.ok || workflow === ""}>
              Start
            </Button>
          ) : (
            <Button
              writes
              look="strong"
              type="submit"
              busy={plan.isPending}
              disabled={!input.ok || workflow === "" || once === null}
            >
              Plan the start
            </Button>
          )}
        </div>
      </Panel>
      {when === "now" ? (
        <Panel title="The same from elsewhere">
          <Equivalents workflow={workflow} body={body} />
        </Panel>
      ) : (
        <Panel title="Next times">
          {once === null ? (
            <p className="text-sm text-soft">Choose date and time first.</p>
          ) : (
            <Preview definition={once} />
          )}
        </Panel>
      )}
    </form>
  );
}
