/** One value of a form, by its schema, with the values inside it. */
import { createContext, type ReactNode, useContext, useEffect, useId, useRef, useState } from "react";
import { isBigNumber, readJson, writeJson } from "../api/json.ts";
import { Button } from "../ui/button.tsx";
import { AreaField, CheckField, SelectField, TextField } from "../ui/field.tsx";
import { type Control, controlOf, firstValue, resolve, type Schema } from "./schema.ts";
import { variantOf } from "./variant.ts";

/** Tells the form whether a field holds a text that is no JSON, so that the form is not sent with the value of before. */
export const Broken = createContext<(field: string, broken: boolean) => void>(() => {});

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
      return <StringField {...props} schema={schema} label={label} help={help} />;
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
    case "tuple":
    case "list":
      return <Container {...props} control={control} title={label} help={help} />;
    case "json":
      return <RawField {...props} label={label} help={help ?? `Written as JSON, because ${control.why}.`} />;
  }
}

function shows(control: Control, value: unknown): boolean {
  switch (control.kind) {
    case "text":
      return typeof value === "string";
    case "number":
      return typeof value === "number" || isBigNumber(value) || typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    case "object":
    case "record":
      return typeof value === "object" && value !== null && !Array.isArray(value) && !isBigNumber(value);
    case "list":
      return Array.isArray(value);
    case "tuple":
      return Array.isArray(value) && value.length === control.items.length;
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

const EXAMPLES: Readonly<Record<string, string>> = {
  "date-time": "2026-01-31T09:30:00Z",
  date: "2026-01-31",
  time: "09:30:00Z",
  duration: "PT15M",
  email: "ada@example.com",
  uri: "https://example.com",
  uuid: "00000000-0000-4000-8000-000000000000",
};
/** From so many characters on a text has a field of several lines. */
const LONG_TEXT = 200;

function StringField({ schema, value, change, required, label, help }: Labelled) {
  const text = (value as string | undefined) ?? "";
  const set = (next: string) => change(next === "" && !required ? undefined : next);
  const [example] = Array.isArray(schema.examples) ? schema.examples : [];
  const placeholder = typeof example === "string" ? example : EXAMPLES[String(schema.format)];
  const isLong = typeof schema.maxLength === "number" && schema.maxLength >= LONG_TEXT;
  // A field of one line would drop the ends of lines.
  if (text.includes("\n") || isLong || schema.format === "textarea") {
    return (
      <AreaField
        label={label}
        help={help}
        prose
        rows={Math.min(12, text.split("\n").length + 1)}
        value={text}
        placeholder={placeholder}
        onChange={({ target }) => set(target.value)}
      />
    );
  }
  return (
    <TextField
      label={label}
      help={help}
      type={schema.format === "password" || schema.writeOnly === true ? "password" : "text"}
      value={text}
      placeholder={placeholder}
      onChange={({ target }) => set(target.value)}
      onPaste={(event) => {
        const pasted = event.clipboardData.getData("text");
        if (!pasted.includes("\n")) return;
        event.preventDefault();
        const { selectionStart: from, selectionEnd: to } = event.currentTarget;
        set(text.slice(0, from ?? text.length) + pasted.replaceAll("\r\n", "\n") + text.slice(to ?? text.length));
      }}
    />
  );
}

/** Keeps the digits that were typed. A text that is no number is the value, so that JSON and server see what the field shows. */
function NumberField({ value, change, required, label, help }: Labelled) {
  const isText = typeof value === "string";
  const shown = value === undefined ? "" : isText ? value : writeJson(value);
  // `2.50` is the number 2.5, and stays `2.50` while one types.
  const [typed, setTyped] = useState("");
  const text = !isText && NUMBER.test(typed) && writeJson(readJson(typed)) === shown ? typed : shown;
  return (
    <TextField
      label={label}
      help={help}
      inputMode="decimal"
      value={text}
      problem={isText ? "a number is wanted" : undefined}
      onChange={({ target }) => {
        const next = target.value.trim();
        setTyped(next);
        if (NUMBER.test(next)) change(readJson(next));
        else change(next === "" && !required ? undefined : next);
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

/** The text and the value that it stands for; `undefined`: it is no JSON. */
const readText = (text: string): { value: unknown } | undefined => {
  try {
    return { value: text.trim() === "" ? undefined : readJson(text) };
  } catch {
    return undefined;
  }
};

function RawField({ value, change, required, label, help }: Labelled) {
  const [typed, setTyped] = useState<string>();
  const shown = value === undefined ? "" : writeJson(value, 2);
  const read = readText(typed ?? shown);
  const isCurrent = read === undefined || read.value === undefined || writeJson(read.value, 2) === shown;
  const text = typed !== undefined && isCurrent ? typed : shown;
  const problem = read === undefined ? "This is not JSON." : undefined;
  const id = useId();
  const tell = useContext(Broken);
  useEffect(() => {
    tell(id, problem !== undefined);
    return () => tell(id, false);
  }, [tell, id, problem]);
  return (
    <AreaField
      label={label}
      help={help ?? "JSON"}
      rows={3}
      value={text}
      problem={problem}
      onChange={({ target }) => {
        setTyped(target.value);
        const next = readText(target.value);
        if (next) change(next.value === undefined && required ? null : next.value);
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
  const at = chosen ?? Math.max(0, variantOf(variants, props.root, props.value));
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

type ContainerControl = Extract<Control, { kind: "object" | "record" | "list" | "tuple" }>;

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
      {control.kind === "tuple" && <TupleFields {...props} items={control.items} />}
      {!props.required && <Button onClick={() => props.change(undefined)}>Leave out {props.name}</Button>}
    </Group>
  );
}

function ObjectFields({
  control,
  root,
  value,
  change,
  name: own,
}: ValueProps & { control: Extract<Control, { kind: "object" }> }) {
  const fields = value as Record<string, unknown>;
  const set = (name: string, next: unknown) => {
    const { [name]: _, ...rest } = fields;
    if (next === undefined) return change(rest);
    // The order of the fields stays, so that JSON does not jump while one types in the form.
    change(name in fields ? { ...fields, [name]: next } : { ...rest, [name]: next });
  };
  const named = new Set(control.properties.map(([name]) => name));
  const others = Object.keys(fields).filter((name) => !named.has(name));
  return (
    <>
      {control.properties.map(([name, schema]) => (
        <ValueField
          key={name}
          schema={schema}
          root={root}
          name={name}
          value={fields[name]}
          required={control.required.has(name)}
          change={(next) => set(name, next)}
        />
      ))}
      {control.properties.length === 0 && others.length === 0 && !control.further && (
        <p className="text-sm text-soft">It has no fields.</p>
      )}
      {(control.further || others.length > 0) && (
        <RecordFields
          root={root}
          value={value}
          change={change}
          name={own}
          required
          schema={{}}
          values={control.further ?? {}}
          only={others}
          closed={!control.further}
        />
      )}
    </>
  );
}

interface RecordProps extends ValueProps {
  readonly values: Schema;
  /** The keys to show. Default: all. */
  readonly only?: readonly string[];
  /** No key can be added: the schema names none of these. */
  readonly closed?: boolean;
}

function RecordFields({ values, root, value, change, name, only, closed }: RecordProps) {
  const fields = value as Record<string, unknown>;
  const [key, setKey] = useState("");
  return (
    <>
      {Object.entries(fields).map(([one, inner]) =>
        only && !only.includes(one) ? null : (
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
        ),
      )}
      <div className={closed ? "hidden" : "flex items-end gap-2"}>
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

function TupleFields({ items, root, value, change, name }: ValueProps & { items: readonly Schema[] }) {
  const list = value as readonly unknown[];
  return items.map((schema, i) => (
    <ValueField
      // biome-ignore lint/suspicious/noArrayIndexKey: the place is what identifies an item of a tuple
      key={i}
      schema={schema}
      root={root}
      name={`${name} ${i + 1}`}
      value={list[i]}
      required
      change={(next) => change(list.with(i, next))}
    />
  ));
}

function ListFields({ items, root, value, change, name }: ValueProps & { items: Schema }) {
  const list = value as readonly unknown[];
  // An item keeps what is being typed into it while one before it is removed.
  const ids = useRef<number[]>([]);
  const next = useRef(0);
  while (ids.current.length < list.length) ids.current.push(next.current++);
  ids.current.length = list.length;
  return (
    <>
      {list.map((item, i) => (
        <div key={ids.current[i]} className="flex items-end gap-2">
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
          <Button
            aria-label={`Remove ${name} ${i + 1}`}
            onClick={() => {
              ids.current.splice(i, 1);
              change(list.filter((_, at) => at !== i));
            }}
          >
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
