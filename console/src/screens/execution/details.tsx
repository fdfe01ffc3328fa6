/** What is recorded about the selected step or event. */
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { Failure } from "../../../../shared/protocol/history.ts";
import { serverNow } from "../../api/clock.ts";
import { useSay } from "../../app/toasts.tsx";
import { attemptsOf, type Step } from "../../history/steps.ts";
import { type HistoryStore, type Shown, wholeEvent } from "../../history/store.ts";
import { Button } from "../../ui/button.tsx";
import { Payload } from "../../ui/payload.tsx";
import { Mono, visible } from "../../ui/text.tsx";
import { span, Time } from "../../ui/time.tsx";
import { ResetDialog } from "./reset.tsx";
import { StepLogs } from "./step-logs.tsx";

interface StepProps {
  readonly step: Step;
  readonly store: HistoryStore;
  readonly run: string;
  /** Of the execution; absent: the history comes from a file, and there are no logs. */
  readonly id?: string;
  /** The run is the current one, which a reset ends. */
  readonly isCurrent?: boolean;
}

export function StepDetails({ step, store, run, id, isCurrent = false }: StepProps) {
  const first = store.get(step.events[0] ?? 0);
  const last = store.get(step.events.at(-1) ?? 0);
  const attempts = attemptsOf(step, serverNow());
  return (
    <section
      aria-label="Details of the step"
      className="space-y-4 rounded-lg border border-line bg-panel p-4"
      data-testid="details"
    >
      <h3 className="font-semibold break-words">{visible(step.name)}</h3>
      {step.execution && (
        <Link to="/executions/$id" params={{ id: step.execution }} className="text-accent underline">
          Open <Mono>{step.execution}</Mono>
        </Link>
      )}
      {attempts.length > 1 || attempts.some(({ failure }) => failure) ? (
        <table className="w-full text-left text-xs">
          <thead className="text-soft">
            <tr>
              <th scope="col">Attempt</th>
              <th scope="col">Began</th>
              <th scope="col">Took</th>
              <th scope="col">Outcome</th>
            </tr>
          </thead>
          <tbody>
            {attempts.map(({ attempt, from, to, failure }) => (
              <tr key={attempt} className="border-t border-line align-top [&_td]:py-1">
                <td>{attempt}</td>
                <td>
                  <Time at={from} />
                </td>
                <td>{to === null ? "runs" : span(to - from)}</td>
                <td className="break-words">{failure ? visible(failure.message) : to === null ? "" : "completed"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {step.failure && <FailureChain failure={step.failure} />}
      <div className="grid grid-cols-1 gap-4 lg:grid-flow-col lg:auto-cols-fr lg:grid-cols-none">
        {first && <Values event={first} run={run} />}
        {last && last !== first && <Values event={last} run={run} />}
      </div>
      {id !== undefined && isCurrent && <ResetFrom id={id} store={store} event={step.events[0] ?? 0} />}
      {id !== undefined && step.kind === "activity" && <StepLogs step={step} id={id} run={run} />}
    </section>
  );
}

interface EventProps {
  readonly id: number;
  readonly store: HistoryStore;
  readonly run: string;
  /** Its execution, where the run is the current one. */
  readonly resets?: string | undefined;
}

export function EventDetails({ id, store, run, resets }: EventProps) {
  useEffect(() => store.need(id), [store, id]);
  const event = store.get(id);
  if (!event) return null;
  const failure = "failure" in event ? (event.failure as Failure) : undefined;
  const { id: _, ...raw } = event;
  return (
    <section
      aria-label="Details of the event"
      className="space-y-4 rounded-lg border border-line bg-panel p-4"
      data-testid="details"
    >
      <h3 className="font-semibold">
        Event {id}: {event.kind.replaceAll("_", " ")}
      </h3>
      <Time at={event.at} />
      {failure && <FailureChain failure={failure} />}
      <Values event={event} run={run} />
      {resets !== undefined && <ResetFrom id={resets} store={store} event={id} />}
      <details>
        <summary className="text-xs text-soft">As recorded</summary>
        <Payload value={raw} label={`Event ${id}`} />
      </details>
    </section>
  );
}

/** Resets to before the decisions to which the event belongs, or that followed it. */
function ResetFrom({ id, store, event }: { id: string; store: HistoryStore; event: number }) {
  const [open, setOpen] = useState(false);
  const point = resetPointAt(store, event);
  if (point === undefined) return null;
  return (
    <div>
      <Button writes operation="resetWorkflow" onClick={() => setOpen(true)}>
        Reset to before this…
      </Button>
      {open && <ResetDialog id={id} failed={false} event={point} close={() => setOpen(false)} />}
    </div>
  );
}

/** The first event from this one on that ends the decisions of a step; undefined: there is none yet, or it is not read. */
function resetPointAt(store: HistoryStore, from: number): number | undefined {
  for (let event = store.get(from); event; event = store.get(event.id + 1)) {
    if (event.decided !== undefined) return event.id;
  }
  return undefined;
}

/** Input and result of an event. */
function Values({ event, run }: { event: Shown; run: string }) {
  return (["input", "result", "attributes", "details"] as const)
    .filter((name) => name in event)
    .map((name) => (
      <div key={name} className="space-y-1">
        <h4 className="text-xs font-semibold capitalize">{name}</h4>
        <Value event={event} name={name} run={run} label={`${name} of event ${event.id}`} />
      </div>
    ));
}

interface ValueProps {
  readonly event: Shown;
  readonly name: "input" | "result" | "attributes" | "details";
  readonly run: string;
  readonly label: string;
}

/** One value of an event. One that was cut is read whole when the person asks. */
export function Value({ event, name, run, label }: ValueProps) {
  const [whole, setWhole] = useState<Shown>();
  const [busy, setBusy] = useState(false);
  const say = useSay();
  const value = ((whole ?? event) as unknown as Record<string, unknown>)[name];
  if (whole || !event.cut?.includes(name)) return <Payload value={value} label={label} />;
  const load = async () => {
    setBusy(true);
    await wholeEvent(run, event.id).then(setWhole, say.failed);
    setBusy(false);
  };
  const { size, preview } = value as { size?: number; preview?: string };
  return (
    <figure aria-label={label} className="space-y-2">
      <pre className="max-h-40 overflow-hidden rounded-md border border-line bg-sunken p-2 font-mono text-xs break-words whitespace-pre-wrap">
        {visible(preview ?? "")}…
      </pre>
      <figcaption className="flex items-center gap-2 text-xs text-soft">
        {((size ?? 0) / 1024).toFixed(1)} KiB in all
        <Button busy={busy} onClick={load}>
          Load all
        </Button>
      </figcaption>
    </figure>
  );
}

export function FailureChain({ failure }: { failure: Failure }) {
  const chain: Failure[] = [];
  for (let at: Failure | undefined = failure; at && chain.length < 20; at = at.cause) chain.push(at);
  return (
    <div className="space-y-2" data-testid="failure">
      {chain.map((one, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the place in the chain identifies it
        <div key={i} className="rounded-md border border-bad bg-bad-bg px-3 py-2 text-sm">
          <p className="font-medium break-words whitespace-pre-wrap">
            {i > 0 && <span className="font-normal text-soft">caused by </span>}
            {one.type && <span className="font-mono">{visible(one.type)}: </span>}
            {visible(one.message)}
          </p>
          {one.stack && (
            <details>
              <summary className="text-xs text-soft">Stack</summary>
              <pre className="overflow-x-auto font-mono text-xs">{visible(one.stack)}</pre>
            </details>
          )}
          {one.details !== undefined && one.details !== null && (
            <Payload value={one.details} label="Details of the failure" />
          )}
        </div>
      ))}
    </div>
  );
}
