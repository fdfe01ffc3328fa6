/** A JSON value of an execution, as text. Long ones are shown in part; encoded ones with a lock and their size. */
import { Lock } from "lucide-react";
import { useMemo, useState } from "react";
import { writeJson } from "../api/json.ts";
import { Button } from "./button.tsx";
import { Copy, visible } from "./text.tsx";

const SHOWN = 16_000;

export const sizeOf = (bytes: number): string =>
  bytes < 1_024
    ? `${bytes} B`
    : bytes < 1_048_576
      ? `${(bytes / 1_024).toFixed(1)} KiB`
      : `${(bytes / 1_048_576).toFixed(1)} MiB`;

export interface Encoded {
  readonly b64payload: string;
  readonly encoding_options?: readonly string[];
}
export const isEncoded = (value: unknown): value is Encoded =>
  typeof value === "object" && value !== null && "b64payload" in value && typeof value.b64payload === "string";

export function Payload({ value, label, loadAll }: { value: unknown; label: string; loadAll?: () => void }) {
  const [all, setAll] = useState(false);
  const text = useMemo(() => writeJson(value, 2), [value]);
  if (isEncoded(value)) return <Sealed value={value} label={label} />;
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
      {(cut || loadAll) && (
        <figcaption className="flex flex-wrap items-center gap-2 border-t border-line px-2.5 py-1.5 text-xs text-soft">
          {cut && (
            <>
              <span>{sizeOf(text.length)} in all.</span>
              <Button onClick={() => setAll(true)}>Show all</Button>
            </>
          )}
          {loadAll && <Button onClick={loadAll}>Load the whole value</Button>}
          <Button onClick={() => download(`${label.replace(/\W+/g, "-")}.json`, text)}>Download</Button>
        </figcaption>
      )}
    </figure>
  );
}

export function Sealed({ value, label }: { value: Encoded; label: string }) {
  const bytes = Math.floor((value.b64payload.length * 3) / 4);
  return (
    <p className="flex items-center gap-2 rounded-md border border-line bg-sunken px-2.5 py-2 text-sm">
      <span className="sr-only">{label}: </span>
      <Lock size={14} aria-hidden />
      {(value.encoding_options ?? []).join(", ") || "encoded"} · {sizeOf(bytes)}
    </p>
  );
}

export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
