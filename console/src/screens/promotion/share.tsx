/** What a deployment is used for: the starts that it gets, what runs on it, and whether it can be stopped. */
import { ExecutionLink } from "../../ui/links.tsx";
import { Tag } from "../../ui/status.tsx";
import { Name } from "../../ui/text.tsx";
import { Ago } from "../../ui/time.tsx";
import { type Current, type Deployment, shareOf } from "./currents.ts";

/** So many workflows are named; the others are counted. */
const NAMED = 3;

export function StartsHere({ of }: { of: readonly Current[] }) {
  if (of.length === 0) return <span className="text-soft">–</span>;
  return (
    <span className="flex flex-wrap gap-1">
      {of.slice(0, NAMED).map(({ workflow_name, percent }) => (
        <span key={workflow_name} className="rounded bg-sunken px-1.5 py-0.5 text-xs">
          <Name>{workflow_name}</Name>
          {percent < 100 && <strong className="tabular-nums"> {shareOf(percent)}</strong>}
        </span>
      ))}
      {of.length > NAMED && <span className="py-0.5 text-xs text-soft">and {of.length - NAMED} more</span>}
    </span>
  );
}

export function Share({ percent }: { percent: number }) {
  return <Tag tone={percent === 100 ? "good" : "running"}>{shareOf(percent)} of new starts</Tag>;
}

/** The age of the oldest execution, or what the lack of one means. */
export function Oldest({ of: { oldest_execution: oldest, safe_to_stop } }: { of: Deployment }) {
  if (oldest === undefined) return <span className="text-soft">–</span>;
  if (oldest === null) return safe_to_stop ? <SafeToStop /> : <span className="text-soft">none runs</span>;
  return (
    <span className="flex flex-wrap items-center gap-x-2">
      <span className="line-clamp-2" title={oldest.execution_id}>
        <ExecutionLink id={oldest.execution_id} />
      </span>
      <Ago at={oldest.started_at} />
    </span>
  );
}

export const SafeToStop = () => (
  <span title="Nothing runs here, and starts that name no deployment go elsewhere.">
    <Tag tone="good">safe to stop</Tag>
  </span>
);
