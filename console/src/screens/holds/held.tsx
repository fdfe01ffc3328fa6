/** The mark of what a hold keeps from workers. */
import { CirclePause } from "lucide-react";
import { CallFailed } from "../../api/failure.ts";
import { Problem } from "../../ui/loading.tsx";
import { Tag } from "../../ui/status.tsx";
import { visible } from "../../ui/text.tsx";
import { inZone, useZone } from "../../ui/time.tsx";
import { type Hold, rateText, scopeText, type useHolds } from "./holds.ts";

interface Props {
  readonly holds: readonly Hold[];
  /** What is held, where the place of the mark does not say it. */
  readonly of?: string;
}

export function Held({ holds, of }: Props) {
  const zone = useZone();
  // One that is not released keeps the execution, whatever else is released.
  const hold = holds.find(({ release }) => release === null) ?? holds[0];
  if (!hold) return null;
  const { held_at, held_by, reason, release } = hold;
  const says = [
    release
      ? `The hold of ${scopeText(hold)} is being released ${rateText(release.per_second)}.`
      : `${held_by ?? "An operator"} holds ${scopeText(hold)} since ${inZone(held_at, zone)}.`,
    ...(reason ? [reason] : []),
  ].join(" ");
  return (
    <span data-held={release ? "releasing" : "held"} title={visible(says)}>
      <Tag tone={release ? "running" : "warn"}>
        <CirclePause aria-hidden size={13} strokeWidth={2.4} />
        {[...(of === undefined ? [] : [visible(of)]), release ? "releasing" : "held"].join(" ")}
      </Tag>
    </span>
  );
}

/** Where marks of holds stand: says that they are not known. A server without holds answers 404. */
export function HoldsUnknown({ read }: { read: ReturnType<typeof useHolds> }) {
  if (read.isPending) return <span role="status" aria-label="Loading" className="sr-only" />;
  if (!read.error || (read.error instanceof CallFailed && read.error.status === 404)) return null;
  return (
    <div>
      <Problem error={read.error} retry={() => void read.refetch()} />
      <p className="text-sm text-soft">So this page does not mark what is held.</p>
    </div>
  );
}
