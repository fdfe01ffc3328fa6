/** The recorded events of a run, newest first or oldest first: by step, as lines, or as JSON. */
import type { ExecutionSearch } from "../../app/search.ts";
import { stepsOf } from "../../history/steps.ts";
import { DRAWN, type HistoryStore } from "../../history/store.ts";
import { Button } from "../../ui/button.tsx";
import { Choice } from "../../ui/choice.tsx";
import { Problem, Skeleton } from "../../ui/loading.tsx";
import { BySteps } from "./by-step.tsx";
import { EventDetails, StepDetails } from "./details.tsx";
import { EventList } from "./event-list.tsx";
import { GoTo } from "./go-to.tsx";

interface Props {
  readonly store: HistoryStore;
  readonly run: string;
  /** Of the execution; absent: the history comes from a file. */
  readonly id?: string;
  /** The run is the current one. */
  readonly isCurrent?: boolean;
  /** What is shown and how, as the address says. */
  readonly view: Pick<ExecutionSearch, "as" | "order" | "event" | "show">;
  readonly setView: (change: Props["view"]) => void;
}

export function History({ store, run, id, isCurrent = false, view, setView }: Props) {
  const total = store.last;
  if (store.error && total === 0) return <Problem error={store.error} retry={() => void store.extend()} />;
  if (total === 0) return <Skeleton lines={8} />;
  const selected = view.event === undefined ? undefined : Number(view.event);
  const form = view.as === "json" || view.as === "steps" ? view.as : "lines";
  const choose = (as: string | undefined) => () => setView({ as, show: undefined });
  const oldestFirst = view.order === "asc";
  const list = {
    store,
    oldestFirst,
    selected,
    select: (event: number) => setView({ event: event === selected ? undefined : String(event), show: undefined }),
  };
  const step =
    form === "steps" && selected === undefined && view.show !== undefined
      ? stepsOf(store.recent(DRAWN)).find(({ key }) => key === view.show)
      : undefined;
  return (
    <div
      className={`grid grid-cols-1 gap-4 ${selected === undefined && !step ? "" : "xl:grid-cols-[minmax(0,1fr)_28rem] xl:items-start"}`}
    >
      <div className="rounded-lg border border-line bg-panel" data-testid="history">
        <div className="flex flex-wrap items-center justify-between gap-2 border-b border-line px-3 py-2 text-xs text-soft">
          <span>{total.toLocaleString("en")} events</span>
          <span className="flex flex-wrap items-center gap-2">
            <GoTo store={store} select={(event) => setView({ event: String(event), show: undefined })} />
            <Choice
              label="Form of the events"
              options={[
                { name: "By step", isChosen: form === "steps", choose: choose("steps") },
                { name: "Lines", isChosen: form === "lines", choose: choose(undefined) },
                { name: "JSON", isChosen: form === "json", choose: choose("json") },
              ]}
            />
            <Button onClick={() => setView({ order: oldestFirst ? undefined : "asc" })}>
              {oldestFirst ? "Newest first" : "Oldest first"}
            </Button>
          </span>
        </div>
        {store.error !== null && <Problem error={store.error} retry={() => void store.extend()} stale />}
        {form === "steps" ? (
          <BySteps {...list} shown={view.show} show={(show) => setView({ show, event: undefined })} />
        ) : (
          <EventList {...list} asJson={form === "json"} />
        )}
      </div>
      {selected !== undefined && (
        <EventDetails key={selected} id={selected} store={store} run={run} resets={isCurrent ? id : undefined} />
      )}
      {step && (
        <StepDetails
          key={step.key}
          step={step}
          store={store}
          run={run}
          isCurrent={isCurrent}
          {...(id !== undefined && { id })}
        />
      )}
    </div>
  );
}
