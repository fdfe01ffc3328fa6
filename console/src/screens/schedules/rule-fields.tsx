/** The fields of a schedule's rule. */
import type { ReactNode } from "react";
import { Button } from "../../ui/button.tsx";
import { CheckField, TextField } from "../../ui/field.tsx";
import { type CalendarDraft, type Draft, FIELDS, type Field } from "./definition.ts";
import { OverlapField } from "./overlap.tsx";

interface Props {
  readonly draft: Draft;
  readonly change: (part: Partial<Draft>) => void;
}

export function RuleFields({ draft, change }: Props) {
  return (
    <div className="space-y-4">
      <List
        title="Cron lines"
        help="Five fields: minute, hour, day of the month, month, day of the week. Six: the last is the year. Seven: the first is the second."
        items={draft.cron}
        add={() => change({ cron: [...draft.cron, ""] })}
        remove={(at) => change({ cron: draft.cron.filter((_, i) => i !== at) })}
        show={(line, at) => (
          <TextField
            label={`Cron line ${at + 1}`}
            value={line}
            placeholder="0 9 * * MON-FRI"
            onChange={({ target }) => change({ cron: draft.cron.with(at, target.value) })}
          />
        )}
      />
      <List
        title="Intervals"
        help="Counted from 1970-01-01T00:00:00Z, whatever the zone. A day is 24 hours."
        items={draft.intervals}
        add={() => change({ intervals: [...draft.intervals, { every: "PT1H", offset: "" }] })}
        remove={(at) => change({ intervals: draft.intervals.filter((_, i) => i !== at) })}
        show={(interval, at) => (
          <div className="grid grid-cols-2 gap-2">
            <TextField
              label={`Every (${at + 1})`}
              value={interval.every}
              placeholder="PT15M"
              onChange={({ target }) =>
                change({ intervals: draft.intervals.with(at, { ...interval, every: target.value }) })
              }
            />
            <TextField
              label={`Offset (${at + 1})`}
              value={interval.offset}
              placeholder="none"
              onChange={({ target }) =>
                change({ intervals: draft.intervals.with(at, { ...interval, offset: target.value }) })
              }
            />
          </div>
        )}
      />
      <Calendars title="Calendars" items={draft.calendars} change={(calendars) => change({ calendars })} />
      <Calendars title="Skip" items={draft.skip} change={(skip) => change({ skip })} />
      <TextField
        label="Time zone"
        list="zones"
        value={draft.zone}
        placeholder="UTC"
        help="Cron lines, calendars and skips follow the wall clock of this zone."
        onChange={({ target }) => change({ zone: target.value })}
      />
      <datalist id="zones">
        {Intl.supportedValuesOf("timeZone").map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
      <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
        <TextField
          label="Start"
          value={draft.start}
          placeholder="2026-01-31T09:30:00Z"
          onChange={({ target }) => change({ start: target.value })}
        />
        <TextField
          label="End"
          value={draft.end}
          placeholder="2026-12-31T00:00:00Z"
          onChange={({ target }) => change({ end: target.value })}
        />
        <TextField
          label="Jitter"
          value={draft.jitter}
          placeholder="PT30S"
          help="Each run is delayed by a random time up to this."
          onChange={({ target }) => change({ jitter: target.value })}
        />
        <TextField
          label="Executions at most"
          inputMode="numeric"
          value={draft.max}
          placeholder="no limit"
          onChange={({ target }) => change({ max: target.value })}
        />
      </div>
      <OverlapField overlap={draft.overlap} change={(overlap) => change({ overlap })} />
      <TextField
        label="Catch-up window in seconds"
        inputMode="numeric"
        value={draft.catchup}
        placeholder="31536000 (a year)"
        help="How far back missed runs are started after an outage."
        onChange={({ target }) => change({ catchup: target.value })}
      />
      <CheckField
        label="Pause when a run fails"
        checked={draft.pauseOnFailure}
        onChange={({ target }) => change({ pauseOnFailure: target.checked })}
      />
    </div>
  );
}

const HINTS: Record<Field, string> = {
  second: "0-59",
  minute: "0-59",
  hour: "0-23",
  day_of_month: "1-31",
  month: "1-12",
  day_of_week: "0-6, Sunday is 0",
  year: "every year",
};

function Calendars({
  title,
  items,
  change,
}: {
  title: string;
  items: readonly CalendarDraft[];
  change: (items: readonly CalendarDraft[]) => void;
}) {
  return (
    <List
      title={title}
      help={
        title === "Skip"
          ? "Times that these match are left out."
          : "A time must match every field. Empty: second, minute and hour are 0, and every day matches."
      }
      items={items}
      add={() => change([...items, title === "Skip" ? {} : { hour: "9" }])}
      remove={(at) => change(items.filter((_, i) => i !== at))}
      show={(calendar, at) => (
        <div className="grid grid-cols-2 gap-2 sm:grid-cols-4">
          {FIELDS.map((field) => (
            <TextField
              key={field}
              label={field.replaceAll("_", " ")}
              aria-label={`${title} ${at + 1}: ${field.replaceAll("_", " ")}`}
              value={calendar[field] ?? ""}
              placeholder={HINTS[field]}
              onChange={({ target }) => change(items.with(at, { ...calendar, [field]: target.value }))}
            />
          ))}
        </div>
      )}
    />
  );
}

interface ListProps<T> {
  readonly title: string;
  readonly help: string;
  readonly items: readonly T[];
  readonly add: () => void;
  readonly remove: (at: number) => void;
  readonly show: (item: T, at: number) => ReactNode;
}

function List<T>({ title, help, items, add, remove, show }: ListProps<T>) {
  return (
    <fieldset className="space-y-2 rounded-md border border-line p-3">
      <legend className="px-1 text-xs font-semibold">{title}</legend>
      <p className="text-xs text-soft">{help}</p>
      {items.map((item, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the place is what identifies an item of a list
        <div key={at} className="flex items-end gap-2">
          <div className="min-w-0 flex-1">{show(item, at)}</div>
          <Button aria-label={`Remove from ${title}: ${at + 1}`} onClick={() => remove(at)}>
            ✕
          </Button>
        </div>
      ))}
      <Button onClick={add}>Add to {title.toLowerCase()}</Button>
    </fieldset>
  );
}
