/**
 * The clock of the server, from the header `Date` of its answers, which has whole seconds. Ages are told by it, because the
 * clock of the browser may be wrong.
 */

/** Below this the difference may be the rounding of the header, or the way of the answer. */
const ROUNDING_MS = 2_000;

let offsetMs = 0;
const listeners = new Set<() => void>();

export function serverSays(date: string | null): void {
  const at = Date.parse(date ?? "");
  if (Number.isNaN(at)) return;
  const difference = at + 500 - Date.now();
  const next = Math.abs(difference) < ROUNDING_MS ? 0 : difference;
  if (Math.abs(next - offsetMs) < ROUNDING_MS) return;
  offsetMs = next;
  for (const listener of listeners) listener();
}

export const serverNow = (): number => Date.now() + offsetMs;

export function onClock(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
