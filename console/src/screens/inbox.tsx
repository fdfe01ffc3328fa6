/** Questions to people, over all executions. They are read from the store, so no worker must live to show them. */
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { Answer } from "../api/operations.ts";
import { useRead } from "../api/use.ts";
import { useTitle } from "../app/title.ts";
import { ExecutionLink } from "../ui/links.tsx";
import { Loading } from "../ui/loading.tsx";
import { Panel } from "../ui/panel.tsx";
import { visible } from "../ui/text.tsx";
import { Ago, Until } from "../ui/time.tsx";
import { AnswerButton, AnswerProvider } from "./execution/answer.tsx";

type Question = Answer<"listInputs">["inputs"][number];

export function Inbox() {
  useTitle("Inbox");
  const { workflow } = useSearch({ from: "/inbox" });
  const navigate = useNavigate();
  const query = { workflow_name: workflow, limit: 100 };
  const read = useRead("listInputs", { query }, { refetchInterval: 20_000, keep: true });
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
        {({ inputs, next_cursor: more }) =>
          inputs.length === 0 ? (
            <p className="rounded-lg border border-line bg-panel px-4 py-10 text-center text-soft">
              No execution asks a person.
            </p>
          ) : (
            <div className="space-y-3">
              {more !== null && (
                <p className="text-sm text-soft">
                  These {inputs.length} wait the longest; there are more. Those that are answered make room for them.
                </p>
              )}
              {[...Map.groupBy(inputs, ({ run_id }) => run_id)].map(([run, questions]) => (
                <Questions key={run} questions={questions} />
              ))}
            </div>
          )
        }
      </Loading>
    </AnswerProvider>
  );
}

/** The open questions of one execution. */
function Questions({ questions }: { questions: readonly Question[] }) {
  const { execution_id: id, workflow_name: workflow } = questions[0] as Question;
  return (
    <Panel
      title={<ExecutionLink id={id} />}
      actions={
        <Link to="/inbox" search={{ workflow }} className="text-xs text-soft hover:underline">
          {visible(workflow)}
        </Link>
      }
    >
      <ul className="space-y-2">
        {questions.map(({ task_id, label, since, until }) => (
          <li key={task_id} className="flex flex-wrap items-center justify-between gap-2 text-sm">
            <span>
              {visible(label ?? "A question without a label")}{" "}
              <span className="text-soft">
                asked <Ago at={since} />
                {until !== null && (
                  <>
                    , open <Until at={until} />
                  </>
                )}
              </span>
            </span>
            <AnswerButton execution={id} task={task_id} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}
