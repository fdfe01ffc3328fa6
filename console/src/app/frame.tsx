/** What is around every screen: navigation, the state of the live stream, zone and theme, and the search for ids. */
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import {
  CalendarClock,
  CirclePause,
  Gauge,
  Inbox as InboxIcon,
  Layers,
  ListChecks,
  type LucideIcon,
  Menu,
  Play,
  Rows3,
  Search,
  Settings as SettingsIcon,
  TriangleAlert,
  Workflow,
} from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useRead } from "../api/use.ts";
import { useLiveStatus } from "../live/index.tsx";
import { pause, usePaused } from "../live/pause.ts";
import { Button } from "../ui/button.tsx";
import { Guard } from "../ui/panel.tsx";
import { span, zoneName } from "../ui/time.tsx";
import { Announcer } from "./announcer.tsx";
import { useDroppedFile } from "./drop.ts";
import { Palette } from "./palette.tsx";
import { prefer, usePreferences } from "./preferences.ts";
import { useCaller, useMayWrite } from "./rights.tsx";
import { ASKS } from "./search.ts";
import { Shortcuts, useShortcuts } from "./shortcuts.tsx";
import { tellAsked } from "./title.ts";

const PAGES: readonly (readonly [to: string, title: string, icon: LucideIcon])[] = [
  ["/", "Overview", Gauge],
  ["/executions", "Executions", Rows3],
  ["/inbox", "Inbox", InboxIcon],
  ["/errors", "Errors", TriangleAlert],
  ["/schedules", "Schedules", CalendarClock],
  ["/workflows", "Workflows", Workflow],
  ["/deployments", "Deployments", Layers],
  ["/holds", "Holds", CirclePause],
  ["/jobs", "Jobs", ListChecks],
  ["/settings", "Settings", SettingsIcon],
];

export function Frame() {
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const [menu, setMenu] = useState(false);
  const main = useRef<HTMLElement>(null);
  const path = useRouterState({ select: ({ location }) => location.pathname });
  useDroppedFile();
  useShortcuts({ palette: () => setPalette(true), help: () => setHelp(true) });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page closes the menu
  useEffect(() => setMenu(false), [path]);
  return (
    <div className="grid min-h-dvh grid-cols-1 grid-rows-[auto_minmax(0,1fr)] md:grid-rows-1 md:grid-cols-[13rem_minmax(0,1fr)]">
      <button
        type="button"
        onClick={() => main.current?.focus()}
        className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-panel focus:p-2"
      >
        To the content
      </button>
      <aside className="border-line md:sticky md:top-0 md:h-dvh md:border-r">
        <div className="flex items-center justify-between gap-2 px-4 py-3">
          <Link to="/" className="font-semibold tracking-tight">
            Sirocco
          </Link>
          <Button
            look="quiet"
            className="md:hidden"
            aria-expanded={menu}
            aria-controls="nav"
            onClick={() => setMenu(!menu)}
          >
            <Menu size={16} aria-hidden />
            Menu
          </Button>
        </div>
        <nav id="nav" aria-label="Pages" className={`${menu ? "block" : "hidden"} px-2 pb-3 md:block`}>
          <ul className="space-y-0.5">
            {PAGES.map(([to, title, Icon]) => (
              <li key={to}>
                <Link
                  to={to}
                  activeOptions={{ exact: to === "/", includeSearch: false }}
                  className="flex min-h-9 items-center gap-2.5 rounded-md px-2.5 text-sm text-soft hover:bg-sunken hover:text-ink aria-[current=page]:bg-sunken aria-[current=page]:font-semibold aria-[current=page]:text-ink"
                >
                  <Icon size={16} aria-hidden />
                  {title}
                  {to === "/inbox" && <OpenInputs />}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
      </aside>
      <div className="min-w-0">
        <Top openPalette={() => setPalette(true)} />
        <main ref={main} id="main" tabIndex={-1} className="mx-auto max-w-[100rem] space-y-4 p-4 outline-none md:p-6">
          <Guard key={path}>
            <Outlet />
          </Guard>
        </main>
      </div>
      <Announcer />
      {palette && <Palette onClose={() => setPalette(false)} />}
      {help && <Shortcuts onClose={() => setHelp(false)} />}
    </div>
  );
}

function Top({ openPalette }: { openPalette: () => void }) {
  const caller = useCaller();
  const may = useMayWrite();
  return (
    <header className="sticky top-0 z-20 flex flex-wrap items-center justify-between gap-2 border-b border-line bg-ground/95 px-4 py-2 backdrop-blur md:px-6">
      <Button onClick={openPalette} className="justify-start text-soft md:min-w-40" aria-keyshortcuts="Control+K">
        <Search size={14} aria-hidden />
        Find an id
        <kbd className="ml-auto font-sans text-xs max-md:hidden">Ctrl K</kbd>
      </Button>
      <div className="flex flex-wrap items-center gap-2">
        {!may && <span className="rounded bg-warn-bg px-2 py-1 text-xs font-semibold text-warn">Read only</span>}
        <Dot />
        <span className="hidden items-center gap-2 md:flex">
          <ZoneSwitch />
          <ThemeSwitch />
        </span>
        <span className="hidden max-w-40 truncate text-xs text-soft lg:inline" title={`Workspace ${caller?.workspace}`}>
          {caller?.key_name}
        </span>
        <Link
          to="/start"
          className="inline-flex min-h-8 items-center gap-1.5 rounded-md bg-accent px-2.5 py-1 text-sm font-medium text-on-accent hover:brightness-110"
        >
          <Play size={13} aria-hidden />
          Start
        </Link>
      </div>
    </header>
  );
}

/** How many executions ask a person. */
function OpenInputs() {
  const counts = useRead("countRuns", { query: { ...ASKS } }, { staleTime: 20_000, refetchInterval: 60_000 });
  const open = counts.data?.counts.find(({ status }) => status === "RUNNING");
  const text = open && open.count > 0 ? `${open.count}${open.more ? "+" : ""}` : "";
  useEffect(() => tellAsked(text), [text]);
  if (text === "") return null;
  return (
    <span className="ml-auto rounded-full bg-accent px-1.5 text-xs font-semibold text-on-accent">
      {text}
      <span className="sr-only"> open</span>
    </span>
  );
}

/** Says whether what is shown is live, and for how long it has not been. */
function Dot() {
  const { state, since, why } = useLiveStatus();
  const paused = usePaused();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (state === "live") return;
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [state]);
  const age = span(Math.max(0, now - since));
  const text = paused
    ? "paused"
    : state === "live"
      ? "live"
      : state === "connecting"
        ? "connecting"
        : `reconnecting, ${age}`;
  const colour = paused ? "bg-still" : state === "live" ? "bg-good" : "bg-warn";
  return (
    <button
      type="button"
      title={why ? `${why} Click to ${paused ? "go on" : "pause"}.` : paused ? "Go on" : "Pause changes"}
      aria-label={`Updates: ${text}. ${paused ? "Go on" : "Pause"}`}
      onClick={() => pause(!paused)}
      className="inline-flex min-h-8 items-center gap-1.5 rounded-md px-2 text-xs text-soft hover:bg-sunken"
    >
      <span aria-hidden className={`size-2 rounded-full ${colour}`} />
      <span data-testid="live">{text}</span>
    </button>
  );
}

function ZoneSwitch() {
  const { zone } = usePreferences();
  const zones = [...new Set(["local", "UTC", zone])];
  return (
    <select
      aria-label="Time zone"
      value={zone}
      onChange={(event) => prefer({ zone: event.target.value })}
      className="min-h-8 max-w-40 rounded-md border border-line bg-panel px-1.5 text-xs"
    >
      {zones.map((one) => (
        <option key={one} value={one}>
          {one === "local" ? `Local (${zoneName("local")})` : one}
        </option>
      ))}
    </select>
  );
}

function ThemeSwitch() {
  const { theme } = usePreferences();
  return (
    <select
      aria-label="Theme"
      value={theme}
      onChange={(event) => prefer({ theme: event.target.value as typeof theme })}
      className="min-h-8 rounded-md border border-line bg-panel px-1.5 text-xs"
    >
      <option value="system">System</option>
      <option value="light">Light</option>
      <option value="dark">Dark</option>
    </select>
  );
}
