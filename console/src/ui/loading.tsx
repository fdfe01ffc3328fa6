/** What a read shows: a skeleton, its answer, or why there is none. Old data stays visible when a repeat fails. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { CallFailed, messageOf } from "../api/failure.ts";
import { Button } from "./button.tsx";

export function Loading<T>({
  read,
  children,
  lines = 3,
}: {
  read: UseQueryResult<T>;
  children: (data: T) => ReactNode;
  lines?: number;
}) {
  if (read.data !== undefined) {
    return (
      <>
        {read.error && <Problem error={read.error} retry={() => void read.refetch()} stale />}
        {children(read.data)}
      </>
    );
  }
  if (read.error) return <Problem error={read.error} retry={() => void read.refetch()} />;
  return <Skeleton lines={lines} />;
}

export function Skeleton({ lines }: { lines: number }) {
  return (
    <div role="status" aria-label="Loading" className="space-y-2 py-1">
      {Array.from({ length: lines }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike
        <div key={i} className="h-4 animate-pulse rounded bg-sunken" style={{ width: `${90 - ((i * 23) % 50)}%` }} />
      ))}
    </div>
  );
}

const OF_EXECUTION = /^There is no (execution|run) /;

export function Problem({ error, retry, stale }: { error: unknown; retry?: () => void; stale?: boolean }) {
  const failed = error instanceof CallFailed ? error : undefined;
  return (
    <div role="alert" className="my-2 rounded-md border border-bad bg-bad-bg px-3 py-2 text-sm text-ink">
      <p className="font-medium whitespace-pre-line">{messageOf(error)}</p>
      <div className="mt-1 flex flex-wrap items-center gap-3 text-xs">
        {failed?.code && <span className="font-mono">{failed.code}</span>}
        {failed?.status === 404 && OF_EXECUTION.test(failed.message) && (
          <span>Closed executions are deleted when their retention time ends.</span>
        )}
        {stale && <span>What you see below is older.</span>}
        {retry && <Button onClick={retry}>Try again</Button>}
      </div>
    </div>
  );
}
