/** Gives the page its live events, and their state for the dot in the frame. */
import { createContext, type ReactNode, useContext, useEffect, useMemo, useSyncExternalStore } from "react";
import type { StreamEventPayload } from "../../../shared/protocol/http/events.ts";
import { Live, type LiveStatus } from "./live.ts";
import { Refresh } from "./refresh.ts";

const Context = createContext<{ live: Live; refresh: Refresh } | null>(null);

export function LiveProvider({ name, children }: { name: string; children: ReactNode }) {
  const parts = useMemo(() => ({ live: new Live(name), refresh: new Refresh() }), [name]);
  useEffect(() => {
    const off = parts.live.onEvent((event) => parts.refresh.take(event));
    return () => {
      off();
      parts.live.close();
      parts.refresh.close();
    };
  }, [parts]);
  return <Context value={parts}>{children}</Context>;
}

function useParts() {
  const parts = useContext(Context);
  if (!parts) throw new Error("there is no LiveProvider above");
  return parts;
}

export function useLiveStatus(): LiveStatus {
  const { live } = useParts();
  return useSyncExternalStore(
    (listener) => live.onStatus(listener),
    () => live.status,
  );
}

export const useRefresh = (): Refresh => useParts().refresh;

export function useLiveEvents(listener: (event: StreamEventPayload) => void): void {
  const { live } = useParts();
  useEffect(() => live.onEvent(listener), [live, listener]);
}
