/** What a save will change: each field as it is and as it will be. */
import { Panel } from "../../ui/panel.tsx";
import { visible } from "../../ui/text.tsx";

interface Props {
  readonly before: Readonly<Record<string, unknown>>;
  /** The fields that differ, as they will be sent. */
  readonly difference: Readonly<Record<string, unknown>>;
}

/** Longer values are written over several lines. */
const LINE = 60;

const written = (value: unknown): string => {
  if (value === null || value === undefined || (Array.isArray(value) && value.length === 0)) return "none";
  if (typeof value === "string") return value;
  const line = JSON.stringify(value);
  return line.length < LINE ? line : JSON.stringify(value, null, 1);
};

export function Changes({ before, difference }: Props) {
  const fields = Object.keys(difference);
  return (
    <Panel title="What a save changes">
      {fields.length === 0 ? (
        <p className="text-sm text-soft">Nothing differs yet.</p>
      ) : (
        <dl className="space-y-3 text-sm" data-testid="changes">
          {fields.map((field) => (
            <div key={field} data-field={field} className="space-y-0.5">
              <dt className="text-xs font-semibold">{field.replaceAll("_", " ")}</dt>
              <dd className="grid grid-cols-[1rem_minmax(0,1fr)] font-mono text-xs whitespace-pre-wrap">
                <span aria-hidden className="text-bad">
                  −
                </span>
                <del className="break-words text-soft">{visible(written(before[field]))}</del>
                <span aria-hidden className="text-good">
                  +
                </span>
                <ins className="break-words no-underline">{visible(written(difference[field]))}</ins>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </Panel>
  );
}
