/** Creates a schedule, or changes one: only the fields that differ are sent. */
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { messageOf } from "../../api/failure.ts";
import { writeJson } from "../../api/json.ts";
import type { Answer } from "../../api/operations.ts";
import { useAction, useRead } from "../../api/use.ts";
import { useSay } from "../../app/toasts.tsx";
import { JsonForm, useJsonValue } from "../../forms/json-form.tsx";
import { Button } from "../../ui/button.tsx";
import { SelectField, TextField } from "../../ui/field.tsx";
import { Panel } from "../../ui/panel.tsx";
import { changed, type Draft, definitionOf, draftOf, EMPTY } from "./definition.ts";
import { Preview } from "./preview.tsx";
import { RuleFields } from "./rule-fields.tsx";

type Schedule = Answer<"getSchedule">;

export function Editor({ schedule, close }: { schedule?: Schedule; close: () => void }) {
  const [draft, setDraft] = useState<Draft>(() => (schedule ? draftOf(schedule) : EMPTY));
  const [workflow, setWorkflow] = useState(schedule?.workflow_name ?? "");
  const [deployment, setDeployment] = useState("");
  const workflows = useRead("getWorkflows", { query: { limit: 200, archived: false } });
  const names = workflows.data?.workflows.map(({ name }) => name) ?? [];
  const chosen = workflow || names[0] || "";
  const registrations = useRead(
    "getWorkflowRegistrations",
    { query: { workflow_name: chosen, limit: 50 } },
    { enabled: chosen !== "" },
  );
  const all = registrations.data?.workflow_registrations ?? [];
  const own = all.find(({ deployment_name }) => deployment_name === deployment) ?? all[0];
  const input = useJsonValue(own?.definition.input_schema, schedule ? writeJson(schedule.input ?? {}, 2) : "{}");
  const create = useAction("scheduleWorkflow");
  const update = useAction("updateSchedule");
  const save = schedule ? update : create;
  const navigate = useNavigate();
  const say = useSay();
  const { definition, problems } = definitionOf(draft);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (problems.length > 0 || !input.ok || save.isPending) return;
    try {
      if (schedule) {
        const before = { ...definitionOf(draftOf(schedule)).definition, input: schedule.input };
        const difference = changed(before, { ...definition, input: input.value });
        await update.mutateAsync({ params: { schedule_id: schedule.schedule_id }, body: { schedule: difference } });
        say.done("The schedule was changed.");
        close();
      } else {
        const id = draft.schedule_id.trim();
        const body = {
          schedule: { ...definition, input: input.value, ...(id !== "" && { schedule_id: id }) },
          workflow_identifier: chosen,
          ...(deployment !== "" && { deployment_name: deployment }),
        };
        const { schedule_id } = await create.mutateAsync({ body });
        await navigate({ to: "/schedules/$id", params: { id: schedule_id } });
      }
    } catch {
      // The form shows the refusal and stays filled.
    }
  };

  return (
    <form onSubmit={submit} className="grid grid-cols-1 gap-4 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <Panel title={schedule ? "Change the schedule" : "New schedule"}>
        <div className="space-y-4">
          {!schedule && (
            <>
              <SelectField
                label="Workflow"
                value={chosen}
                onChange={({ target }) => setWorkflow(target.value)}
                options={names.map((name) => [name, name])}
              />
              {all.length > 1 && (
                <SelectField
                  label="Deployment"
                  value={deployment}
                  onChange={({ target }) => setDeployment(target.value)}
                  options={[
                    ["", "the only active one"],
                    ...all.map((one) => [one.deployment_name ?? "", one.deployment_name ?? ""] as const),
                  ]}
                />
              )}
              <TextField
                label="Schedule id"
                value={draft.schedule_id}
                placeholder="made by the server"
                onChange={({ target }) => setDraft({ ...draft, schedule_id: target.value })}
              />
            </>
          )}
          <RuleFields draft={draft} change={(part) => setDraft((now) => ({ ...now, ...part }))} />
          <JsonForm label="Input" input={input} schema={own?.definition.input_schema} />
          {problems.length > 0 && (
            <ul role="alert" className="list-disc pl-5 text-sm text-bad">
              {problems.map((problem) => (
                <li key={problem}>{problem}</li>
              ))}
            </ul>
          )}
          {save.error && (
            <p role="alert" className="text-sm whitespace-pre-line text-bad">
              {messageOf(save.error)}
            </p>
          )}
          <div className="flex gap-2">
            <Button
              writes
              look="strong"
              type="submit"
              busy={save.isPending}
              disabled={problems.length > 0 || !input.ok}
            >
              {schedule ? "Save" : "Create"}
            </Button>
            <Button onClick={close}>Discard</Button>
          </div>
        </div>
      </Panel>
      <div className="xl:sticky xl:top-16 xl:self-start">
        <Panel title="Next times">
          <Preview definition={definition} />
        </Panel>
      </div>
    </form>
  );
}
