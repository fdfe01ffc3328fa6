const nothing = () => {};

/** Calls `fn` once when `signal` aborts, at once if it has aborted already. The answer removes the listener. */
export function onAbort(signal: AbortSignal | undefined, fn: () => void): () => void {
  if (!signal) return nothing;
  if (signal.aborted) {
    fn();
    return nothing;
  }
  signal.addEventListener("abort", fn, { once: true });
  return () => signal.removeEventListener("abort", fn);
}
