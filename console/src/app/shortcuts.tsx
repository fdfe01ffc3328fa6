/** The keys of the console. None acts while a person types. */
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { Dialog } from "../ui/dialog.tsx";
import { switchTimes } from "./preferences.ts";

const GO: Readonly<Record<string, readonly [to: string, title: string]>> = {
  o: ["/", "Overview"],
  e: ["/executions", "Executions"],
  i: ["/inbox", "Inbox"],
  x: ["/errors", "Errors"],
  s: ["/schedules", "Schedules"],
  w: ["/workflows", "Workflows"],
  d: ["/deployments", "Deployments"],
  h: ["/holds", "Holds"],
  j: ["/jobs", "Jobs"],
};

interface Actions {
  readonly palette: () => void;
  readonly help: () => void;
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

export function useShortcuts(actions: Actions): void {
  const navigate = useNavigate();
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    let afterG = 0;
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        latest.current.palette();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.composedPath()[0] ?? null)) return;
      if (document.querySelector("dialog[open]")) return;
      const go = event.timeStamp - afterG < 1_500 ? GO[event.key] : undefined;
      afterG = event.key === "g" ? event.timeStamp : 0;
      if (go) void navigate({ to: go[0] });
      else if (event.key === "?") latest.current.help();
      else if (event.key === "n") void navigate({ to: "/start" });
      else if (event.key === "t") switchTimes();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [navigate]);
}

export function Shortcuts({ onClose }: { onClose: () => void }) {
  const rows: [string, string][] = [
    ["Ctrl K", "Find an id, or go to a page"],
    ["n", "Start an execution"],
    ["t", "Show times as clock, or as age"],
    ...Object.entries(GO).map(([key, [, title]]): [string, string] => [`g ${key}`, title]),
    ["← →", "Move between tabs"],
    ["+ − 0", "Zoom in the timeline, and show all of it"],
    ["Esc", "Close a dialog"],
    ["?", "This list"],
  ];
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl className="grid grid-cols-[6rem_1fr] gap-y-1.5 text-sm">
        {rows.map(([keys, does]) => (
          <div key={keys} className="contents">
            <dt>
              <kbd className="rounded border border-line bg-sunken px-1.5 font-mono text-xs">{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
