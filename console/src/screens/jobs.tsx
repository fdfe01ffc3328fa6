/** Jobs: one action on all executions that a filter finds. */
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../api/call.ts";
import type { Answer } from "../api/operations.ts";
import { useAction, useRead } from "../api/use.ts";
import { useTitle } from "../app/title.ts";
import { useSay } from "../app/toasts.tsx";
import { Button } from "../ui/button.tsx";
import { ExecutionLink } from "../ui/links.tsx";
import { Loading } from "../ui/loading.tsx";
import { Panel } from "../ui/panel.tsx";
import { Tag, type Tone } from "../ui/status.tsx";
import { Table } from "../ui/table.tsx";
import { Mono, visible } from "../ui/text.tsx";
import { Time } from "../ui/time.tsx";

type Job = Answer<"getJob">;
const isOver = ({ end_time }: Job): boolean => end_time !== null;

export function Jobs() {
  useTitle("Jobs");
  const read = useRead("listJobs", { query: { limit: 50 } }, { refetchInterval: 20_000 });
  return (
    <div className="space-y-4">
      <h1 className="text-xl font-semibold">Jobs</h1>
      <Panel title="One action on many executions" flush>
        <Loading read={read}>
          {({ jobs }) => (
            <Table
              label="Jobs"
              rows={jobs}
              keyOf={({ job_id }) => job_id}
              empty="There is none. Begin one from the list of executions: 'Cancel all that match'."
              columns={[
                {
                  id: "id",
                  title: "Job",
                  cell: (j) => (
                    <Link to="/jobs/$id" params={{ id: j.job_id }} className="text-accent hover:underline">
                      {j.action} <Mono>{j.job_id.slice(0, 8)}</Mono>
                    </Link>
                  ),
                },
                { id: "state", title: "State", cell: (j) => <State job={j} /> },
                { id: "done", title: "Done", right: true, cell: (j) => `${j.done} of ${j.total ?? "?"}` },
                { id: "by", title: "Key", cell: (j) => visible(j.user_id) },
                { id: "at", title: "Begun", cell: (j) => <Time at={j.created_at} /> },
              ]}
            />
          )}
        </Loading>
      </Panel>
    </div>
  );
}

function State({ job }: { job: Job }) {
  const tone: Tone = !isOver(job) ? "running" : job.failed > 0 || job.problem ? "bad" : "good";
  return <Tag tone={tone}>{job.status.toLowerCase().replaceAll("_", " ")}</Tag>;
}

export function JobPage() {
  const { id } = useParams({ from: "/jobs/$id" });
  useTitle("Job");
  const [open, setOpen] = useState(true);
  const read = useRead("getJob", { params: { job_id: id } }, { refetchInterval: open ? 1_000 : false });
  if (read.data && isOver(read.data) === open) setOpen(!isOver(read.data));
  const abort = useAction("abortJob");
  const say = useSay();
  return (
    <div className="space-y-4">
      <Loading read={read}>
        {(job) => (
          <>
            <div className="flex flex-wrap items-center gap-3">
              <h1 className="text-xl font-semibold">Job: {job.action}</h1>
              <State job={job} />
              {!isOver(job) && (
                <Button
                  writes
                  look="danger"
                  busy={abort.isPending}
                  onClick={() => abort.mutate({ params: { job_id: id } }, { onError: say.failed })}
                >
                  Abort
                </Button>
              )}
              {isOver(job) && job.failed > 0 && <Again job={job} />}
            </div>
            {job.repeats && (
              <p className="text-sm">
                It acts where{" "}
                <Link to="/jobs/$id" params={{ id: job.repeats }} className="text-accent hover:underline">
                  job <Mono>{job.repeats.slice(0, 8)}</Mono>
                </Link>{" "}
                failed.
              </p>
            )}
            {job.problem && <p role="alert">{visible(job.problem)}</p>}
            <div>
              <progress
                aria-label="Executions done"
                className="h-2 w-full accent-accent"
                max={Math.max(1, job.total ?? 1)}
                value={job.total === null ? 0 : job.done}
              />
              <p className="text-sm" data-testid="job-counts">
                {job.done} of {job.total ?? "?"} done: {job.succeeded} succeeded, {job.skipped} skipped, {job.failed}{" "}
                failed.
              </p>
            </div>
            <Panel title="Filter">
              <pre className="font-mono text-xs whitespace-pre-wrap">
                {visible(JSON.stringify(job.filter, null, 2))}
              </pre>
            </Panel>
          </>
        )}
      </Loading>
      <Outcomes id={id} done={read.data?.done ?? 0} />
    </div>
  );
}

/** Another job, which acts where this one failed. */
function Again({ job }: { job: Job }) {
  const begin = useAction("createJob");
  const say = useSay();
  const navigate = useNavigate();
  const again = () => {
    const { action, filter, job_id: repeats } = job;
    const body = { job_id: crypto.randomUUID(), action, filter, repeats };
    begin.mutate(
      { body },
      {
        onSuccess: ({ job_id }) => void navigate({ to: "/jobs/$id", params: { id: job_id } }),
        onError: say.failed,
      },
    );
  };
  return (
    <Button writes operation="createJob" busy={begin.isPending} onClick={again}>
      Try the failed {job.failed === 1 ? "one" : job.failed.toLocaleString("en")} again
    </Button>
  );
}

type Outcome = Answer<"getJobOutcomes">["outcomes"][number];

function Outcomes({ id, done }: { id: string; done: number }) {
  const [more, setMore] = useState<{ rows: readonly Outcome[]; next: string | null } | null>(null);
  const read = useRead("getJobOutcomes", { params: { job_id: id } }, { staleTime: 0 });
  const say = useSay();
  const next = more ? more.next : (read.data?.next_cursor ?? null);
  const load = () =>
    call("getJobOutcomes", { params: { job_id: id }, query: { cursor: next ?? undefined } }).then(
      (page) => setMore({ rows: [...(more?.rows ?? []), ...page.outcomes], next: page.next_cursor }),
      say.failed,
    );
  return (
    <Panel
      title={`Outcomes${done > 0 ? ` (${done})` : ""}`}
      flush
      actions={
        <Button look="quiet" onClick={() => void read.refetch()}>
          Read again
        </Button>
      }
    >
      <Loading read={read}>
        {({ outcomes }) => (
          <>
            <Table
              label="Outcomes"
              rows={[...outcomes, ...(more?.rows ?? [])]}
              keyOf={({ run_id }) => run_id}
              empty="None yet."
              columns={[
                {
                  id: "id",
                  title: "Execution",
                  cell: (o) => <ExecutionLink id={o.execution_id} />,
                },
                { id: "outcome", title: "Outcome", cell: (o) => o.outcome },
                { id: "detail", title: "Why", cell: (o) => (o.detail ? visible(o.detail) : "") },
              ]}
            />
            {next !== null && (
              <p className="p-2 text-center">
                <Button onClick={load}>Load more</Button>
              </p>
            )}
          </>
        )}
      </Loading>
    </Panel>
  );
}
