/** Labelled controls of forms. */
import {
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from "react";

const CONTROL =
  "w-full min-h-8 rounded-md border border-line bg-panel px-2 py-1 text-sm placeholder:text-soft aria-invalid:border-bad";

interface Around {
  readonly label: ReactNode;
  readonly help?: ReactNode;
  readonly problem?: string | undefined;
}

function Field({ label, help, problem, id, children }: Around & { id: string; children: ReactNode }) {
  return (
    <div className="space-y-1">
      <label htmlFor={id} className="block text-xs font-semibold">
        {label}
      </label>
      {children}
      {help && (
        <p id={`${id}-help`} className="text-xs text-soft">
          {help}
        </p>
      )}
      {problem && (
        <p id={`${id}-problem`} role="alert" className="text-xs whitespace-pre-line text-bad">
          {problem}
        </p>
      )}
    </div>
  );
}

const described = (id: string, { help, problem }: Around) => ({
  "aria-describedby": [help && `${id}-help`, problem && `${id}-problem`].filter(Boolean).join(" ") || undefined,
  "aria-invalid": problem ? true : undefined,
});

export function TextField({ label, help, problem, ...rest }: Around & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <Field label={label} help={help} problem={problem} id={id}>
      <input
        id={id}
        className={CONTROL}
        autoComplete="off"
        spellCheck={false}
        {...described(id, { label, help, problem })}
        {...rest}
      />
    </Field>
  );
}

type AreaProps = Around & TextareaHTMLAttributes<HTMLTextAreaElement> & { readonly prose?: boolean };

/** `prose`: in the letters of texts, not of code. */
export function AreaField({ label, help, problem, prose = false, ...rest }: AreaProps) {
  const id = useId();
  return (
    <Field label={label} help={help} problem={problem} id={id}>
      <textarea
        id={id}
        rows={6}
        className={prose ? CONTROL : `${CONTROL} font-mono text-xs`}
        spellCheck={false}
        {...described(id, { label, help, problem })}
        {...rest}
      />
    </Field>
  );
}

export function SelectField({
  label,
  help,
  problem,
  options,
  ...rest
}: Around &
  SelectHTMLAttributes<HTMLSelectElement> & { options: readonly (readonly [value: string, text: string])[] }) {
  const id = useId();
  return (
    <Field label={label} help={help} problem={problem} id={id}>
      <select id={id} className={CONTROL} {...described(id, { label, help, problem })} {...rest}>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </Field>
  );
}

export function CheckField({ label, ...rest }: { label: ReactNode } & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <label className="flex min-h-8 items-center gap-2 text-sm">
      <input type="checkbox" className="size-4 accent-accent" {...rest} />
      {label}
    </label>
  );
}
