/** A value with its encoded payloads opened, as far as the keys of this browser go. */
import { useEffect, useMemo, useState } from "react";
import type { Within } from "./decode.ts";
import { holdsEncoded } from "./forms.ts";
import { useKeys } from "./keys.ts";

/** Undefined while it is being decoded. `opened`: something in it was encoded. */
export function useDecoded(value: unknown): (Within & { readonly opened: boolean }) | undefined {
  const keys = useKeys();
  const encoded = useMemo(() => holdsEncoded(value), [value]);
  const [found, setFound] = useState<{ readonly of: unknown; readonly keys: readonly string[]; readonly is: Within }>();
  useEffect(() => {
    if (!encoded) return;
    let isCurrent = true;
    import("./decode.ts")
      .then(({ decodedWithin }) => decodedWithin(value, keys))
      .then((is) => isCurrent && setFound({ of: value, keys, is }));
    return () => {
      isCurrent = false;
    };
  }, [encoded, value, keys]);
  if (!encoded) return { value, closed: undefined, opened: false };
  const isFound = found !== undefined && found.of === value && found.keys === keys;
  return isFound ? { ...found.is, opened: true } : undefined;
}
