import clsx from "clsx";
import type { ButtonHTMLAttributes } from "react";
import type { Called } from "../api/operations.ts";
import { useUnavailable } from "../api/unavailable.ts";
import { useMayWrite } from "../app/rights.tsx";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: "plain" | "strong" | "danger" | "quiet";
  /** The button changes something on the server: without the right to, it is disabled and says so. */
  readonly writes?: boolean;
  readonly busy?: boolean;
  /** What it calls: where the server has answered 501 to it, the button is disabled and gives the server's reason. */
  readonly operation?: Called;
}

const LOOKS = {
  plain: "border border-line bg-panel hover:bg-sunken",
  strong: "bg-accent text-on-accent hover:brightness-110",
  danger: "border border-bad text-bad bg-panel hover:bg-bad-bg",
  quiet: "text-soft hover:bg-sunken hover:text-ink",
};

export function Button(props: Props) {
  const { look = "plain", writes = false, busy = false, operation, disabled, className, title, ...rest } = props;
  const may = useMayWrite();
  const missing = useUnavailable(operation);
  const refusal = missing ?? (writes && !may ? "This API key may only read." : undefined);
  return (
    <button
      type="button"
      {...rest}
      {...(writes && { "data-write": "" })}
      disabled={disabled || busy || refusal !== undefined}
      aria-busy={busy || undefined}
      title={refusal ?? title}
      className={clsx(
        "inline-flex min-h-8 items-center justify-center gap-1.5 rounded-md px-2.5 py-1 text-sm font-medium whitespace-nowrap",
        "disabled:opacity-55",
        LOOKS[look],
        className,
      )}
    />
  );
}
