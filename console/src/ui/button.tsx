import clsx from "clsx";
import type { ButtonHTMLAttributes } from "react";
import { useMayWrite } from "../app/rights.tsx";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: "plain" | "strong" | "danger" | "quiet";
  /** The button changes something on the server: without the right to, it is disabled and says so. */
  readonly writes?: boolean;
  readonly busy?: boolean;
}

const LOOKS = {
  plain: "border border-line bg-panel hover:bg-sunken",
  strong: "bg-accent text-on-accent hover:brightness-110",
  danger: "border border-bad text-bad bg-panel hover:bg-bad-bg",
  quiet: "text-soft hover:bg-sunken hover:text-ink",
};

export function Button({ look = "plain", writes = false, busy = false, disabled, className, title, ...rest }: Props) {
  const may = useMayWrite();
  const refused = writes && !may;
  return (
    <button
      type="button"
      {...rest}
      {...(writes && { "data-write": "" })}
      disabled={disabled || busy || refused}
      aria-busy={busy || undefined}
      title={refused ? "This API key may only read." : title}
      className={clsx(
        "inline-flex min-h-8 items-center justify-center gap-1.5 rounded-md px-2.5 py-1 text-sm font-medium whitespace-nowrap",
        "disabled:opacity-55",
        LOOKS[look],
        className,
      )}
    />
  );
}
