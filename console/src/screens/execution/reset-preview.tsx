/** What a reset throws away, and what the new run is given again, before a person resets. */
import type { Answer } from "../../api/operations.ts";
import { visible } from "../../ui/text.tsx";

type Preview = Answer<"previewReset">;
const SHOWN = 12;

export function ResetPreview({ preview }: { preview: Preview }) {
  if (preview.refusal !== null) return <p className="text-sm text-warn">{visible(preview.refusal)}.</p>;
  const { kept_through: kept, dropped_events: count, restarted_activities: restarted } = preview;
  return (
    <section
      aria-label="What the reset does"
      tabIndex={0}
      className="max-h-56 space-y-2 overflow-auto rounded-md border border-line bg-sunken p-3 text-sm"
    >
      <p>
        The new run keeps {kept === 1 ? "only the start" : `events 1 to ${kept.toLocaleString("en")}`}.{" "}
        {count === 0
          ? "Nothing is thrown away."
          : `${count.toLocaleString("en")} ${count === 1 ? "event is" : "events are"} thrown away.`}
      </p>
      <Events title="Thrown away" events={preview.dropped} />
      {restarted.length > 0 && (
        <List title="Begin anew" lines={restarted.map((name, i) => [`${i} ${name}`, `activity ${name}`])} />
      )}
      <Events title="Kept: given to the new run again" events={preview.given_again} />
      <Events title="Messages that it is not given" events={preview.left_out} />
      {!preview.complete && <p className="text-xs text-soft">Only the first ones of each sort were read.</p>}
    </section>
  );
}

function Events({ title, events }: { title: string; events: Preview["dropped"] }) {
  if (events.length === 0) return null;
  const lines = events.map(
    ({ event_id, kind, name }) =>
      [String(event_id), `${event_id}: ${kind.replaceAll("_", " ")}${name === null ? "" : ` ${name}`}`] as const,
  );
  return <List title={title} lines={lines} />;
}

function List({ title, lines }: { title: string; lines: readonly (readonly [key: string, text: string])[] }) {
  return (
    <div>
      <h3 className="text-xs font-semibold">{title}</h3>
      <ul aria-label={title} className="text-xs">
        {lines.slice(0, SHOWN).map(([key, text]) => (
          <li key={key} className="[overflow-wrap:anywhere]">
            {visible(text)}
          </li>
        ))}
        {lines.length > SHOWN && <li className="text-soft">and {lines.length - SHOWN} more</li>}
      </ul>
    </div>
  );
}
