/** Creates a schedule, or changes one: only the fields that differ are sent. */
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { messageOf } from "../../api/failure.ts";
import { readJson, syntaxProblem, writeJson } from "../../api/json.ts";
import type { Answer } from "../../api/operations.ts";
import { useAction, useRead } from "../../api/use.ts";
import type { CalendarSearch } from "../../app/search.ts";
import { useSay } from "../../app/toasts.tsx";
import { JsonEditor } from "../../forms/json-editor.tsx";
import { JsonForm, useJsonValue } from "../../forms/json-form.tsx";
import { useLeaveQuestion } from "../../forms/leave.tsx";
import { isSchema } from "../../forms/schema.ts";
import { Button } from "../../ui/button.tsx";
import { Choice } from "../../ui/choice.tsx";
import { SelectField, TextField } from "../../ui/field.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Changes } from "./changes.tsx";
import { changed, type Draft, definitionOf, draftOf, draftOfJson, EMPTY } from "./definition.ts";
import { Preview } from "./preview.tsx";
import { RuleFields } from "./rule-fields.tsx";

type Schedule = Answer<"getSchedule">;

interface Rule {
  readonly draft: Draft;
  readonly change: (part: Partial<Draft>) => void;
  /** The rule as JSON, while it is edited so. */
  readonly text: string | undefined;
  readonly setText: (text: string | undefined) => void;
  readonly definition: Record<string, unknown>;
  readonly problems: readonly string[];
  readonly dirty: boolean;
}

/** The rule that is edited: as fields, or as JSON. */
function useRule(schedule: Schedule | undefined): Rule {
  const [first] = useState<Draft>(() => (schedule ? draftOf(schedule) : EMPTY));
  const [draft, setDraft] = useState(first);
  const [text, setText] = useState<string>();
  const fromFields = definitionOf(draft);
  const [last, setLast] = useState(fromFields.definition);
  const read = text === undefined ? fromFields : ruleOfText(text, last);
  useEffect(() => {
    if (text !== undefined && read.problems.length === 0) setLast(read.definition);
  });
  return {
    draft,
    change: (part) => setDraft((now) => ({ ...now, ...part })),
    text,
    setText: (next) => {
      if (next === undefined && text !== undefined) {
        const found = draftOfJson(read.definition);
        if ("draft" in found) setDraft(found.draft);
      }
      setText(next);
    },
    ...read,
    dirty: JSON.stringify(read.definition) !== JSON.stringify(definitionOf(first).definition),
  };
}

/** `last`: what the preview goes on to show while the text is no JSON. */
function ruleOfText(text: string, last: Record<string, unknown>): Pick<Rule, "definition" | "problems"> {
  try {
    const value = readJson(text);
    if (isSchema(value)) return { definition: value, problems: [] };
    return { definition: last, problems: ["A rule is a JSON object."] };
  } catch (error) {
    return { definition: last, problems: [syntaxProblem(text, error)] };
  }
}

function RuleEditor({ rule }: { rule: Rule }) {
  const { text, setText, definition, problems } = rule;
  const found =
    text === undefined ? undefined : problems.length > 0 ? { why: "It is no JSON." } : draftOfJson(definition);
  const why = found && "why" in found ? found.why : undefined;
  return (
    <div className="space-y-2">
      <Choice
        label="Rule: how to write it"
        title="Rule"
        options={[
          { name: "Fields", isChosen: text === undefined, choose: () => setText(undefined), why },
          { name: "JSON", isChosen: text !== undefined, choose: () => setText(JSON.stringify(definition, null, 2)) },
        ]}
      />
      {text === undefined ? (
        <RuleFields draft={rule.draft} change={rule.change} />
      ) : (
        <JsonEditor
          label="Rule as JSON"
          text={text}
          change={setText}
          problem={problems[0]}
          problems={[]}
          help={why && problems.length === 0 ? why : "The fields of a schedule, as the API takes them."}
        />
      )}
    </div>
  );
}

interface Props {
  readonly schedule?: Schedule;
  /** What a new one starts, as the address says. */
  readonly given?: Pick<CalendarSearch, "workflow" | "deployment" | "input">;
  readonly close: () => void;
}

export function Editor({ schedule, given = {}, close }: Props) {
  const [id, setId] = useState("");
  const [workflow, setWorkflow] = useState(schedule?.workflow_name ?? given.workflow ?? "");
  const [deployment, setDeployment] = useState(given.deployment ?? "");
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
  const input = useJsonValue(
    own?.definition.input_schema,
    schedule ? writeJson(schedule.input ?? {}, 2) : chosen === given.workflow ? given.input : undefined,
  );
  const create = useAction("scheduleWorkflow");
  const update = useAction("updateSchedule");
  const save = schedule ? update : create;
  const navigate = useNavigate();
  const say = useSay();
  const rule = useRule(schedule);
  const { definition, problems } = rule;
  const leave = useLeaveQuestion(rule.dirty || input.dirty || id !== "");
  const before = schedule && { ...definitionOf(draftOf(schedule)).definition, input: schedule.input };
  const difference = before && changed(before, { ...definition, input: input.ok ? input.value : before.input });

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (problems.length > 0 || !input.ok || save.isPending) return;
    try {
      if (schedule) {
        await update.mutateAsync({ params: { schedule_id: schedule.schedule_id }, body: { schedule: difference } });
        say.done("The schedule was changed.");
        leave.release();
        close();
      } else {
        const body = {
          schedule: { ...definition, input: input.value, ...(id.trim() !== "" && { schedule_id: id.trim() }) },
          workflow_identifier: chosen,
          ...(deployment !== "" && { deployment_name: deployment }),
        };
        const { schedule_id } = await create.mutateAsync({ body });
        leave.release();
        await navigate({ to: "/schedules/$id", params: { id: schedule_id } });
      }
    } catch {
      // The form shows the refusal and stays filled.
    }
  };

  return (
    <form onSubmit={submit} className="grid grid-cols-1 gap-4 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      {leave.question}
      <Panel title={schedule ? "Change the schedule" : "New schedule"}>
        <div className="space-y-4">
          {!schedule && (
            <>
              <SelectField
                label="Workflow"
                value={chosen}
                onChange={({ target }) => setWorkflow(target.value)}
                options={[...new Set([chosen, ...names])].filter((name) => name !== "").map((name) => [name, name])}
              />
              {(all.length > 1 || deployment !== "") && (
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
                value={id}
                placeholder="made by the server"
                onChange={({ target }) => setId(target.value)}
              />
            </>
          )}
          <RuleEditor rule={rule} />
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
              disabled={
                problems.length > 0 || !input.ok || (difference !== undefined && Object.keys(difference).length === 0)
              }
            >
              {schedule ? "Save" : "Create"}
            </Button>
            <Button onClick={close}>Discard</Button>
          </div>
        </div>
      </Panel>
      <div className="space-y-4 xl:sticky xl:top-16 xl:self-start">
        {before && difference && <Changes before={before} difference={difference} />}
        <Panel title="Next times">
          <Preview definition={definition} />
        </Panel>
      </div>
    </form>
  );
}
