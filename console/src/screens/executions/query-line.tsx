/** One field for several filters: what a person types or pastes becomes chips beside those that there are. */
import { type FormEvent, useId, useState } from "react";
import type { ListSearch } from "../../app/search.ts";
import { Button } from "../../ui/button.tsx";
import { parseQuery } from "./query-text.ts";

export function QueryLine({ search, set }: { search: ListSearch; set: (change: ListSearch) => void }) {
  const [line, setLine] = useState("");
  const [why, setWhy] = useState<string>();
  const problem = useId();
  const apply = (event: FormEvent) => {
    event.preventDefault();
    const parsed = parseQuery(line);
    if (!parsed.ok) return setWhy(parsed.why);
    const { search_key: added = [], ...others } = parsed.search;
    const keys = [...new Set([...(search.search_key ?? []), ...added])];
    set({ ...others, ...(keys.length > 0 && { search_key: keys }) });
    setLine("");
  };
  return (
    <form onSubmit={apply} className="flex flex-wrap items-center gap-1">
      <input
        aria-label="Query"
        aria-invalid={why !== undefined}
        aria-describedby={why === undefined ? undefined : problem}
        value={line}
        placeholder="status:failed workflow:pay customer=ada"
        onChange={({ target }) => {
          setLine(target.value);
          setWhy(undefined);
        }}
        className="min-h-8 w-80 max-w-full rounded-md border border-line bg-panel px-2 font-mono text-xs placeholder:text-soft aria-invalid:border-bad"
        spellCheck={false}
        autoComplete="off"
      />
      <Button type="submit">Apply</Button>
      {why !== undefined && (
        <p id={problem} role="alert" className="basis-full text-xs text-bad [overflow-wrap:anywhere]">
          {why}
        </p>
      )}
    </form>
  );
}
