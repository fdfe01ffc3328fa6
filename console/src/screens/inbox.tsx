/** Questions to people, over all executions. They are read from the store, so no worker must live to show them. */
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { Answer } from "../api/operations.ts";
import { useRead } from "../api/use.ts";
import { ASKS } from "../app/search.ts";
import { useTitle } from "../app/title.ts";
import { ExecutionLink } from "../ui/links.tsx";
import { Loading } from "../ui/loading.tsx";
import { Panel } from "../ui/panel.tsx";
import { visible } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";
import { AnswerButton, AnswerProvider } from "./execution/answer.tsx";

type Run = Answer<"listRuns">["executions"][number];

export function Inbox() {
  useTitle("Inbox");
  const { workflow } = useSearch({ from: "/inbox" });
  const navigate = useNavigate();
  const query = { ...ASKS, workflow_identifier: workflow, page_size: 100 };
  const read = useRead("listRuns", { query }, { refetchInterval: 20_000, keep: true });
  return (
    <AnswerProvider>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h1 className="text-xl font-semibold">Inbox</h1>
        {workflow !== undefined && (
          <button
            type="button"
            className="text-sm text-accent underline"
            onClick={() => void navigate({ to: "/inbox", search: {} })}
          >
            Questions of all workflows
          </button>
        )}
      </div>
      <Loading read={read}>
        {({ executions }) =>
          executions.length === 0 ? (
            <p className="rounded-lg border border-line bg-panel px-4 py-10 text-center text-soft">
              No execution asks a person.
            </p>
          ) : (
            <div className="space-y-3">
              {executions.map((run) => (
                <Questions key={run.run_id} run={run} />
              ))}
            </div>
          )
        }
      </Loading>
    </AnswerProvider>
  );
}

/** The open questions of one execution. */
function Questions({ run }: { run: Run }) {
  const explanation = useRead("explainWorkflowExecution", { params: { execution_id: run.execution_id } });
  const asked = explanation.data?.waits.filter(({ kind }) => kind === "human_input") ?? [];
  return (
    <Panel
      title={<ExecutionLink id={run.execution_id} />}
      actions={
        <Link to="/inbox" search={{ workflow: run.workflow_name }} className="text-xs text-soft hover:underline">
          {visible(run.workflow_name)}
        </Link>
      }
    >
      <Loading read={explanation}>
        {() =>
          asked.length === 0 ? (
            <p className="text-sm text-soft">It was answered elsewhere.</p>
          ) : (
            <ul className="space-y-2">
              {asked.map((wait) => (
                <li
                  key={String(wait.evidence.task_id)}
                  className="flex flex-wrap items-center justify-between gap-2 text-sm"
                >
                  <span>
                    {visible(String(wait.evidence.label ?? "A question without a label"))}{" "}
                    <span className="text-soft">
                      asked <Ago at={wait.since} />
                    </span>
                  </span>
                  <AnswerButton execution={run.execution_id} task={String(wait.evidence.task_id)} />
                </li>
              ))}
            </ul>
          )
        }
      </Loading>
    </Panel>
  );
}
