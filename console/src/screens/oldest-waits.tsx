/**
 * Of the overview: what the executions that run longest wait for, counted by reason. The server reads the history of an
 * execution to tell it, so a bounded number is asked, once, and the panel says of how many and when.
 */
import { useQuery } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import type { Answer } from "../api/operations.ts";
import type { ListSearch } from "../app/search.ts";
import { Button } from "../ui/button.tsx";
import { ExecutionLink } from "../ui/links.tsx";
import { Loading } from "../ui/loading.tsx";
import { More } from "../ui/more.tsx";
import { Panel } from "../ui/panel.tsx";
import { Tag } from "../ui/status.tsx";
import { AsOf } from "../ui/time.tsx";
import { isCalm, waitWords } from "../ui/waits.ts";

const ASKED = 20;
/** Until the page asks again by itself, when a person comes back to it. */
const FRESH_MS = 300_000;

const OLDEST: ListSearch = { status: ["RUNNING"], sort_by: "start_time", order: "asc" };

type Wait = Answer<"explainWorkflowExecution">["waits"][number];

interface Reason {
  readonly kind: string;
  readonly actor: string;
  readonly executions: readonly string[];
}
interface Told {
  readonly asked: number;
  readonly more: boolean;
  readonly reasons: readonly Reason[];
  /** Executions whose explanation could not be read. */
  readonly unknown: number;
}

async function ask(signal: AbortSignal): Promise<Told> {
  const { executions, next_page_token } = await call("listRuns", { query: { ...OLDEST, page_size: ASKED }, signal });
  const ids = executions.map(({ execution_id }) => execution_id);
  const answers = await Promise.allSettled(
    ids.map((execution_id) => call("explainWorkflowExecution", { params: { execution_id }, signal })),
  );
  signal.throwIfAborted();
  const firsts = answers.map((one) => (one.status === "fulfilled" ? one.value.waits[0] : undefined));
  const unknown = answers.filter(({ status }) => status === "rejected").length;
  return { asked: ids.length, more: next_page_token !== null, reasons: reasonsOf(ids, firsts), unknown };
}

/** Those in which something is wrong come first, then the commonest. One that has ended meanwhile waits for nothing. */
export function reasonsOf(ids: readonly string[], firsts: readonly (Wait | undefined)[]): readonly Reason[] {
  const waiting = ids.flatMap((id, i) => {
    const wait = firsts[i];
    return wait && wait.kind !== "closed" ? [{ id, ...wait }] : [];
  });
  return [...Map.groupBy(waiting, ({ kind }) => kind)]
    .map(([kind, all]) => ({ kind, actor: all[0]!.actor, executions: all.map(({ id }) => id) }))
    .toSorted((a, b) => Number(isCalm(a.kind)) - Number(isCalm(b.kind)) || b.executions.length - a.executions.length);
}

export function OldestWaits() {
  const read = useQuery({
    queryKey: ["oldestWaits"],
    queryFn: ({ signal }) => ask(signal),
    staleTime: FRESH_MS,
    gcTime: FRESH_MS,
    refetchOnWindowFocus: false,
  });
  const again = (
    <span className="flex flex-wrap items-center gap-x-3 text-xs">
      {read.data && <AsOf at={read.dataUpdatedAt} />}
      <Button look="quiet" busy={read.isFetching} onClick={() => void read.refetch()}>
        Ask again
      </Button>
      <More search={OLDEST} />
    </span>
  );
  return (
    <Panel title="What the oldest running executions wait for" actions={again}>
      <Loading read={read}>{(told) => <Reasons told={told} />}</Loading>
    </Panel>
  );
}

function Reasons({ told: { asked, more, reasons, unknown } }: { told: Told }) {
  if (asked === 0) return <p className="text-sm text-soft">Nothing is running.</p>;
  return (
    <div className="space-y-2 text-sm">
      <ul aria-label="Reasons" className="space-y-1.5">
        {reasons.map(({ kind, actor, executions }) => (
          <li key={kind} data-reason={kind} className="flex flex-wrap items-baseline gap-x-2 [overflow-wrap:anywhere]">
            <Tag tone={isCalm(kind) ? "still" : "warn"}>{executions.length}</Tag>
            <span className="font-medium">{waitWords(kind)}</span>
            <span className="text-soft">who must act: {actor}</span>
            <span>
              the oldest: <ExecutionLink id={executions[0]!} />
            </span>
          </li>
        ))}
        {unknown > 0 && <li className="text-soft">{unknown} could not be asked.</li>}
      </ul>
      <p className="text-xs text-soft">
        {more ? `The ${asked} oldest were asked; more are running.` : `All ${asked} that run were asked.`}
      </p>
    </div>
  );
}
