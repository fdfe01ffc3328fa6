/** A JSON value of an execution, as text. Long ones are shown in part; encoded ones with a lock and their size. */
import { Lock, LockOpen } from "lucide-react";
import { useMemo, useState } from "react";
import { writeJson } from "../api/json.ts";
import type { Closed as WhyClosed } from "../encoding/decode.ts";
import { bytesIn, type Encoded, isEncoded } from "../encoding/forms.ts";
import { KeyDialog } from "../encoding/key-dialog.tsx";
import { useDecoded } from "../encoding/use-decoded.ts";
import { Button } from "./button.tsx";
import { download } from "./download.ts";
import { Skeleton } from "./loading.tsx";
import { Copy, visible } from "./text.tsx";

const SHOWN = 16_000;

const UNITS = ["KiB", "MiB", "GiB"];

export function sizeOf(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const power = Math.min(UNITS.length, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1_024 ** power).toFixed(1)} ${UNITS[power - 1]}`;
}

export function Payload({ value, label, loadAll }: { value: unknown; label: string; loadAll?: () => void }) {
  const [all, setAll] = useState(false);
  const decoded = useDecoded(value);
  const shown = decoded?.value;
  const text = useMemo(() => writeJson(shown, 2), [shown]);
  if (!decoded) return <Skeleton lines={1} />;
  if (isEncoded(value) && decoded.closed && decoded.closed.fault !== "partly")
    return <Sealed value={value} label={label} closed={decoded.closed} />;
  const cut = text.length > SHOWN && !all;
  return (
    <figure className="group relative rounded-md border border-line bg-sunken" aria-label={label}>
      <div className="absolute top-1 right-1 opacity-60 group-focus-within:opacity-100 group-hover:opacity-100">
        <Copy text={text} label={label} />
      </div>
      <pre tabIndex={0} className="max-h-96 overflow-auto p-2.5 pr-8 font-mono text-xs break-words whitespace-pre-wrap">
        {visible(cut ? text.slice(0, SHOWN) : text)}
        {cut && "…"}
      </pre>
      {(cut || loadAll || decoded.opened) && (
        <figcaption className="flex flex-wrap items-center gap-2 border-t border-line px-2.5 py-1.5 text-xs text-soft">
          {cut && (
            <>
              <span>{sizeOf(text.length)} in all.</span>
              <Button onClick={() => setAll(true)}>Show all</Button>
            </>
          )}
          {loadAll && <Button onClick={loadAll}>Load the whole value</Button>}
          {(cut || loadAll) && (
            <Button onClick={() => download(`${label.replace(/\W+/g, "-")}.json`, text)}>Download</Button>
          )}
          {decoded.opened && !decoded.closed && (
            <span className="inline-flex items-center gap-1">
              <LockOpen size={12} aria-hidden /> Decoded in this browser
            </span>
          )}
          {decoded.closed && <Closed closed={decoded.closed} value={value} />}
        </figcaption>
      )}
    </figure>
  );
}

/** A payload that stays closed: what was done to it, its size, why, and how to open it. */
export function Sealed({ value, label, closed }: { value: Encoded; label: string; closed?: WhyClosed }) {
  return (
    <div className="space-y-1 rounded-md border border-line bg-sunken px-2.5 py-2 text-sm">
      <p className="flex items-center gap-2">
        <span className="sr-only">{label}: </span>
        <Lock size={14} aria-hidden />
        {(value.encoding_options ?? []).join(", ") || "encoded"} · {sizeOf(bytesIn(value.b64payload))}
      </p>
      {closed && (
        <p className="flex flex-wrap items-center gap-2 text-xs text-soft">
          <Closed closed={closed} value={value} />
        </p>
      )}
    </div>
  );
}

function Closed({ closed, value }: { closed: WhyClosed; value: unknown }) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <span>{visible(closed.message)}</span>
      {(closed.fault === "key" || closed.fault === "partly") && (
        <Button onClick={() => setAsking(true)}>Decrypt here</Button>
      )}
      {asking && <KeyDialog value={value} close={() => setAsking(false)} />}
    </>
  );
}
