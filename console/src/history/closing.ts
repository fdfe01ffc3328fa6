/** Kinds of events that end a run. Written out here so that the protocol's schemas stay out of the browser; a test compares them. */
export const CLOSING_KINDS: ReadonlySet<string> = new Set([
  "execution_completed",
  "execution_failed",
  "execution_cancelled",
  "execution_terminated",
  "execution_timed_out",
  "execution_continued",
]);
export const isClosing = ({ kind }: { readonly kind: string }): boolean => CLOSING_KINDS.has(kind);
