/** A JSON value that a person writes: as a form made from a schema, or as text. Both show the same value. */
import { useCallback, useMemo, useState } from "react";
import { readJson, syntaxProblem, writeJson } from "../api/json.ts";
import { isEncoded } from "../encoding/forms.ts";
import { Choice } from "../ui/choice.tsx";
import { Sealed } from "../ui/payload.tsx";
import { JsonEditor } from "./json-editor.tsx";
import { problemWords, useProblems } from "./problems.ts";
import { controlOf, firstValue, isSchema, type Schema } from "./schema.ts";
import { Broken, ValueField } from "./value-field.tsx";

export interface JsonValue {
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly ok: boolean;
  /** Only if `ok`. */
  readonly value: unknown;
  readonly problem: string | undefined;
  /** A person has changed it. */
  readonly dirty: boolean;
  /** `Broken`. */
  readonly tell: (field: string, broken: boolean) => void;
}

/** Without an initial text it begins with the schema's defaults, once the schema is known and nothing has been typed. */
export function useJsonValue(schema: Schema | undefined, initial?: string): JsonValue {
  const [typed, setText] = useState<string>();
  const [broken, setBroken] = useState<ReadonlySet<string>>(new Set());
  const first = useMemo(
    () => initial ?? (schema ? writeJson(firstValue(schema, schema) ?? {}, 2) : "{}"),
    [schema, initial],
  );
  const tell = useCallback((field: string, isBroken: boolean) => {
    setBroken((now) => {
      if (now.has(field) === isBroken) return now;
      const next = new Set(now);
      if (isBroken) next.add(field);
      else next.delete(field);
      return next;
    });
  }, []);
  const text = typed ?? first;
  const read = useMemo(() => {
    try {
      return { value: readJson(text.trim() === "" ? "null" : text), problem: undefined };
    } catch (error) {
      return { value: undefined, problem: syntaxProblem(text, error) };
    }
  }, [text]);
  const ok = read.problem === undefined && broken.size === 0;
  return { text, setText, ok, ...read, dirty: typed !== undefined && typed !== first, tell };
}

interface Props {
  readonly label: string;
  readonly input: JsonValue;
  readonly schema: Schema | undefined;
}

export function JsonForm({ label, input, schema }: Props) {
  const control = useMemo(() => (schema ? controlOf(schema, schema) : undefined), [schema]);
  const canForm = control !== undefined && control.kind !== "json";
  const [asText, setAsText] = useState(false);
  const isJson = input.problem === undefined;
  const sealed = isEncoded(input.value) ? input.value : undefined;
  const problems = useProblems(schema, isJson && !sealed ? input.value : undefined);
  const isForm = canForm && !asText && isJson && isSchema(schema);
  return (
    <div className="space-y-2">
      <Choice
        title={label}
        label={`${label}: how to write it`}
        options={
          canForm && !sealed
            ? [
                {
                  name: "Form",
                  isChosen: !asText,
                  choose: () => setAsText(false),
                  why: isJson ? undefined : "The text is no JSON.",
                },
                { name: "JSON", isChosen: asText, choose: () => setAsText(true) },
              ]
            : []
        }
      />
      {sealed ? (
        <div className="space-y-1">
          <Sealed value={sealed} label={label} />
          <p className="text-xs text-soft">A worker or client has encoded this value. It is sent as it is.</p>
        </div>
      ) : isForm ? (
        <Broken value={input.tell}>
          <ValueField
            schema={schema}
            root={schema}
            value={input.value}
            change={(value) => input.setText(writeJson(value ?? {}, 2))}
            name={label}
            required
            bare
          />
        </Broken>
      ) : (
        <JsonEditor
          label={`${label} as JSON`}
          text={input.text}
          change={input.setText}
          problem={input.problem}
          problems={problems}
          help={
            control?.kind === "json" ? `It is written as JSON and not in a form, because ${control.why}.` : undefined
          }
        />
      )}
      {problems.length > 0 && (
        <ul className="list-disc space-y-0.5 pl-5 text-xs text-warn" aria-label="Problems">
          {problems.map((problem) => (
            <li key={problemWords(problem)}>{problemWords(problem)}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
