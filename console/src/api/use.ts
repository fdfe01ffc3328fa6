/** Reads of the API as React hooks. The key of a read is its operation and arguments; `refresh` finds them by these. */
import { keepPreviousData, QueryClient, type UseQueryOptions, useMutation, useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { isPaused, usePaused } from "../live/pause.ts";
import { call } from "./call.ts";
import { CallFailed } from "./failure.ts";
import type { Answer, Called, CallOf } from "./operations.ts";

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      gcTime: 60_000,
      refetchOnWindowFocus: () => !isPaused(),
      // The server's own refusals do not change by themselves.
      retry: (count, error) => error instanceof CallFailed && (error.status === 0 || error.status === 503) && count < 2,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

type Settings<O extends Called> = Pick<UseQueryOptions<Answer<O>>, "enabled" | "refetchInterval" | "staleTime"> & {
  /** Shows the answer to the former arguments until the new one comes. */
  readonly keep?: boolean;
};

export const keyOf = <O extends Called>(operation: O, options: CallOf<O>) =>
  [operation, options.params ?? null, options.query ?? null, options.body ?? null] as const;

export function useRead<O extends Called>(operation: O, options: CallOf<O>, { keep, ...settings }: Settings<O> = {}) {
  const paused = usePaused();
  return useQuery<Answer<O>>({
    queryKey: keyOf(operation, options),
    queryFn: ({ signal }) => call(operation, { ...options, signal }),
    ...(keep && { placeholderData: keepPreviousData as never }),
    ...settings,
    ...(paused && { refetchInterval: false as const }),
  });
}

/** An action of the person. It runs once even if it is asked for twice, and afterwards all that is shown is read again. */
export function useAction<O extends Called>(operation: O) {
  const flying = useRef<Promise<Answer<O>> | null>(null);
  return useMutation<Answer<O>, Error, CallOf<O>>({
    mutationFn: (options) => {
      flying.current ??= call(operation, options).finally(() => {
        flying.current = null;
      });
      return flying.current;
    },
    // What was deleted is not read again: its page is about to close. Nobody waits for the reads: they may take away the
    // dialog that is to tell the outcome.
    onSettled: () => {
      void queries.invalidateQueries(operation === "unscheduleWorkflow" ? { queryKey: ["getSchedules"] } : {});
    },
  });
}
