/** Says on which executions a job acts, and on how many. */
import { useRead } from "../../api/use.ts";
import { visible } from "../../ui/text.tsx";

interface Props {
  readonly filter: Readonly<Record<string, unknown>>;
  /** The status on which the job acts; null: on all that the filter names. */
  readonly which: "RUNNING" | "FAILED" | null;
  /** Of what the filter finds, only the runs with such a failure: the server finds them when it works on the job. */
  readonly failure?: string | undefined;
}

const WORDS = { RUNNING: "running", FAILED: "failed" } as const;

export function Filters({ filter, which, failure }: Props) {
  const shown = Object.entries(filter);
  const word = which ? `${WORDS[which]} ` : "";
  return (
    <>
      <p>
        A job of the server does this to{" "}
        {failure === undefined ? <Count filter={filter} which={which} word={word} /> : `every ${word}execution`} that
        these filters find:
      </p>
      {shown.length === 0 ? (
        <p className="font-semibold">No filter: all executions of the workspace.</p>
      ) : (
        <ul className="list-disc pl-5 font-mono text-xs">
          {failure !== undefined && <li>failure: {visible(failure)}</li>}
          {shown.map(([key, value]) => (
            <li key={key}>
              {key} = {Array.isArray(value) ? value.join(", ") : String(value)}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** As the server counts them now, up to 10,000: the page of the job counts all. */
function Count({ filter, which, word }: Props & { word: string }) {
  const { status, ...others } = filter;
  const wanted = which === null ? (status as readonly string[]) : [which];
  const query = { ...(others as Record<string, string>), status: wanted, up_to: 10_000 };
  const read = useRead("countRuns", { query }, { staleTime: 0 });
  if (!read.data) return <span>every {word}execution</span>;
  const { counts } = read.data;
  const count = counts.reduce((sum, one) => sum + one.count, 0);
  const more = counts.some((one) => one.more);
  return (
    <strong data-testid="matching">
      {more ? "more than " : ""}
      {count.toLocaleString("en")} {word}
      {count === 1 && !more ? "execution" : "executions"}
    </strong>
  );
}
