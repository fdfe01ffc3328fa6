/** The inputs of the last executions of a workflow, to begin with. */
import { useState } from "react";
import { writeJson } from "../../api/json.ts";
import { useRead } from "../../api/use.ts";
import { useSay } from "../../app/toasts.tsx";
import { inputOf, wholeEvent } from "../../history/store.ts";
import { Button } from "../../ui/button.tsx";
import { Status } from "../../ui/status.tsx";
import { Mono } from "../../ui/text.tsx";
import { Ago } from "../../ui/time.tsx";

const SHOWN = 5;

export function LastInputs({ workflow, take }: { workflow: string; take: (text: string) => void }) {
  const read = useRead(
    "listRuns",
    { query: { workflow_identifier: workflow, page_size: SHOWN } },
    { enabled: workflow !== "" },
  );
  const [busy, setBusy] = useState<string>();
  const say = useSay();
  const runs = read.data?.executions ?? [];
  if (runs.length === 0) return null;
  const use = async (run: string) => {
    setBusy(run);
    await wholeEvent(run, 1).then((started) => take(writeJson(inputOf(started), 2)), say.failed);
    setBusy(undefined);
  };
  return (
    <details className="text-sm">
      <summary className="text-xs font-semibold">Last inputs</summary>
      <ul aria-label="Last inputs" className="mt-1 divide-y divide-line rounded-md border border-line">
        {runs.map(({ run_id, execution_id, status, start_time }) => (
          <li key={run_id} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 py-1.5">
            <Status status={status} />
            <span className="min-w-0 flex-1 basis-40 [overflow-wrap:anywhere]">
              <Mono>{execution_id}</Mono>
            </span>
            <span className="text-xs text-soft">
              <Ago at={start_time} />
            </span>
            <Button
              aria-label={`Use the input of ${execution_id}`}
              busy={busy === run_id}
              onClick={() => void use(run_id ?? "")}
            >
              Use
            </Button>
          </li>
        ))}
      </ul>
    </details>
  );
}
