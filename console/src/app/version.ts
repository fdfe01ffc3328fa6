/**
 * Loads a version of the console that was deployed while the page is open. It does so when the person goes to another
 * page, where nothing that they have typed is lost. The fragment of the address survives, so they arrive where they went.
 */
import { writesInFlight } from "../api/call.ts";

const KEY = "sirocco.version";
/** The name of the page's own script changes with each version (CONSOLE-2). */
const SCRIPT = /<script type="module"[^>]+src="([^"]+)"/;

interface Addresses {
  subscribe(listener: (change: { readonly location: { readonly pathname: string } }) => void): () => void;
  readonly location: { readonly pathname: string };
}

export function watchVersion(addresses: Addresses): void {
  const own = SCRIPT.exec(document.documentElement.outerHTML)?.[1];
  let path = addresses.location.pathname;
  let typed = false;
  document.addEventListener(
    "input",
    () => {
      typed = true;
    },
    { capture: true },
  );
  addresses.subscribe(({ location: { pathname } }) => {
    if (pathname === path) return;
    path = pathname;
    typed = false;
    void deployed().then((version) => {
      if (version === undefined || version === own) return;
      // A person who has typed or acted on this page already gets the version at the next one.
      if (typed || writesInFlight() > 0) return;
      if (wasLoadedFor(version)) return;
      location.reload();
    });
  });
}

async function deployed(): Promise<string | undefined> {
  try {
    const { origin, pathname } = location;
    const response = await fetch(origin + pathname, { cache: "no-cache", credentials: "omit" });
    return response.ok ? SCRIPT.exec(await response.text())?.[1] : undefined;
  } catch {
    return undefined; // the panels tell of a server that cannot be reached
  }
}

/** Once for each version: a cache between may go on giving the old page. */
function wasLoadedFor(version: string): boolean {
  try {
    if (sessionStorage.getItem(KEY) === version) return true;
    sessionStorage.setItem(KEY, version);
    return false;
  } catch {
    return true;
  }
}
