/** What a person has chosen for this browser: theme, zone, views. Nothing of the server is kept here. */
import { useSyncExternalStore } from "react";

export interface Preferences {
  readonly theme: "system" | "light" | "dark";
  readonly zone: string;
  /** How points of time are shown. The other form is in their tooltip. */
  readonly times: "clock" | "age";
  /** Saved views of the list of executions, by name: the query of its address. */
  readonly views: Readonly<Record<string, string>>;
  /** Columns that the list of executions shows, in order, with their widths as in its address; null: those that a new browser has. */
  readonly columns: readonly string[] | null;
}

const KEY = "sirocco.preferences";
const INITIAL: Preferences = { theme: "system", zone: "local", times: "clock", views: {}, columns: null };
const listeners = new Set<() => void>();
let current = load();

function load(): Preferences {
  try {
    return { ...INITIAL, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>) };
  } catch {
    return INITIAL;
  }
}

export function prefer(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(current));
  } catch {
    // They last as long as the page.
  }
  applyTheme();
  for (const listener of listeners) listener();
}

export function switchTimes(): void {
  prefer({ times: current.times === "clock" ? "age" : "clock" });
}

export function eraseBrowserData(): void {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
  current = INITIAL;
  applyTheme();
  for (const listener of listeners) listener();
}

export const usePreferences = (): Preferences =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );

const dark = matchMedia("(prefers-color-scheme: dark)");
/** Called when the page, the person or the system changes the theme. `public/theme.js` does it before the first paint. */
export function applyTheme(): void {
  const { theme } = current;
  const isDark = theme === "dark" || (theme === "system" && dark.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
}
dark.addEventListener("change", applyTheme);
