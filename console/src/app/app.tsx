/** The whole page: Connect without a key, else the screens with the caller's rights and the live events. */
import { RouterProvider } from "@tanstack/react-router";
import { useEffect, useSyncExternalStore } from "react";
import { type Session, session, subscribe } from "../api/session.ts";
import { queries, useRead } from "../api/use.ts";
import { LiveProvider } from "../live/index.tsx";
import { Connect } from "../screens/connect.tsx";
import { Problem, Skeleton } from "../ui/loading.tsx";
import { AgesContext, ZoneProvider } from "../ui/time.tsx";
import { usePreferences } from "./preferences.ts";
import { CallerProvider } from "./rights.tsx";
import { router } from "./router.tsx";
import { ToastProvider } from "./toasts.tsx";

export function App() {
  const current = useSyncExternalStore(subscribe, session);
  const { zone, times } = usePreferences();
  return (
    <ZoneProvider value={zone}>
      <AgesContext value={times === "age"}>
        <ToastProvider>{current ? <Connected key={current.key} session={current} /> : <Connect />}</ToastProvider>
      </AgesContext>
    </ZoneProvider>
  );
}

function Connected({ session: { base } }: { session: Session }) {
  useEffect(() => () => queries.clear(), []);
  const caller = useRead("whoAmI", {}, { staleTime: 60_000 });
  if (!caller.data) {
    return (
      <main className="mx-auto max-w-lg p-8">
        <h1 className="sr-only">Sirocco</h1>
        {caller.error ? <Problem error={caller.error} retry={() => void caller.refetch()} /> : <Skeleton lines={5} />}
      </main>
    );
  }
  return (
    <CallerProvider value={caller.data}>
      <LiveProvider name={`sirocco ${base} ${caller.data.workspace}`}>
        <RouterProvider router={router} />
      </LiveProvider>
    </CallerProvider>
  );
}
