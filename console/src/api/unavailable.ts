/** Operations that this server has answered with 501, with its reason. Their controls stay greyed until the page is loaded again. */
import { useSyncExternalStore } from "react";
import type { Called } from "./operations.ts";

const reasons = new Map<Called, string>();
const listeners = new Set<() => void>();

export function rememberUnavailable(operation: Called, reason: string): void {
  reasons.set(operation, reason);
  for (const listener of listeners) listener();
}

/** Why the server does not have the operation, as far as it has said so. */
export const useUnavailable = (operation: Called | undefined): string | undefined =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => (operation === undefined ? undefined : reasons.get(operation)),
  );
