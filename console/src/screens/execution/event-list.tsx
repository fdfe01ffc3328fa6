/** All events of a run, a line or the JSON of each. Only those in sight are drawn and read. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import { writeJson } from "../../api/json.ts";
import type { HistoryStore, Shown } from "../../history/store.ts";
import { Copy, visible } from "../../ui/text.tsx";
import { toEnds } from "./ends.ts";
import { EventLine } from "./event-line.tsx";

const ROW = 30;
/** Of an event as JSON, before it is measured. */
const TALL_ROW = 190;

interface Props {
  readonly store: HistoryStore;
  /** Each event as it is recorded, instead of one line. */
  readonly asJson: boolean;
  readonly oldestFirst: boolean;
  readonly selected: number | undefined;
  readonly select: (event: number) => void;
}

export function EventList({ store, asJson, oldestFirst, selected, select }: Props) {
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
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another selection moves the list
  useEffect(() => {
    if (selected !== undefined && selected >= 1 && selected <= total) {
      virtual.scrollToIndex(oldestFirst ? selected - 1 : total - selected, { align: "center" });
    }
  }, [selected, oldestFirst]);

  const nameOf = (activity: number): string => {
    for (const { index } of items) {
      const event = store.get(idAt(index));
      if (event && "activity" in event && "name" in event && event.activity === activity) return event.name as string;
    }
    return `activity ${activity}`;
  };
  return (
    <section
      ref={box}
      aria-label="Events"
      tabIndex={0}
      onKeyDown={toEnds(virtual, total)}
      className="h-[60dvh] overflow-y-auto"
    >
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
                {event ? <EventJson event={event} /> : <span className="block h-40 animate-pulse rounded bg-sunken" />}
              </li>
            );
          }
          return (
            <li key={id} data-event={id} className="absolute inset-x-0" style={{ top: start, height: ROW }}>
              <EventLine id={id} event={event} nameOf={nameOf} isSelected={selected === id} select={select} />
            </li>
          );
        })}
      </ol>
    </section>
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
