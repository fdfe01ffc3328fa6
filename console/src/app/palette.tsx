/** Finds what an id belongs to, and lists the pages. */
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useId, useRef, useState } from "react";
import { call } from "../api/call.ts";
import { Dialog } from "../ui/dialog.tsx";

interface Found {
  readonly kind: string;
  readonly text: string;
  readonly go: () => void;
}

export function Palette({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [found, setFound] = useState<readonly Found[]>([]);
  const [chosen, setChosen] = useState(0);
  const list = useId();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);

  useEffect(() => {
    const wanted = text.trim();
    const to = (kind: string, label: string, go: () => Promise<void>): Found => ({
      kind,
      text: label,
      go: () => {
        onClose();
        void go();
      },
    });
    const pages: Found[] = (
      [
        ["/", "Overview"],
        ["/executions", "Executions"],
        ["/start", "Start an execution"],
        ["/inbox", "Inbox"],
        ["/errors", "Errors"],
        ["/schedules", "Schedules"],
        ["/workflows", "Workflows"],
        ["/deployments", "Deployments"],
        ["/holds", "Holds"],
        ["/jobs", "Jobs"],
        ["/file", "Downloaded history"],
        ["/settings", "Settings"],
      ] as const
    )
      .filter(([, title]) => title.toLowerCase().includes(wanted.toLowerCase()))
      .map(([path, title]) => to("page", title, () => navigate({ to: path })));
    setChosen(0);
    setFound(pages);
    if (wanted === "") return;
    const stop = new AbortController();
    const { signal } = stop;
    const some = <T,>(asked: Promise<T>, use: (answer: T) => Found[]): Promise<Found[]> => asked.then(use, () => []);
    const timer = setTimeout(async () => {
      const results = await Promise.all([
        some(call("getWorkflowExecution", { params: { execution_id: wanted }, signal }), (e) => [
          to("execution", e.execution_id, () => navigate({ to: "/executions/$id", params: { id: e.execution_id } })),
        ]),
        some(call("getRun", { params: { run_id: wanted }, signal }), (e) => [
          to("run", `${wanted} of ${e.execution_id}`, () =>
            navigate({ to: "/executions/$id", params: { id: e.execution_id }, search: { run: wanted } }),
          ),
        ]),
        some(call("getSchedule", { params: { schedule_id: wanted }, signal }), (s) => [
          to("schedule", s.schedule_id, () => navigate({ to: "/schedules/$id", params: { id: s.schedule_id } })),
        ]),
        some(call("getDeployment", { params: { name: wanted }, signal }), (d) => [
          to("deployment", d.name, () => navigate({ to: "/deployments/$name", params: { name: d.name } })),
        ]),
        some(call("getWorkflows", { query: { search: wanted, limit: 5 }, signal }), ({ workflows }) =>
          workflows.map((w) =>
            to("workflow", w.name, () => navigate({ to: "/executions", search: { workflow_identifier: w.name } })),
          ),
        ),
      ]);
      if (!signal.aborted) setFound([...results.flat(), ...pages]);
    }, 150);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, navigate, onClose]);

  return (
    <Dialog title="Find" onClose={onClose}>
      <input
        ref={input}
        role="combobox"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={found[chosen] ? `${list}-${chosen}` : undefined}
        aria-label="An id, or the name of a page"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") setChosen((n) => Math.min(found.length - 1, n + 1));
          else if (event.key === "ArrowUp") setChosen((n) => Math.max(0, n - 1));
          else if (event.key === "Enter") found[chosen]?.go();
          else return;
          event.preventDefault();
        }}
        className="min-h-9 w-full rounded-md border border-line bg-panel px-2.5"
        placeholder="An execution, run, schedule, workflow, deployment…"
        spellCheck={false}
      />
      <div id={list} role="listbox" aria-label="Found" className="mt-2 max-h-80 overflow-auto">
        {found.map((one, i) => (
          <div
            key={`${one.kind} ${one.text}`}
            id={`${list}-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === chosen}
            onClick={one.go}
            onKeyDown={(event) => event.key === "Enter" && one.go()}
            className="flex cursor-pointer justify-between gap-4 rounded px-2 py-1.5 text-sm aria-selected:bg-sunken"
          >
            <span className="truncate">{one.text}</span>
            <span className="text-xs text-soft">{one.kind}</span>
          </div>
        ))}
      </div>
    </Dialog>
  );
}
