/** Operations of the API that this server does not have, each greyed, with the reason that `/openapi.json` gives. */
import { useId } from "react";
import { useRead } from "../api/use.ts";
import { Button } from "./button.tsx";

interface Described {
  readonly operationId?: string;
  readonly "x-unavailable"?: string;
}

/** `paths`: those whose operations belong here. */
export function Unavailable({ title, paths }: { title: string; paths: (path: string) => boolean }) {
  const id = useId();
  const read = useRead("getOpenApi", {}, { staleTime: Number.POSITIVE_INFINITY });
  const all = Object.entries((read.data?.paths ?? {}) as Record<string, Record<string, Described>>)
    .filter(([path]) => paths(path))
    .flatMap(([, methods]) => Object.values(methods))
    .filter((operation) => operation["x-unavailable"] !== undefined);
  if (all.length === 0) return null;
  const reasons = [...new Set(all.map((operation) => operation["x-unavailable"] as string))];
  return (
    <section aria-label={title} className="space-y-2 text-sm">
      <div className="flex flex-wrap gap-1.5">
        {all.map((operation) => {
          const reason = operation["x-unavailable"] as string;
          return (
            <Button
              key={operation.operationId}
              disabled
              title={reason}
              aria-describedby={`${id}-${reasons.indexOf(reason)}`}
              data-operation={operation.operationId}
            >
              {wordsOf(operation.operationId ?? "")}
            </Button>
          );
        })}
      </div>
      {reasons.map((reason, i) => (
        <p key={reason} id={`${id}-${i}`} className="text-soft">
          {reason}
        </p>
      ))}
    </section>
  );
}

/** `restartDeployment` becomes `Restart deployment`. */
const wordsOf = (operation: string): string => {
  const words = operation.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
};
