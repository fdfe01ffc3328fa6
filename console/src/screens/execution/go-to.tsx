/** Goes to an event of the history by its id, or to the first one since a time. */
import { type FormEvent, useState } from "react";
import type { HistoryStore } from "../../history/store.ts";
import { Button } from "../../ui/button.tsx";
import { inZone, useZone } from "../../ui/time.tsx";
import { momentAt } from "../../ui/wall-clock.ts";

/** `2026-01-31 09:30:00`, `09:30` or with a zone of its own, as in `2026-01-31T09:30:00Z`. */
const TIME = /^(?:(\d{4}-\d\d-\d\d)[T ])?(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?$/;

/** A moment that a person has written. A time without a date is one of the day of `near`. Null: it is no time. */
export function momentOf(text: string, zone: string, near: number): number | null {
  const [, date = inZone(near, zone).slice(0, 10), time, own] = TIME.exec(text.trim()) ?? [];
  if (time === undefined) return null;
  const wall = Date.parse(`${date}T${time}${own ?? "Z"}`);
  if (Number.isNaN(wall)) return null;
  return own === undefined ? momentAt(wall, zone) : wall;
}

export function GoTo({ store, select }: { store: HistoryStore; select: (event: number) => void }) {
  const zone = useZone();
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const go = async (event: FormEvent) => {
    event.preventDefault();
    setProblem("");
    if (/^\d+$/.test(text.trim())) {
      const id = Number(text);
      if (id >= 1 && id <= store.last) select(id);
      else setProblem(`There are events 1 to ${store.last.toLocaleString("en")}.`);
      return;
    }
    const moment = momentOf(text, zone, store.get(store.last)?.at ?? Date.now());
    if (moment === null) {
      setProblem("Write the id of an event, or a time as the events have it: 2026-01-31 09:30:00.");
      return;
    }
    setBusy(true);
    const found = await store.firstSince(moment);
    setBusy(false);
    if (found !== null) select(found);
  };
  return (
    <form onSubmit={(event) => void go(event)} className="flex flex-wrap items-center gap-2">
      <input
        aria-label="Event or time to go to"
        placeholder="event or time"
        value={text}
        aria-invalid={problem !== ""}
        aria-describedby={problem === "" ? undefined : "go-to-problem"}
        onChange={({ target }) => setText(target.value)}
        className="min-h-7 w-40 rounded-md border border-line bg-panel px-2 text-xs placeholder:text-soft aria-invalid:border-bad"
      />
      <Button type="submit" busy={busy} disabled={text.trim() === ""}>
        Go
      </Button>
      {problem !== "" && (
        <span id="go-to-problem" role="alert" className="text-bad">
          {problem}
        </span>
      )}
    </form>
  );
}
