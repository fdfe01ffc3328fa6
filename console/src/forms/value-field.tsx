/** One value of a form, by its schema, with the values inside it. */
import { type ReactNode, useId, useState } from "react";
import { isBigNumber, readJson, writeJson } from "../api/json.ts";
import { Button } from "../ui/button.tsx";
import { AreaField, CheckField, SelectField, TextField } from "../ui/field.tsx";
import { type Control, controlOf, firstValue, resolve, type Schema } from "./schema.ts";
import { fits } from "./variant.ts";

export interface ValueProps {
  readonly schema: Schema;
  readonly root: Schema;
  readonly value: unknown;
  /** `undefined` leaves the field out of its object. */
  readonly change: (value: unknown) => void;
  readonly name: string;
  readonly required: boolean;
  /** Without a frame and a title of its own. */
  readonly bare?: boolean;
}

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

export function ValueField(props: ValueProps) {
  const schema = resolve(props.schema, props.root);
  const control = controlOf(schema, props.root);
  const label = (
    <>
      {typeof schema.title === "string" ? schema.title : props.name}
      {!props.required && <span className="font-normal text-soft"> (optional)</span>}
    </>
  );
  const help = typeof schema.description === "string" ? schema.description : undefined;
  // A value that came as JSON and that the control cannot show is kept, and shown as JSON.
  if (props.value !== undefined && !shows(control, props.value))
    return <RawField {...props} label={label} help={help} />;
  switch (control.kind) {
    case "text":
      return (
        <TextField
          label={label}
          help={help}
          value={(props.value as string | undefined) ?? ""}
          placeholder={schema.format === "date-time" ? "2026-01-31T09:30:00Z" : undefined}
          onChange={({ target }) => props.change(target.value === "" && !props.required ? undefined : target.value)}
        />
      );
    case "number":
      return <NumberField {...props} label={label} help={help} />;
    case "boolean":
      return props.required ? (
        <CheckField
          label={label}
          checked={props.value === true}
          onChange={({ target }) => props.change(target.checked)}
        />
      ) : (
        <ChoiceField
          {...props}
          label={label}
          help={help}
          options={[
            { value: true, title: "yes" },
            { value: false, title: "no" },
          ]}
        />
      );
    case "choice":
      return <ChoiceField {...props} label={label} help={help} options={control.options} />;
    case "nullable":
      return <NullableField {...props} inner={control.inner} title={label} />;
    case "variants":
      return <VariantField {...props} variants={control.variants} title={label} />;
    case "object":
    case "record":
    case "list":
      return <Container {...props} control={control} title={label} help={help} />;
    default:
      return <RawField {...props} label={label} help={help} />;
  }
}

function shows(control: Control, value: unknown): boolean {
  switch (control.kind) {
    case "text":
      return typeof value === "string";
    case "number":
      return typeof value === "number" || isBigNumber(value);
    case "boolean":
      return typeof value === "boolean";
    case "object":
    case "record":
      return typeof value === "object" && value !== null && !Array.isArray(value) && !isBigNumber(value);
    case "list":
      return Array.isArray(value);
    case "choice":
      return control.options.some((option) => JSON.stringify(option.value) === JSON.stringify(value));
    default:
      return true;
  }
}

interface Labelled extends ValueProps {
  readonly label: ReactNode;
  readonly help: string | undefined;
}

/** Keeps the digits that were typed; what is no number stays in the field with its problem. */
function NumberField({ value, change, required, label, help }: Labelled) {
  const shown = value === undefined ? "" : writeJson(value);
  const [typed, setTyped] = useState<string>();
  const text = typed ?? shown;
  const isNumber = NUMBER.test(text);
  return (
    <TextField
      label={label}
      help={help}
      inputMode="decimal"
      value={text}
      problem={text !== "" && !isNumber ? "a number is wanted" : undefined}
      onChange={({ target }) => {
        const next = target.value.trim();
        setTyped(target.value);
        if (NUMBER.test(next)) change(readJson(next));
        else if (next === "" && !required) change(undefined);
      }}
    />
  );
}

function ChoiceField({
  value,
  change,
  required,
  label,
  help,
  options,
}: Labelled & { options: readonly { value: unknown; title: string }[] }) {
  const at = options.findIndex((option) => JSON.stringify(option.value) === JSON.stringify(value));
  return (
    <SelectField
      label={label}
      help={help}
      value={at < 0 ? "" : String(at)}
      onChange={({ target }) => change(target.value === "" ? undefined : options[Number(target.value)]?.value)}
      options={[
        ...(required && at >= 0 ? [] : [["", "–"] as const]),
        ...options.map(({ title }, i) => [String(i), title] as const),
      ]}
    />
  );
}

function RawField({ value, change, required, label, help }: Labelled) {
  const [typed, setTyped] = useState<string>();
  const text = typed ?? (value === undefined ? "" : writeJson(value, 2));
  let problem: string | undefined;
  try {
    if (text.trim() !== "") readJson(text);
  } catch {
    problem = "This is not JSON.";
  }
  return (
    <AreaField
      label={label}
      help={help ?? "JSON"}
      rows={3}
      value={text}
      problem={problem}
      onChange={({ target }) => {
        setTyped(target.value);
        if (target.value.trim() === "") change(required ? null : undefined);
        else
          try {
            change(readJson(target.value));
          } catch {
            // The field shows the problem; the last value that was JSON counts.
          }
      }}
    />
  );
}

function NullableField({ inner, title, ...props }: ValueProps & { inner: Schema; title: ReactNode }) {
  const isSet = props.value !== null && props.value !== undefined;
  return (
    <Group title={title} bare={false}>
      <CheckField
        label="has a value"
        checked={isSet}
        onChange={({ target }) =>
          props.change(target.checked ? firstValue(inner, props.root) : props.required ? null : undefined)
        }
      />
      {isSet && <ValueField {...props} schema={inner} required bare />}
    </Group>
  );
}

function VariantField({ variants, title, ...props }: ValueProps & { variants: readonly Schema[]; title: ReactNode }) {
  const [chosen, setChosen] = useState<number>();
  const fitting = variants.findIndex((variant) => fits(variant, props.root, props.value));
  const at = chosen ?? Math.max(0, fitting);
  return (
    <Group title={title} bare={props.bare ?? false}>
      <SelectField
        label="Kind"
        value={String(at)}
        onChange={({ target }) => {
          const next = Number(target.value);
          setChosen(next);
          props.change(firstValue(variants[next] as Schema, props.root));
        }}
        options={variants.map((variant, i) => {
          const { title: name, type } = resolve(variant, props.root);
          return [String(i), String(name ?? type ?? `variant ${i + 1}`)] as const;
        })}
      />
      <ValueField {...props} key={at} schema={variants[at] as Schema} required bare />
    </Group>
  );
}

type ContainerControl = Extract<Control, { kind: "object" | "record" | "list" }>;

function Container({
  control,
  title,
  help,
  ...props
}: ValueProps & { control: ContainerControl; title: ReactNode; help: string | undefined }) {
  if (props.value === undefined) {
    return (
      <Group title={title} bare={props.bare ?? false}>
        <Button onClick={() => props.change(firstValue(props.schema, props.root))}>Add {props.name}</Button>
      </Group>
    );
  }
  return (
    <Group title={title} bare={props.bare ?? false} help={help}>
      {control.kind === "object" && <ObjectFields {...props} control={control} />}
      {control.kind === "record" && <RecordFields {...props} values={control.values} />}
      {control.kind === "list" && <ListFields {...props} items={control.items} />}
      {!props.required && <Button onClick={() => props.change(undefined)}>Leave out {props.name}</Button>}
    </Group>
  );
}

function ObjectFields({
  control,
  root,
  value,
  change,
}: ValueProps & { control: Extract<Control, { kind: "object" }> }) {
  const fields = value as Record<string, unknown>;
  const set = (name: string, next: unknown) => {
    const { [name]: _, ...rest } = fields;
    if (next === undefined) return change(rest);
    // The order of the fields stays, so that JSON does not jump while one types in the form.
    change(name in fields ? { ...fields, [name]: next } : { ...rest, [name]: next });
  };
  return control.properties.map(([name, schema]) => (
    <ValueField
      key={name}
      schema={schema}
      root={root}
      name={name}
      value={fields[name]}
      required={control.required.has(name)}
      change={(next) => set(name, next)}
    />
  ));
}

function RecordFields({ values, root, value, change, name }: ValueProps & { values: Schema }) {
  const fields = value as Record<string, unknown>;
  const [key, setKey] = useState("");
  return (
    <>
      {Object.entries(fields).map(([one, inner]) => (
        <div key={one} className="flex items-end gap-2">
          <div className="flex-1">
            <ValueField
              schema={values}
              root={root}
              name={one}
              value={inner}
              required
              change={(next) => change({ ...fields, [one]: next })}
            />
          </div>
          <Button
            aria-label={`Remove ${one}`}
            onClick={() => {
              const { [one]: _, ...rest } = fields;
              change(rest);
            }}
          >
            ✕
          </Button>
        </div>
      ))}
      <div className="flex items-end gap-2">
        <TextField label={`New key of ${name}`} value={key} onChange={({ target }) => setKey(target.value)} />
        <Button
          disabled={key === "" || key in fields}
          onClick={() => {
            change({ ...fields, [key]: firstValue(values, root) });
            setKey("");
          }}
        >
          Add
        </Button>
      </div>
    </>
  );
}

function ListFields({ items, root, value, change, name }: ValueProps & { items: Schema }) {
  const list = value as readonly unknown[];
  return (
    <>
      {list.map((item, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the place is what identifies an item of a list
        <div key={i} className="flex items-end gap-2">
          <div className="flex-1">
            <ValueField
              schema={items}
              root={root}
              name={`${name} ${i + 1}`}
              value={item}
              required
              change={(next) => change(list.with(i, next))}
            />
          </div>
          <Button aria-label={`Remove ${name} ${i + 1}`} onClick={() => change(list.filter((_, at) => at !== i))}>
            ✕
          </Button>
        </div>
      ))}
      <Button onClick={() => change([...list, firstValue(items, root)])}>Add to {name}</Button>
    </>
  );
}

function Group({
  title,
  help,
  bare,
  children,
}: {
  title: ReactNode;
  help?: string | undefined;
  bare: boolean;
  children: ReactNode;
}) {
  const id = useId();
  if (bare) return <div className="space-y-3">{children}</div>;
  return (
    <fieldset aria-describedby={help ? id : undefined} className="space-y-3 rounded-md border border-line p-3">
      <legend className="px-1 text-xs font-semibold">{title}</legend>
      {help && (
        <p id={id} className="text-xs text-soft">
          {help}
        </p>
      )}
      {children}
    </fieldset>
  );
}
