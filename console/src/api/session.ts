/**
 * The key with which the page calls the API.
 *
 * SESSION-1. The key is kept in memory and in the tab's `sessionStorage`; in `localStorage` only where the person asked for
 *     that. It travels in the header `Authorization`, never in a cookie or an address.
 * SESSION-2. `sirocco dev` hands the key over in the fragment of the address, which browsers do not send. The page takes
 *     it out of the address before anything else runs.
 * SESSION-3. A new tab asks the open tabs of the same address for the key, over a channel that only pages of this origin
 *     hear. Otherwise each link that is opened in a new tab would ask for the key. To forget it in one tab forgets it in all.
 */
import { apiBase } from "./address.ts";

const KEY = "sirocco.key";

export interface Session {
  /** Ends with a slash. */
  readonly base: string;
  readonly key: string;
}

type Note =
  | { readonly kind: "ask" }
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "forget"; readonly key: string };

let current: Session | null = null;
let tabs: BroadcastChannel | null = null;
const listeners = new Set<() => void>();

function changed(): void {
  for (const listener of listeners) listener();
}

/** Called once, before the router reads the address. */
export function begin(): void {
  const base = apiBase(location.href);
  tabs = new BroadcastChannel(`sirocco key ${base}`);
  tabs.onmessage = ({ data }) => hear(data as Note, base);
  const handed = /^#key=([^&]+)/.exec(location.hash);
  if (handed) {
    history.replaceState(null, "", `${location.pathname}${location.search}#/`);
    keep({ base, key: decodeURIComponent(handed[1] as string) }, false);
    return;
  }
  const key = read(sessionStorage) ?? read(localStorage);
  current = key ? { base, key } : null;
  if (!key) tell({ kind: "ask" });
}

const tell = (note: Note): void => tabs?.postMessage(note);

/** SESSION-3. */
function hear(note: Note, base: string): void {
  if (note.kind === "ask" && current) tell({ kind: "key", key: current.key });
  else if (note.kind === "key" && !current) keep({ base, key: note.key }, false);
  else if (note.kind === "forget" && current?.key === note.key) drop();
}

function read(storage: Storage): string | null {
  try {
    return storage.getItem(KEY);
  } catch {
    return null; // the browser refuses storage to this page
  }
}

export function keep(session: Session, remember: boolean): void {
  current = session;
  try {
    sessionStorage.setItem(KEY, session.key);
    if (remember) localStorage.setItem(KEY, session.key);
  } catch {
    // The key stays in memory.
  }
  changed();
}

/** The next page shows Connect. */
export function forget(): void {
  if (current) tell({ kind: "forget", key: current.key });
  drop();
}

function drop(): void {
  current = null;
  try {
    sessionStorage.removeItem(KEY);
    localStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
  changed();
}

export const session = (): Session | null => current;
export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
