/**
 * What a running execution waits for, in one phrase. The server reads the history of an execution to tell it, so it is
 * asked only where a person has chosen the column, and only for rows that are in sight.
 */
import { useEffect, useRef, useState } from "react";
import { messageOf } from "../../api/failure.ts";
import type { Answer } from "../../api/operations.ts";
import { useRead } from "../../api/use.ts";
import { visible } from "../../ui/text.tsx";
import { Ago } from "../../ui/time.tsx";
import { waitWords } from "../../ui/waits.ts";
import type { Row } from "./rows.ts";

type Wait = Answer<"explainWorkflowExecution">["waits"][number];

export function WaitsFor({ row }: { row: Row }) {
  const box = useRef<HTMLSpanElement>(null);
  const isSeen = useSeen(box);
  const isOpen = row.status === "RUNNING";
  const read = useRead(
    "explainWorkflowExecution",
    { params: { execution_id: row.execution_id } },
    { enabled: isOpen && isSeen, staleTime: 30_000 },
  );
  const [first, ...others] = read.data?.waits ?? [];
  return (
    <span
      ref={box}
      data-waits={isOpen ? first?.kind : undefined}
      title={read.data && visible(read.data.summary)}
      className="line-clamp-2"
    >
      {!isOpen ? (
        <span className="text-soft">–</span>
      ) : first ? (
        <>
          <Phrase wait={first} />
          {others.length > 0 && <span className="text-soft"> and {others.length} more</span>}
        </>
      ) : (
        <span className="text-soft">{read.error ? messageOf(read.error) : "…"}</span>
      )}
    </span>
  );
}

function Phrase({ wait: { kind, until, evidence } }: { wait: Wait }) {
  const name = [evidence.activity, evidence.label, evidence.execution].find((one) => typeof one === "string");
  return (
    <>
      {waitWords(kind)}
      {typeof name === "string" && <>: {visible(name.slice(0, 60))}</>}
      {until && (
        <>
          , <Ago at={until} />
        </>
      )}
    </>
  );
}

/** Whether it has been in sight once. */
function useSeen(box: { readonly current: Element | null }): boolean {
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    if (!box.current) return;
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      setSeen(true);
      observer.disconnect();
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [box]);
  return isSeen;
}
