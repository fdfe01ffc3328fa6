/** Jobs: one action on all executions that a filter finds. */
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { call } from "../api/call.ts";
import { newId } from "../api/ids.ts";
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
const number = (n: number): string => n.toLocaleString("en");
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
                className="h-2 w-full appearance-none overflow-hidden rounded-full bg-sunken [&::-moz-progress-bar]:bg-accent [&::-webkit-progress-bar]:bg-sunken [&::-webkit-progress-value]:bg-accent"
                max={Math.max(1, job.total ?? 1)}
                value={job.total === null ? 0 : job.done}
              />
              <p className="text-sm" data-testid="job-counts">
                {number(job.done)} of {job.total === null ? "?" : number(job.total)} done: {number(job.succeeded)}{" "}
                succeeded, {number(job.skipped)} skipped, {number(job.failed)} failed.
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
      <Outcomes key={id} id={id} done={read.data?.done ?? 0} open={open} />
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
    const body = { job_id: newId(), action, filter, repeats };
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

/** Pages are those in which the job worked, and may hold one execution each: so many are read to begin with. */
const ENOUGH = 50;
const OUTCOMES_MS = 2_000;

function Outcomes({ id, done, open }: { id: string; done: number; open: boolean }) {
  const [more, setMore] = useState<{ rows: readonly Outcome[]; next: string | null } | null>(null);
  const [busy, setBusy] = useState(false);
  const read = useRead(
    "getJobOutcomes",
    { params: { job_id: id } },
    { staleTime: 0, refetchInterval: open && more === null ? OUTCOMES_MS : false },
  );
  const say = useSay();
  const next = more ? more.next : (read.data?.next_cursor ?? null);
  const load = () => {
    setBusy(true);
    return call("getJobOutcomes", { params: { job_id: id }, query: { cursor: next ?? undefined } })
      .then((page) => setMore({ rows: [...(more?.rows ?? []), ...page.outcomes], next: page.next_cursor }), say.failed)
      .finally(() => setBusy(false));
  };
  const known = (read.data?.outcomes.length ?? 0) + (more?.rows.length ?? 0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a page that has come is the sign to look at the next one
  useEffect(() => {
    if (!open && !busy && next !== null && known < ENOUGH) void load();
  }, [open, busy, next, known]);
  // The last page comes with the end of the job.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `refetch` is the same always
  useEffect(() => {
    if (!open) void read.refetch();
  }, [open]);
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
                <Button busy={busy} onClick={() => void load()}>
                  Load more
                </Button>
              </p>
            )}
          </>
        )}
      </Loading>
    </Panel>
  );
}
