/** Where the starts of each workflow go now, and where they go afterwards. */
import type { ReactNode } from "react";
import { visible } from "../../ui/text.tsx";

export interface Move {
  /** The workflow. */
  readonly name: string;
  readonly before: string;
  /** Absent: nothing changes. */
  readonly after?: string;
  /** Why the server would refuse it. */
  readonly problem?: string;
}

interface Props {
  readonly rows: readonly Move[];
  readonly nothing: ReactNode;
  /** With these the person chooses among the workflows. */
  readonly chosen?: ReadonlySet<string>;
  readonly choose?: (names: ReadonlySet<string>) => void;
}

export function Moves({ rows, nothing, chosen, choose }: Props) {
  return (
    <ul aria-label="What changes" className="max-h-72 divide-y divide-line overflow-auto rounded-md border border-line">
      {rows.map(({ name, before, after, problem }) => {
        const title = <span className="font-medium [overflow-wrap:anywhere]">{visible(name)}</span>;
        const isTaken = chosen?.has(name) ?? true;
        return (
          <li key={name} data-workflow={name} className="space-y-0.5 px-3 py-2">
            {chosen && choose ? (
              <label className="flex items-center gap-2">
                <input
                  type="checkbox"
                  className="size-4 shrink-0 accent-accent"
                  checked={isTaken}
                  onChange={({ target }) => {
                    const next = new Set(chosen);
                    if (target.checked) next.add(name);
                    else next.delete(name);
                    choose(next);
                  }}
                />
                {title}
              </label>
            ) : (
              title
            )}
            <p className={`text-xs [overflow-wrap:anywhere] ${chosen ? "pl-6" : ""}`}>
              {!isTaken ? (
                <span className="text-soft">{before}, as now</span>
              ) : problem ? (
                <span className="text-bad">{problem}</span>
              ) : after === undefined ? (
                <span className="text-soft">{nothing}</span>
              ) : (
                <>
                  <span className="text-soft">{before}</span> → <strong>{after}</strong>
                </>
              )}
            </p>
          </li>
        );
      })}
    </ul>
  );
}
