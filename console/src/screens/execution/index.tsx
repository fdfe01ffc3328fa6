/** One execution: why it waits, what it has done, and what can be done with it. */
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import type { HistoryEvent } from "../../../../shared/protocol/history.ts";
import { serverNow } from "../../api/clock.ts";
import type { Answer } from "../../api/operations.ts";
import { useRead } from "../../api/use.ts";
import type { ExecutionSearch } from "../../app/search.ts";
import { useTitle } from "../../app/title.ts";
import { isClosing } from "../../history/closing.ts";
import { costWords, dollars, dollarsOf } from "../../history/price.ts";
import { type Step, stepsOf } from "../../history/steps.ts";
import { DRAWN, type HistoryStore, useHistory } from "../../history/store.ts";
import { useChanges } from "../../live/index.tsx";
import { DeploymentLink, ExecutionLink, ScheduleLink } from "../../ui/links.tsx";
import { Loading, Problem, Skeleton } from "../../ui/loading.tsx";
import { Payload } from "../../ui/payload.tsx";
import { Status } from "../../ui/status.tsx";
import { Tabs } from "../../ui/tabs.tsx";
import { Copy, Mono, visible } from "../../ui/text.tsx";
import { Lasting, Time } from "../../ui/time.tsx";
import { Held } from "../holds/held.tsx";
import { type Hold, holdsIn } from "../holds/holds.ts";
import { Actions } from "./actions.tsx";
import { AnswerProvider } from "./answer.tsx";
import { useChildSteps } from "./child-steps.ts";
import { Code } from "./code.tsx";
import { StepDetails, Value } from "./details.tsx";
import { Family } from "./family.tsx";
import { History } from "./history.tsx";
import { Logs } from "./logs.tsx";
import { Messages } from "./messages.tsx";
import { Queries } from "./queries.tsx";
import { Timeline } from "./timeline.tsx";
import { PinnedVersion } from "./version.tsx";
import { Why } from "./why.tsx";

type Execution = Answer<"getWorkflowExecution">;
type Explanation = Answer<"explainWorkflowExecution">;

/** What happens without an event in the stream, such as a timer, shows after this time at the latest. */
const REFRESH_MS = 30_000;
/** After a time that was told, so that the server is past it too. */
const MOMENT_MS = 500;
/** A signal that changes nothing that the run waits for has no other sign. */
const HISTORY_REFRESH_MS = 60_000;

export function ExecutionPage() {
  const { id } = useParams({ from: "/executions/$id" });
  const search = useSearch({ from: "/executions/$id" });
  const params = { execution_id: id };
  const current = useRead("getWorkflowExecution", { params });
  useTitle(id, current.data?.status);
  const past = useRead("getRun", { params: { run_id: search.run ?? "" } }, { enabled: search.run !== undefined });
  const isOpen = current.data?.status === "RUNNING";
  const changes = useChanges(id);
  // The logs are read again by themselves, so that there the rest is read less often.
  const everyMs = search.tab === "logs" ? 2 * REFRESH_MS : REFRESH_MS;
  const explanation = useRead("explainWorkflowExecution", { params }, { refetchInterval: isOpen ? everyMs : false });
  // The explanation is read again and again; when it tells another status, the head is read too.
  const told = explanation.data?.status;
  useEffect(() => {
    if (told !== undefined && current.data && told !== current.data.status) void current.refetch();
  }, [told, current]);

  // A time that a wait has told changes the answer, and no event of the stream says so: read it again then.
  const next = nextMoment(explanation.data);
  const { refetch } = explanation;
  useEffect(() => {
    if (next === null) return;
    const timer = setTimeout(() => void refetch(), Math.max(MOMENT_MS, next - serverNow() + MOMENT_MS));
    return () => clearTimeout(timer);
  }, [next, refetch]);

  const round = search.tab === "logs" ? 0 : Math.floor(explanation.dataUpdatedAt / HISTORY_REFRESH_MS);
  const waits = explanation.data?.waits.map(({ kind, since, until }) => `${kind} ${since} ${until}`); // the text has ages
  const moment = `${round} ${changes} ${waits?.join()}`;
  const execution = search.run === undefined ? current.data : past.data;
  const failed = (search.run === undefined ? current.error : past.error) ?? null;
  if (!execution)
    return (
      <>
        <h1 className="text-xl font-semibold">
          <Mono>{id}</Mono>
        </h1>
        {failed ? <Problem error={failed} retry={() => void current.refetch()} /> : <Skeleton lines={8} />}
      </>
    );
  const isCurrent = search.run === undefined || search.run === current.data?.run_id;
  return (
    <AnswerProvider>
      <Run
        execution={execution}
        holds={isCurrent ? holdsIn(explanation.data?.waits) : []}
        version={isCurrent ? explanation.data?.version : null}
        isCurrent={isCurrent}
        moment={moment}
        why={
          isCurrent ? <Loading read={explanation}>{(data) => <Why explanation={data} />}</Loading> : <Past id={id} />
        }
        search={search}
      />
    </AnswerProvider>
  );
}

/** When the next wait ends that ends by itself soon. */
function nextMoment(explanation: Answer<"explainWorkflowExecution"> | undefined): number | null {
  const asOf = Date.parse(explanation?.as_of ?? "");
  const ends = (explanation?.waits ?? []).flatMap(({ until }) => (until ? [Date.parse(until)] : []));
  const soon = ends.filter((at) => at > asOf && at < asOf + REFRESH_MS);
  return soon.length > 0 ? Math.min(...soon) : null;
}

function Past({ id }: { id: string }) {
  return (
    <p className="rounded-lg border border-line bg-panel px-4 py-3 text-sm">
      This is an earlier run.{" "}
      <Link to="/executions/$id" params={{ id }} className="text-accent underline">
        To the current one
      </Link>
    </p>
  );
}

interface RunProps {
  readonly execution: Execution;
  /** Changes when the run may have further events. */
  readonly moment: string;
  readonly why: React.ReactNode;
  readonly holds: readonly Hold[];
  /** Null: it is pinned to none. Undefined: not known yet, or the server is older. */
  readonly version: Explanation["version"] | undefined;
  readonly isCurrent: boolean;
  readonly search: ExecutionSearch;
}

function Run({ execution, holds, version: pinned, isCurrent, moment, why, search }: RunProps) {
  const run = execution.run_id ?? "";
  const store = useHistory(run, `${moment} ${execution.status}`);
  const version = store.version();
  // The first event holds the input and where the run comes from.
  useEffect(() => {
    if (store.last > 0) store.need(1);
  }, [store, store.last]);
  const started = store.get(1);
  const first = started?.kind === "execution_started" ? started : undefined;
  const navigate = useNavigate();
  const set = (change: ExecutionSearch) =>
    void navigate({
      to: "/executions/$id",
      params: { id: execution.execution_id },
      search: { ...search, ...change },
      replace: true,
      resetScroll: false,
    });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version says when the events have changed
  const steps = useMemo(() => stepsOf(store.recent(DRAWN)), [store, version]);
  const tab = search.tab ?? "timeline";
  return (
    <div className="space-y-4">
      <Header execution={execution} first={first} holds={holds} version={pinned} />
      <Actions
        execution={execution}
        run={run}
        isPast={search.run !== undefined}
        first={first}
        event={search.event === undefined ? undefined : Number(search.event)}
      />
      {why}
      <Tabs
        key={run} // an open dialog of the actions stays while the execution goes on in another run
        label="Parts of the execution"
        chosen={tab}
        choose={(next) => set({ tab: next, event: undefined, show: undefined, as: undefined })}
        tabs={[
          ["timeline", "Timeline"],
          ["history", `History${store.last > 0 ? ` (${store.last.toLocaleString("en")})` : ""}`],
          ["values", "Input and result"],
          ["messages", "Messages"],
          ["queries", "Queries"],
          ["family", "Family"],
          ["logs", "Logs"],
          ["keys", "Search keys"],
          ["code", "Code"],
        ]}
      >
        {tab === "timeline" && (
          <TimelineTab
            store={store}
            steps={steps}
            execution={execution}
            isCurrent={isCurrent}
            search={search}
            set={set}
          />
        )}
        {tab === "history" && (
          <History
            store={store}
            run={run}
            id={execution.execution_id}
            isCurrent={isCurrent}
            view={search}
            setView={set}
          />
        )}
        {tab === "values" && <Values execution={execution} first={first} store={store} />}
        {tab === "messages" && <Messages store={store} run={run} />}
        {tab === "queries" && (
          <Queries execution={execution.execution_id} pins={search.pins} setPins={(pins) => set({ pins })} />
        )}
        {tab === "code" && <Code execution={execution} store={store} />}
        {tab === "family" && <Family id={execution.execution_id} root={execution.root_execution_id} run={run} />}
        {tab === "logs" && <Logs id={execution.execution_id} run={run} open={execution.status === "RUNNING"} />}
        {tab === "keys" && <SearchKeys id={execution.execution_id} />}
      </Tabs>
    </div>
  );
}

type Started = Extract<HistoryEvent, { kind: "execution_started" }>;

interface HeaderProps {
  readonly execution: Execution;
  readonly first: Started | undefined;
  /** Those that keep it from workers now. */
  readonly holds: readonly Hold[];
  readonly version: Explanation["version"] | undefined;
}

function Header({ execution, first, holds, version }: HeaderProps) {
  const { execution_id: id } = execution;
  return (
    <header className="space-y-2">
      <div className="flex flex-wrap items-center gap-2">
        <Status status={execution.status} />
        <Held holds={holds} />
        <h1 className="text-xl font-semibold">
          <Mono>{id}</Mono>
        </h1>
        <Copy text={id} label="the id" />
      </div>
      <dl className="flex flex-wrap gap-x-6 gap-y-1 text-sm [&_dt]:text-xs [&_dt]:text-soft">
        <div>
          <dt>Workflow</dt>
          <dd>
            <Link
              to="/executions"
              search={{ workflow_identifier: execution.workflow_name }}
              className="hover:underline"
            >
              {visible(execution.workflow_name)}
            </Link>
          </dd>
        </div>
        <div>
          <dt>Deployment</dt>
          <dd>{execution.deployment_name ? <DeploymentLink name={execution.deployment_name} /> : "–"}</dd>
        </div>
        {version && <PinnedVersion version={version} isOpen={execution.status === "RUNNING"} />}
        <div>
          <dt>Started</dt>
          <dd>
            <Time at={execution.start_time} />
          </dd>
        </div>
        <div>
          <dt>{execution.end_time ? "Took" : "Running for"}</dt>
          <dd>
            <Lasting from={execution.start_time} to={execution.end_time} />
          </dd>
        </div>
        <div>
          <dt>Run</dt>
          <dd>
            <Mono>{execution.run_id ?? "–"}</Mono>
          </dd>
        </div>
        <Origin execution={execution} first={first} />
        {execution.cost && <Cost cost={execution.cost} />}
      </dl>
    </header>
  );
}

/** Of all runs of its chain. It is known when the execution has ended. */
function Cost({ cost }: { cost: NonNullable<Execution["cost"]> }) {
  const price = dollarsOf(cost);
  return (
    <div data-testid="cost">
      <dt>Cost</dt>
      <dd>
        {price !== null && (
          <>
            <span title="List prices of us-east-1 without free tiers and without the storage, as docs/costs.md adds them up.">
              about {dollars(price)}
            </span>
            :{" "}
          </>
        )}
        {costWords(cost)}
      </dd>
    </div>
  );
}

/** What started the execution, and where its run comes from. */
function Origin({ execution, first }: { execution: Execution; first: Started | undefined }) {
  const { parent_execution_id: parent, root_execution_id: root, execution_id: id } = execution;
  return (
    <>
      {parent && (
        <div>
          <dt>Parent</dt>
          <dd>
            <ExecutionLink id={parent} />
          </dd>
        </div>
      )}
      {first?.schedule && (
        <div>
          <dt>Schedule</dt>
          <dd>
            <ScheduleLink id={first.schedule.id} />
          </dd>
        </div>
      )}
      {(first?.continued_from ?? first?.reset?.from) && (
        <div>
          <dt>{first?.reset ? "Reset of" : "Continues"}</dt>
          <dd>
            <Link
              to="/executions/$id"
              params={{ id }}
              search={{ run: first?.reset?.from ?? first?.continued_from ?? undefined }}
              className="text-accent hover:underline"
            >
              the run before
            </Link>
          </dd>
        </div>
      )}
      {root !== id && (
        <div>
          <dt>Tree</dt>
          <dd>
            <Link to="/executions" search={{ root_execution_id: root }} className="text-accent hover:underline">
              All of <Mono>{root}</Mono>
            </Link>
          </dd>
        </div>
      )}
      {execution.user_id && (
        <div>
          <dt>Key</dt>
          <dd>{visible(execution.user_id)}</dd>
        </div>
      )}
    </>
  );
}

interface TabProps {
  readonly store: HistoryStore;
  readonly search: ExecutionSearch;
  readonly set: (change: ExecutionSearch) => void;
}

interface TimelineProps extends TabProps {
  readonly steps: readonly Step[];
  readonly execution: Execution;
  readonly isCurrent: boolean;
}

function TimelineTab({ store, steps, execution, isCurrent, search, set }: TimelineProps) {
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (store.last === 0) return;
    setBusy(true);
    void store.newest(DRAWN).finally(() => setBusy(false));
  }, [store, store.last]);
  const opened = steps.find(({ key, execution: child }) => key === search.child && child !== undefined);
  const inner = useChildSteps(opened);
  const rows = useMemo(
    () => (opened ? steps.flatMap((step) => (step === opened ? [step, ...inner.steps] : [step])) : steps),
    [steps, opened, inner.steps],
  );
  const chosen = rows.find(({ key }) => key === search.show);
  const of = chosen?.within
    ? { store: inner.store, run: inner.run, id: opened?.execution ?? "" }
    : { store, run: execution.run_id ?? "", id: execution.execution_id };
  if (store.error && store.last === 0) return <Problem error={store.error} retry={() => void store.extend()} />;
  if (store.last === 0) return <Skeleton lines={8} />;
  return (
    <div className="space-y-4">
      {store.last > DRAWN && (
        <p className="text-sm text-soft">
          The timeline shows the newest {DRAWN.toLocaleString("en")} of {store.last.toLocaleString("en")} events; the
          history has all.
        </p>
      )}
      <div aria-busy={busy}>
        <Timeline
          steps={rows}
          expand={(step) => set({ child: step.key === search.child ? undefined : step.key, show: undefined })}
          start={
            store.last > DRAWN
              ? (steps[0]?.start ?? Date.parse(execution.start_time))
              : Date.parse(execution.start_time)
          }
          closed={execution.end_time ? Date.parse(execution.end_time) : null}
          selected={chosen?.key}
          select={(step) => set({ show: step.key === search.show ? undefined : step.key })}
          view={search}
          setView={set}
        />
      </div>
      {chosen && (
        <StepDetails key={chosen.key} step={chosen} isCurrent={isCurrent && chosen.within === undefined} {...of} />
      )}
      {inner.error !== null && <Problem error={inner.error} />}
    </div>
  );
}

function Values({
  execution,
  first,
  store,
}: {
  execution: Execution;
  first: Started | undefined;
  store: HistoryStore;
}) {
  const end = store.get(store.last);
  return (
    <div className="grid grid-cols-1 gap-4 lg:grid-cols-2">
      <div className="space-y-1">
        <h3 className="text-sm font-semibold">Input</h3>
        {first ? (
          <Value event={first} name="input" run={execution.run_id ?? ""} label="Input" />
        ) : (
          <Skeleton lines={3} />
        )}
      </div>
      <div className="space-y-1">
        <h3 className="text-sm font-semibold">Result</h3>
        {execution.result !== null && execution.result !== undefined ? (
          <Payload value={execution.result} label="Result" />
        ) : (
          <p className="text-sm text-soft">
            {end && isClosing(end) ? "It ended without a result." : "There is none while it runs."}
          </p>
        )}
      </div>
    </div>
  );
}

function SearchKeys({ id }: { id: string }) {
  const read = useRead("getWorkflowExecution", { params: { execution_id: id }, query: { include_search_keys: true } });
  return (
    <Loading read={read}>
      {({ search_keys }) => {
        const entries = Object.entries(search_keys ?? {});
        return entries.length === 0 ? (
          <p className="text-sm text-soft">It has none.</p>
        ) : (
          <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-4 gap-y-1 text-sm">
            {entries.map(([key, value]) => (
              <div key={key} className="contents">
                <dt className="text-soft">{visible(key)}</dt>
                <dd>
                  <Link
                    to="/executions"
                    search={{ search_key: [`${key}:${value}`] }}
                    className="text-accent hover:underline"
                  >
                    {visible(value)}
                  </Link>
                </dd>
              </div>
            ))}
          </dl>
        );
      }}
    </Loading>
  );
}
