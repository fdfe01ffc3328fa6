/** One of a few views of the same thing, as buttons that are joined. */
interface Option {
  readonly name: string;
  readonly isChosen: boolean;
  readonly choose: () => void;
  /** Why it cannot be chosen now. */
  readonly why?: string | undefined;
}

interface Props {
  readonly label: string;
  /** Stands before the buttons. */
  readonly title?: string;
  readonly options: readonly Option[];
}

export function Choice({ label, title, options }: Props) {
  const buttons = options.length > 0 && (
    <div role="group" aria-label={label} className="flex overflow-hidden rounded-md border border-line text-xs">
      {options.map(({ name, isChosen, choose, why }) => (
        <button
          key={name}
          type="button"
          aria-pressed={isChosen}
          disabled={why !== undefined && !isChosen}
          title={why}
          onClick={choose}
          className="min-h-7 border-l border-line px-2.5 first:border-l-0 hover:bg-sunken disabled:opacity-55 aria-pressed:bg-sunken aria-pressed:font-semibold"
        >
          {name}
        </button>
      ))}
    </div>
  );
  if (title === undefined) return buttons;
  return (
    <div className="flex min-h-7 items-center justify-between gap-2">
      <span className="text-xs font-semibold">{title}</span>
      {buttons}
    </div>
  );
}
