/** Tabs whose choice is in the address. */
import { type ReactNode, useRef } from "react";

interface Props<T extends string> {
  readonly label: string;
  readonly tabs: readonly (readonly [id: T, title: ReactNode])[];
  readonly chosen: T;
  readonly choose: (tab: T) => void;
  readonly children: ReactNode;
}

export function Tabs<T extends string>({ label, tabs, chosen, choose, children }: Props<T>) {
  const list = useRef<HTMLDivElement>(null);
  const move = (step: number) => {
    const at = tabs.findIndex(([id]) => id === chosen);
    const to = (at + step + tabs.length) % tabs.length;
    choose((tabs[to] as readonly [T, ReactNode])[0]);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[to]?.focus();
  };
  return (
    <div>
      <div
        ref={list}
        role="tablist"
        aria-label={label}
        className="flex gap-1 overflow-x-auto border-b border-line"
        onKeyDown={(event) => {
          if (event.key === "ArrowRight") move(1);
          if (event.key === "ArrowLeft") move(-1);
        }}
      >
        {tabs.map(([id, title]) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`tab-${id}`}
            aria-selected={id === chosen}
            aria-controls={`panel-${id}`}
            tabIndex={id === chosen ? 0 : -1}
            onClick={() => choose(id)}
            className="-mb-px min-h-9 border-b-2 border-transparent px-3 text-sm font-medium whitespace-nowrap text-soft hover:text-ink aria-selected:border-accent aria-selected:text-ink"
          >
            {title}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`panel-${chosen}`} aria-labelledby={`tab-${chosen}`} className="pt-4">
        {children}
      </div>
    </div>
  );
}
