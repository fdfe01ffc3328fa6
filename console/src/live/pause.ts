/** Whether the person holds changes back: nothing that is shown is read again until they go on. */
import { useSyncExternalStore } from "react";

let paused = false;
const listeners = new Set<() => void>();

export const isPaused = (): boolean => paused;

export function pause(next: boolean): void {
  paused = next;
  for (const listener of [...listeners]) listener();
}

export function onPause(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const usePaused = (): boolean => useSyncExternalStore(onPause, isPaused);
