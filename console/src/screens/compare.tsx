/** Two executions side by side: what went in and came out, which steps differ, and where their histories part. */
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { ArrowLeftRight } from "lucide-react";
import { type FormEvent, type ReactNode, useEffect, useMemo, useState } from "react";
import type { HistoryEvent } from "../../../shared/protocol/history.ts";
import { writeJson } from "../api/json.ts";
import type { Answer } from "../api/operations.ts";
import { useRead } from "../api/use.ts";
import type { CompareSearch } from "../app/search.ts";
import { useTitle } from "../app/title.ts";
import { firstDifference, type Pair, pairsOf, valuesOf } from "../history/compare.ts";
import { stepsOf } from "../history/steps.ts";
import { type HistoryStore, useHistory } from "../history/store.ts";
import { lineOf } from "../history/words.ts";
import { Button } from "../ui/button.tsx";
import { Choice } from "../ui/choice.tsx";
import { TextField } from "../ui/field.tsx";
import { Loading, Problem, Skeleton } from "../ui/loading.tsx";
import { Panel } from "../ui/panel.tsx";
import { Payload } from "../ui/payload.tsx";
import { Status } from "../ui/status.tsx";
import { Table } from "../ui/table.tsx";
import { Mono, visible } from "../ui/text.tsx";
import { Ago, Lasting, span, Time } from "../ui/time.tsx";
import { FailureChain, Value } from "./execution/details.tsx";

type Execution = Answer<"getWorkflowExecution">;

/** As many of the first events of each are compared. */
const COMPARED = 4_000;

export function Compare() {
  useTitle("Compare");
  const search = useSearch({ from: "/compare" });
  const { a, b, a_run, b_run } = search;
  return (
    <div className="space-y-4">
      <h1 className="text-xl font-semibold">Compare two executions</h1>
      <Chosen key={`${a} ${b}`} search={search} />
      {a !== undefined && b !== undefined ? (
        <Both key={`${a} ${b} ${a_run} ${b_run}`} search={search} a={a} b={b} />
      ) : (
        a !== undefined && <Others id={a} run={a_run} />
      )}
    </div>
  );
}

function Chosen({ search }: { search: CompareSearch }) {
  const navigate = useNavigate();
  const [a, setA] = useState(search.a ?? "");
  const [b, setB] = useState(search.b ?? "");
  const go = (next: CompareSearch) => void navigate({ to: "/compare", search: next });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const run = (id: string, before: string | undefined, of: string | undefined) => (id === before ? of : undefined);
    go({
      a: a.trim() || undefined,
      b: b.trim() || undefined,
      a_run: run(a, search.a, search.a_run),
      b_run: run(b, search.b, search.b_run),
    });
  };
  const { a: left, b: right, a_run, b_run, ...rest } = search;
  return (
    <form onSubmit={submit} className="flex flex-wrap items-end gap-2">
      <div className="min-w-48 flex-1">
        <TextField label="First execution" value={a} onChange={({ target }) => setA(target.value)} />
      </div>
      <Button
        aria-label="Change sides"
        onClick={() => go({ ...rest, a: right, b: left, a_run: b_run, b_run: a_run })}
        disabled={left === undefined || right === undefined}
      >
        <ArrowLeftRight size={14} aria-hidden />
      </Button>
      <div className="min-w-48 flex-1">
        <TextField label="Second execution" value={b} onChange={({ target }) => setB(target.value)} />
      </div>
      <Button type="submit" look="strong">
        Compare
      </Button>
    </form>
  );
}

/** Executions of the same workflow, to choose the second one from. */
function Others({ id, run }: { id: string; run: string | undefined }) {
  const own = useRead("getWorkflowExecution", { params: { execution_id: id } });
  const workflow = own.data?.workflow_name;
  const others = useRead(
    "listRuns",
    { query: { workflow_identifier: workflow, page_size: 30 } },
    { enabled: workflow !== undefined },
  );
  if (own.error) return <Problem error={own.error} retry={() => void own.refetch()} />;
  return (
    <Panel title={`Other executions of ${visible(workflow ?? "the workflow")}`} flush>
      <Loading read={others}>
        {({ executions }) => (
          <Table
            label="Other executions"
            rows={executions.filter((one) => one.run_id !== (run ?? own.data?.run_id))}
            keyOf={(one) => one.run_id ?? one.execution_id}
            empty="There is no other one. Type an id above."
            columns={[
              { id: "status", title: "Status", cell: (one) => <Status status={one.status} /> },
              {
                id: "id",
                title: "Execution",
                cell: (one) => (
                  <Link
                    to="/compare"
                    search={{
                      a: id,
                      a_run: run,
                      b: one.execution_id,
                      ...(one.execution_id === id && { b_run: one.run_id ?? undefined }),
                    }}
                    className="text-accent hover:underline"
                  >
                    <Mono>{one.execution_id}</Mono>
                  </Link>
                ),
              },
              { id: "start", title: "Started", cell: (one) => <Ago at={one.start_time} /> },
              { id: "took", title: "Took", cell: (one) => <Lasting from={one.start_time} to={one.end_time} /> },
            ]}
          />
        )}
      </Loading>
    </Panel>
  );
}

/** The execution, or one of its runs, with its events. */
function useSide(id: string, run: string | undefined) {
  const current = useRead("getWorkflowExecution", { params: { execution_id: id } }, { enabled: run === undefined });
  const past = useRead("getRun", { params: { run_id: run ?? "" } }, { enabled: run !== undefined });
  const read = run === undefined ? current : past;
  const execution = read.data as Execution | undefined;
  const store = useHistory(execution?.run_id ?? "", execution?.status);
  const [ready, setReady] = useState(false);
  useEffect(() => {
    if (store.last === 0) return;
    void store.oldest(COMPARED).then(() => setReady(true));
  }, [store, store.last]);
  return { read, execution, store, ready };
}

function Both({ search, a, b }: { search: CompareSearch; a: string; b: string }) {
  const left = useSide(a, search.a_run);
  const right = useSide(b, search.b_run);
  for (const { read } of [left, right])
    if (!read.data && read.error) return <Problem error={read.error} retry={() => void read.refetch()} />;
  for (const { store } of [left, right])
    if (store.error) return <Problem error={store.error} retry={() => void store.extend()} />;
  if (!left.execution || !right.execution || !left.ready || !right.ready) return <Skeleton lines={10} />;
  const sides = [
    { execution: left.execution, store: left.store, run: search.a_run },
    { execution: right.execution, store: right.store, run: search.b_run },
  ] as const;
  return (
    <>
      {left.execution.workflow_name !== right.execution.workflow_name && (
        <p role="status" className="rounded-md bg-warn-bg px-3 py-2 text-sm text-warn">
          They are executions of two workflows: little of them can be compared.
        </p>
      )}
      <div className="grid grid-cols-1 gap-4 md:grid-cols-2">
        {sides.map(({ execution, run }, i) => (
          <Head
            key={i === 0 ? "first" : "second"}
            execution={execution}
            run={run}
            place={i === 0 ? "First" : "Second"}
          />
        ))}
      </div>
      <Parting sides={sides} />
      <Steps sides={sides} search={search} />
      <Values sides={sides} />
    </>
  );
}

interface Side {
  readonly execution: Execution;
  readonly store: HistoryStore;
  readonly run: string | undefined;
}
type Sides = readonly [Side, Side];

function Head({ execution, run, place }: { execution: Execution; run: string | undefined; place: string }) {
  return (
    <section aria-label={`${place} execution`} className="space-y-2 rounded-lg border border-line bg-panel p-4">
      <p className="text-xs text-soft">{place}</p>
      <p className="flex flex-wrap items-center gap-2">
        <Status status={execution.status} />
        <Link
          to="/executions/$id"
          params={{ id: execution.execution_id }}
          search={{ run }}
          className="min-w-0 font-semibold text-accent hover:underline"
        >
          <Mono>{execution.execution_id}</Mono>
        </Link>
      </p>
      <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-4 gap-y-0.5 text-sm [&_dt]:text-soft">
        <dt>Workflow</dt>
        <dd className="break-words">{visible(execution.workflow_name)}</dd>
        <dt>Deployment</dt>
        <dd className="break-words">{execution.deployment_name ?? "–"}</dd>
        <dt>Started</dt>
        <dd>
          <Time at={execution.start_time} />
        </dd>
        <dt>{execution.end_time ? "Took" : "Running for"}</dt>
        <dd>
          <Lasting from={execution.start_time} to={execution.end_time} />
        </dd>
        <dt>Run</dt>
        <dd>
          <Mono>{execution.run_id ?? "–"}</Mono>
        </dd>
      </dl>
    </section>
  );
}

function Parting({ sides }: { sides: Sides }) {
  const [a, b] = sides.map(({ store }) => store.beginning()) as [HistoryEvent[], HistoryEvent[]];
  const shape = firstDifference(a, b);
  const values = firstDifference(a, b, valuesOf);
  const isWhole = sides.every(({ store }) => store.isWhole);
  return (
    <Panel title="Where the histories part">
      <div className="space-y-3 text-sm">
        {!isWhole && (
          <p className="text-soft">The first {COMPARED.toLocaleString("en")} events of each are compared.</p>
        )}
        {shape === null ? (
          <p data-testid="parting">
            Both took the same steps in the same order: {a.length.toLocaleString("en")} events.
          </p>
        ) : (
          <div data-testid="parting" className="space-y-1">
            <p>
              They went the same way for {((shape.a?.id ?? shape.b?.id ?? 1) - 1).toLocaleString("en")} events, then:
            </p>
            <Events sides={sides} a={shape.a} b={shape.b} />
          </div>
        )}
        {values !== null && values.a !== shape?.a && values.a && values.b && (
          <div className="space-y-1" data-testid="values-part">
            <p>The first event with other values:</p>
            <Events sides={sides} a={values.a} b={values.b} />
          </div>
        )}
      </div>
    </Panel>
  );
}

function Events({ sides, a, b }: { sides: Sides; a: HistoryEvent | undefined; b: HistoryEvent | undefined }) {
  return (
    <div className="grid grid-cols-1 gap-2 md:grid-cols-2">
      {[a, b].map((event, i) => {
        const { execution, run } = sides[i] as Side;
        const line = event && lineOf(event, (n) => `activity ${n}`);
        return (
          <p key={i === 0 ? "a" : "b"} className="rounded-md bg-sunken px-3 py-2">
            {event ? (
              <Link
                to="/executions/$id"
                params={{ id: execution.execution_id }}
                search={{ run, tab: "history", event: String(event.id) }}
                className="hover:underline"
              >
                <span className="text-soft tabular-nums">{event.id}</span> {visible(line?.text ?? event.kind)}
                {line?.more && <span className="text-soft"> {visible(line.more)}</span>}
              </Link>
            ) : (
              <span className="text-soft">{execution.end_time ? "It had ended." : "It has not come so far."}</span>
            )}
          </p>
        );
      })}
    </div>
  );
}

function Steps({ sides, search }: { sides: Sides; search: CompareSearch }) {
  const navigate = useNavigate();
  const [left, right] = sides;
  const versions = `${left.store.version()} ${right.store.version()}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the versions say when the events have changed
  const pairs = useMemo(() => pairsOf(stepsOf(left.store.beginning()), stepsOf(right.store.beginning())), [versions]);
  const all = search.steps === "all";
  const shown = all ? pairs : pairs.filter(({ differs }) => differs.length > 0);
  const set = (steps: string | undefined) =>
    void navigate({ to: "/compare", search: { ...search, steps }, replace: true, resetScroll: false });
  const longest = Math.max(1, ...pairs.flatMap(({ a, b }) => [a?.ms ?? 0, b?.ms ?? 0]));
  return (
    <Panel
      title={`Steps: ${pairs.filter(({ differs }) => differs.length > 0).length} of ${pairs.length} differ`}
      flush
      actions={
        <Choice
          label="Steps to show"
          options={[
            { name: "What differs", isChosen: !all, choose: () => set(undefined) },
            { name: "All", isChosen: all, choose: () => set("all") },
          ]}
        />
      }
    >
      <Table
        label="Steps of both"
        rows={shown.slice(0, 1_000)}
        keyOf={({ key }) => key}
        empty={
          pairs.length === 0
            ? "Neither has a step."
            : "No step differs in outcome or attempts. 'All' has the durations."
        }
        columns={[
          {
            id: "name",
            title: "Step",
            cell: (pair) => (
              <span data-pair={pair.name} data-differs={pair.differs.join(", ")}>
                {visible(pair.name)}
                {pair.nth > 1 && <span className="text-soft"> {pair.nth}</span>}
              </span>
            ),
          },
          { id: "a", title: "First", cell: (pair) => <Cell side={pair.a} longest={longest} /> },
          { id: "b", title: "Second", cell: (pair) => <Cell side={pair.b} longest={longest} /> },
          { id: "differs", title: "Difference", cell: (pair) => <Difference pair={pair} /> },
        ]}
      />
    </Panel>
  );
}

const BARS = { open: "bg-running", completed: "bg-good", failed: "bg-bad", cancelled: "bg-still" } as const;

function Cell({ side, longest }: { side: Pair["a"]; longest: number }) {
  if (!side) return <span className="text-soft">–</span>;
  return (
    <span className="block min-w-32">
      {side.outcome}, {side.ms === null ? "runs" : span(side.ms)}
      {side.attempts > 1 && `, ${side.attempts} attempts`}
      <span
        aria-hidden
        className={`mt-0.5 block h-1 rounded-sm ${BARS[side.outcome]}`}
        style={{ width: `${Math.max(1, ((side.ms ?? 0) / longest) * 100)}%` }}
      />
    </span>
  );
}

function Difference({ pair: { a, b, differs } }: { pair: Pair }) {
  const by = a?.ms != null && b?.ms != null ? b.ms - a.ms : null;
  return (
    <span className="flex flex-wrap gap-x-3">
      {differs.length > 0 && <strong>{differs.join(", ")}</strong>}
      {by !== null && by !== 0 && (
        <span className="text-soft tabular-nums">{by > 0 ? `${span(by)} longer` : `${span(-by)} shorter`}</span>
      )}
    </span>
  );
}

function Values({ sides }: { sides: Sides }) {
  const started = sides.map(({ store }) => store.get(1));
  const failures = sides.map(({ store }) => {
    const last = store.get(store.last);
    return last && "failure" in last ? last.failure : undefined;
  });
  const inputs = started.map((event) => (event?.kind === "execution_started" ? event.input : null));
  const results = sides.map(({ execution }) => execution.result ?? null);
  return (
    <Panel title="Input, result and failure">
      <div className="space-y-4">
        <Row title="Input" isSame={isSame(inputs)}>
          {(i) => {
            const event = started[i];
            if (!event) return null;
            return (
              <Value
                event={event}
                name="input"
                run={sides[i]?.execution.run_id ?? ""}
                label={`Input of the ${PLACES[i]}`}
              />
            );
          }}
        </Row>
        <Row title="Result" isSame={isSame(results)}>
          {(i) =>
            results[i] === null ? (
              <p className="text-sm text-soft">There is none.</p>
            ) : (
              <Payload value={results[i]} label={`Result of the ${PLACES[i]}`} />
            )
          }
        </Row>
        {failures.some(Boolean) && (
          <Row title="Failure" isSame={isSame(failures.map((failure) => failure?.message ?? null))}>
            {(i) => {
              const failure = failures[i];
              return failure ? (
                <FailureChain failure={failure} />
              ) : (
                <p className="text-sm text-soft">It has not failed.</p>
              );
            }}
          </Row>
        )}
      </div>
    </Panel>
  );
}

const PLACES = ["first", "second"] as const;
const isSame = ([a, b]: readonly unknown[]): boolean => writeJson(a ?? null) === writeJson(b ?? null);

function Row(p: { title: string; isSame: boolean; children: (side: 0 | 1) => ReactNode }) {
  return (
    <section aria-label={p.title} className="space-y-1">
      <h3 className="text-sm font-semibold">
        {p.title} <span className="font-normal text-soft">{p.isSame ? "is the same" : "differs"}</span>
      </h3>
      <div className="grid grid-cols-1 gap-4 md:grid-cols-2">
        <div className="min-w-0">{p.children(0)}</div>
        <div className="min-w-0">{p.children(1)}</div>
      </div>
    </section>
  );
}
