/** The recorded events of a run, newest first or oldest first. Only those in sight are drawn and read. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useRef } from "react";
import { writeJson } from "../../api/json.ts";
import type { HistoryStore, Shown } from "../../history/store.ts";
import { lineOf } from "../../history/words.ts";
import { Button } from "../../ui/button.tsx";
import { Choice } from "../../ui/choice.tsx";
import { Problem, Skeleton } from "../../ui/loading.tsx";
import type { Tone } from "../../ui/status.tsx";
import { Copy, visible } from "../../ui/text.tsx";
import { Time } from "../../ui/time.tsx";

const ROW = 30;
/** Of an event as JSON, before it is measured. */
const TALL_ROW = 190;
const COLOURS: Record<Tone, string> = {
  running: "text-running",
  good: "text-good",
  bad: "text-bad",
  warn: "text-warn",
  still: "text-ink",
};

interface Props {
  readonly store: HistoryStore;
  /** Each event as it is recorded, instead of one line. */
  readonly asJson: boolean;
  readonly setAsJson: (asJson: boolean) => void;
  readonly oldestFirst: boolean;
  readonly setOldestFirst: (oldestFirst: boolean) => void;
  readonly selected: number | undefined;
  readonly select: (event: number) => void;
}

export function History({ store, asJson, setAsJson, oldestFirst, setOldestFirst, selected, select }: Props) {
  const box = useRef<HTMLElement>(null);
  const total = store.last;
  const idAt = (index: number) => (oldestFirst ? index + 1 : total - index);
  const virtual = useVirtualizer({
    count: total,
    getScrollElement: () => box.current,
    estimateSize: () => (asJson ? TALL_ROW : ROW),
    overscan: asJson ? 4 : 12,
    getItemKey: (index) => `${asJson} ${idAt(index)}`,
  });
  const items = virtual.getVirtualItems();
  useEffect(() => {
    for (const { index } of items) store.need(idAt(index));
  });
  const isKnown = total > 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another selection moves the list
  useEffect(() => {
    if (isKnown && selected !== undefined && selected >= 1 && selected <= total) {
      virtual.scrollToIndex(oldestFirst ? selected - 1 : total - selected, { align: "center" });
    }
  }, [selected, isKnown, oldestFirst]);

  const nameOf = (activity: number): string => {
    for (const { index } of items) {
      const event = store.get(idAt(index));
      if (event && "activity" in event && "name" in event && event.activity === activity) return event.name as string;
    }
    return `activity ${activity}`;
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Home") virtual.scrollToIndex(0);
    else if (event.key === "End") virtual.scrollToIndex(total - 1);
    else return;
    event.preventDefault();
  };
  if (store.error && total === 0) return <Problem error={store.error} retry={() => void store.extend()} />;
  if (total === 0) return <Skeleton lines={8} />;
  return (
    <div className="rounded-lg border border-line bg-panel" data-testid="history">
      <div className="flex flex-wrap items-center justify-between gap-2 border-b border-line px-3 py-2 text-xs text-soft">
        <span>{total.toLocaleString("en")} events</span>
        <span className="flex flex-wrap items-center gap-2">
          <Choice
            label="Form of the events"
            options={[
              { name: "Lines", isChosen: !asJson, choose: () => setAsJson(false) },
              { name: "JSON", isChosen: asJson, choose: () => setAsJson(true) },
            ]}
          />
          <Button onClick={() => setOldestFirst(!oldestFirst)}>{oldestFirst ? "Newest first" : "Oldest first"}</Button>
        </span>
      </div>
      {store.error !== null && <Problem error={store.error} retry={() => void store.extend()} stale />}
      <section ref={box} aria-label="Events" tabIndex={0} onKeyDown={press} className="h-[60dvh] overflow-y-auto">
        <ol style={{ height: virtual.getTotalSize() }} className="relative">
          {items.map(({ index, start }) => {
            const id = idAt(index);
            const event = store.get(id);
            if (asJson) {
              return (
                <li
                  key={id}
                  ref={virtual.measureElement}
                  data-index={index}
                  data-event={id}
                  className="absolute inset-x-0 border-b border-line px-3 py-2"
                  style={{ top: start }}
                >
                  {event ? (
                    <EventJson event={event} />
                  ) : (
                    <span className="block h-40 animate-pulse rounded bg-sunken" />
                  )}
                </li>
              );
            }
            const line = event && lineOf(event, nameOf);
            return (
              <li key={id} data-event={id} className="absolute inset-x-0" style={{ top: start, height: ROW }}>
                <button
                  type="button"
                  aria-pressed={selected === id}
                  onClick={() => select(id)}
                  className="flex h-full w-full items-center gap-3 px-3 text-left text-sm hover:bg-sunken aria-pressed:bg-sunken"
                >
                  <span className="w-12 shrink-0 text-right text-xs text-soft tabular-nums">{id}</span>
                  <span className="hidden shrink-0 text-xs text-soft sm:inline">{event && <Time at={event.at} />}</span>
                  {line ? (
                    <span className="truncate">
                      <span className={COLOURS[line.tone]}>{visible(line.text)}</span>
                      {line.more && <span className="text-soft"> {visible(line.more)}</span>}
                    </span>
                  ) : (
                    <span className="h-3 w-40 animate-pulse rounded bg-sunken" />
                  )}
                </button>
              </li>
            );
          })}
        </ol>
      </section>
    </div>
  );
}

/** Long values are cut: the details of the event have them whole. */
function EventJson({ event }: { event: Shown }) {
  const text = writeJson(event, 2);
  return (
    <div className="flex items-start gap-2">
      <pre className="min-w-0 flex-1 font-mono text-xs break-words whitespace-pre-wrap">{visible(text)}</pre>
      <Copy text={text} label={`event ${event.id}`} />
    </div>
  );
}
