/** Why the execution does not go on, and who must act: first on the page. */
import { Link } from "@tanstack/react-router";
import { Bot, CirclePause, Code, GitBranch, Hourglass, type LucideIcon, Server, User } from "lucide-react";
import { useState } from "react";
import type { Answer } from "../../api/operations.ts";
import { Button } from "../../ui/button.tsx";
import { Copy, visible } from "../../ui/text.tsx";
import { Ago, AsOf, Until } from "../../ui/time.tsx";
import { isCalm } from "../../ui/waits.ts";
import { holdsIn } from "../holds/holds.ts";
import { ReleaseButton } from "../holds/release.tsx";
import { AnswerButton } from "./answer.tsx";
import { ResetDialog } from "./reset.tsx";
import { SendDialog } from "./send.tsx";

type Explanation = Answer<"explainWorkflowExecution">;
type Wait = Explanation["waits"][number];

const ICONS: Readonly<Record<string, LucideIcon>> = {
  time: Hourglass,
  worker: Bot,
  person: User,
  caller: User,
  child: GitBranch,
  developer: Code,
  operator: Server,
};
/** The same wait in the next explanation: its text tells ages, which change. */
function keyOf({ kind, evidence }: Wait): string {
  const { number, task_id, timer, execution, fingerprint } = evidence;
  return [kind, number, task_id, timer, execution, fingerprint].join(" ");
}

export function Why({ explanation }: { explanation: Explanation }) {
  return (
    <section aria-labelledby="why" className="rounded-lg border border-line bg-panel" data-testid="why">
      <header className="flex flex-wrap items-baseline justify-between gap-2 border-b border-line px-4 py-2.5">
        <h2 id="why" className="font-semibold">
          {explanation.status === "RUNNING" ? "Why it waits" : "How it ended"}
        </h2>
        <AsOf at={explanation.as_of} />
      </header>
      <p className="px-4 pt-3 text-[15px] font-medium [overflow-wrap:anywhere]" data-testid="why-summary">
        {visible(explanation.summary)}
      </p>
      <ul className="space-y-2 p-4">
        {explanation.waits.map((wait) => (
          <li key={keyOf(wait)}>
            <WaitRow
              wait={wait}
              execution={explanation.execution_id}
              isSummary={explanation.summary.startsWith(wait.text.trim().replace(/\.$/, ""))}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** `isSummary`: its text stands above already. */
function WaitRow({ wait, execution, isSummary }: { wait: Wait; execution: string; isSummary: boolean }) {
  const Icon = wait.kind === "on_hold" ? CirclePause : (ICONS[wait.actor] ?? Hourglass);
  const evidence = Object.entries(wait.evidence).filter(([, value]) => value !== null && value !== undefined);
  return (
    <article
      data-kind={wait.kind}
      className={`rounded-md border-l-4 bg-sunken px-3 py-2 ${isCalm(wait.kind) ? "border-line" : "border-warn"}`}
    >
      <div className="flex flex-wrap items-start gap-2.5 sm:flex-nowrap">
        <Icon size={16} className="mt-0.5 shrink-0 text-soft" aria-hidden />
        <div className="min-w-0 flex-1 basis-48 space-y-1 text-sm">
          {!isSummary && <p className="[overflow-wrap:anywhere]">{visible(wait.text)}</p>}
          <p className="flex flex-wrap gap-x-4 gap-y-1 text-xs text-soft">
            <span>
              Who must act: <strong className="text-ink">{wait.actor}</strong>
            </span>
            {wait.since && (
              <span>
                since <Ago at={wait.since} />
              </span>
            )}
            {wait.until && <Until at={wait.until} />}
          </p>
          {wait.what_to_do && wait.what_to_do !== "Nothing." && (
            <p className="flex items-start gap-1 text-xs">
              <span className="min-w-0 [overflow-wrap:anywhere]">{visible(wait.what_to_do)}</span>
              {wait.what_to_do.includes("sirocco ") && (
                <Copy text={wait.what_to_do.replace(/^.*?(?=sirocco )/s, "")} label="the command" />
              )}
            </p>
          )}
          {evidence.length > 0 && (
            <details className="text-xs">
              <summary className="text-soft">Evidence</summary>
              <dl className="mt-1 grid grid-cols-[max-content_minmax(0,1fr)] gap-x-3 gap-y-0.5">
                {evidence.map(([key, value]) => (
                  <div key={key} className="contents">
                    <dt className="text-soft">{key.replaceAll("_", " ")}</dt>
                    <dd className="font-mono break-words whitespace-pre-wrap">
                      {visible(typeof value === "string" ? value : JSON.stringify(value, null, 1))}
                    </dd>
                  </div>
                ))}
              </dl>
            </details>
          )}
        </div>
        <Act wait={wait} execution={execution} />
      </div>
    </article>
  );
}

function Act({ wait, execution }: { wait: Wait; execution: string }) {
  const [open, setOpen] = useState(false);
  const { evidence } = wait;
  if (wait.kind === "human_input" && typeof evidence.task_id === "string") {
    return <AnswerButton execution={execution} task={evidence.task_id} />;
  }
  if (wait.kind === "message" && Array.isArray(evidence.handlers)) {
    const handlers = evidence.handlers as { type: "signal" | "update"; name: string; calls: number }[];
    const first = handlers.find(({ calls }) => calls === 0) ?? handlers[0];
    if (!first) return null;
    return (
      <>
        <Button writes look="strong" onClick={() => setOpen(true)}>
          Send {first.name}
        </Button>
        {open && <SendDialog execution={execution} type={first.type} name={first.name} close={() => setOpen(false)} />}
      </>
    );
  }
  if (wait.kind === "workflow_code_failing") {
    return (
      <>
        <Button writes operation="resetWorkflow" onClick={() => setOpen(true)}>
          Reset
        </Button>
        {open && <ResetDialog id={execution} failed={false} close={() => setOpen(false)} />}
      </>
    );
  }
  const [hold] = holdsIn([wait]);
  if (hold) return <ReleaseButton scope={hold} releasing={hold.release !== null} />;
  if (wait.kind === "child" && typeof evidence.execution === "string") {
    return (
      <Link to="/executions/$id" params={{ id: evidence.execution }} className="text-sm text-accent underline">
        Open
      </Link>
    );
  }
  return null;
}
