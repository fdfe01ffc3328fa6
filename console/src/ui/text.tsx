/** Text of others: shown as text, with characters made visible that would hide or turn what stands beside them. */
import { Check, Copy as CopyIcon } from "lucide-react";
import { useState } from "react";

/** Control characters but tab and line ends; marks of direction; characters without width; half surrogate pairs. */
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are made visible
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu;

export const visible = (text: string): string =>
  text.replace(UNSEEN, (c) => `⟨${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩`);

export function Copy({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  return (
    <button
      type="button"
      aria-label={`Copy ${label}`}
      title={`Copy ${label}`}
      className="inline-flex size-6 items-center justify-center rounded text-soft hover:bg-sunken hover:text-ink"
      onClick={async (event) => {
        event.preventDefault();
        await navigator.clipboard.writeText(text);
        setDone(true);
        setTimeout(() => setDone(false), 1_500);
      }}
    >
      {done ? <Check size={13} aria-hidden /> : <CopyIcon size={13} aria-hidden />}
      <span role="status" className="sr-only">
        {done ? "Copied" : ""}
      </span>
    </button>
  );
}

/** Below this length a name stays in one piece, so that columns do not become narrower than it. */
const LONG_NAME = 32;

/** A name in a table. A long one without spaces breaks, at most into two lines; its tooltip has it whole. */
export function Name({ children }: { children: string }) {
  const text = visible(children);
  if (text.length <= LONG_NAME) return text;
  return (
    <span title={text} className="line-clamp-2 [overflow-wrap:anywhere] sm:min-w-48">
      {text}
    </span>
  );
}

export function Mono({ children }: { children: string }) {
  return <span className="font-mono text-[0.92em] [overflow-wrap:anywhere]">{visible(children)}</span>;
}
