/** A downloaded history: the same timeline and events as on the page of its execution, without the server. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTitle } from "../app/title.ts";
import { useSay } from "../app/toasts.tsx";
import { isClosing } from "../history/closing.ts";
import { type HistoryFile, openFile, useFile } from "../history/file.ts";
import { stepsOf } from "../history/steps.ts";
import { HistoryStore } from "../history/store.ts";
import { Tabs } from "../ui/tabs.tsx";
import { visible } from "../ui/text.tsx";
import { StepDetails } from "./execution/details.tsx";
import { History } from "./execution/history.tsx";
import { Timeline } from "./execution/timeline.tsx";

export function FilePage() {
  useTitle("Downloaded history");
  const file = useFile();
  const say = useSay();
  return (
    <div className="space-y-4">
      <h1 className="text-xl font-semibold">Downloaded history</h1>
      <label className="block rounded-lg border-2 border-dashed border-line bg-panel px-4 py-8 text-center text-sm">
        <span className="mx-auto mb-3 block max-w-prose">
          Choose a file that the page of an execution has downloaded, or drop it anywhere on the console. It is read in
          this browser and sent nowhere.
        </span>
        <input
          type="file"
          accept=".json,application/json"
          className="max-w-full file:mr-3 file:min-h-8 file:rounded-md file:border file:border-line file:bg-panel file:px-2.5 file:py-1 file:text-sm file:font-medium file:text-ink hover:file:bg-sunken"
          onChange={({ target }) => {
            const [chosen] = target.files ?? [];
            if (chosen) openFile(chosen).catch(say.failed);
          }}
        />
      </label>
      {file && <Opened key={file.name} file={file} />}
    </div>
  );
}

function Opened({ file }: { file: HistoryFile }) {
  const search = useSearch({ from: "/file" });
  const navigate = useNavigate();
  const store = useMemo(() => new HistoryStore("", file.events), [file]);
  const steps = useMemo(() => stepsOf(file.events), [file]);
  const first = file.events[0];
  const last = file.events.at(-1);
  if (!first || !last) return null;
  const set = (change: typeof search) =>
    void navigate({ to: "/file", search: { ...search, ...change }, replace: true, resetScroll: false });
  const tab = search.tab === "history" ? "history" : "timeline";
  const step = steps.find(({ key }) => key === search.show);
  return (
    <section aria-label="The history" className="space-y-4">
      <p className="text-sm">
        <span className="font-semibold">{visible(file.name)}</span>
        {first.kind === "execution_started" && <span className="text-soft"> · workflow {visible(first.workflow)}</span>}
        {!isClosing(last) && <span className="text-soft"> · the run was open when it was downloaded</span>}
      </p>
      <Tabs
        label="Parts of the history"
        chosen={tab}
        choose={(next) => set({ tab: next, event: undefined, show: undefined, as: undefined })}
        tabs={[
          ["timeline", "Timeline"],
          ["history", `History (${file.events.length.toLocaleString("en")})`],
        ]}
      >
        {tab === "timeline" ? (
          <div className="space-y-4">
            <Timeline
              steps={steps}
              start={first.at}
              closed={last.at}
              selected={step?.key}
              select={({ key }) => set({ show: key === search.show ? undefined : key })}
              view={search}
              setView={set}
            />
            {step && <StepDetails step={step} store={store} run="" />}
          </div>
        ) : (
          <History store={store} run="" view={search} setView={set} />
        )}
      </Tabs>
    </section>
  );
}
