/** A JSON value that a person writes: as a form made from a schema, or as text. Both show the same value. */
import { useMemo, useState } from "react";
import { messageOf } from "../api/failure.ts";
import { readJson, writeJson } from "../api/json.ts";
import { AreaField } from "../ui/field.tsx";
import { useProblems } from "./problems.ts";
import { controlOf, firstValue, isSchema, type Schema } from "./schema.ts";
import { ValueField } from "./value-field.tsx";

export interface JsonValue {
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly ok: boolean;
  /** Only if `ok`. */
  readonly value: unknown;
  readonly problem: string | undefined;
}

/** The text begins with the schema's defaults, once the schema is known and nothing has been typed. */
export function useJsonValue(schema: Schema | undefined, initial: string): JsonValue {
  const [typed, setText] = useState<string>();
  const first = useMemo(
    () => (schema && initial === "{}" ? writeJson(firstValue(schema, schema) ?? {}, 2) : initial),
    [schema, initial],
  );
  const text = typed ?? first;
  return useMemo(() => {
    try {
      return { text, setText, ok: true, value: readJson(text.trim() === "" ? "null" : text), problem: undefined };
    } catch (error) {
      return { text, setText, ok: false, value: undefined, problem: `This is not JSON: ${messageOf(error)}` };
    }
  }, [text]);
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
  const problems = useProblems(schema, input.ok ? input.value : undefined);
  const isForm = canForm && !asText && input.ok && schema !== undefined;
  return (
    <div className="space-y-2">
      <div className="flex items-center justify-between gap-2">
        <span className="text-xs font-semibold">{label}</span>
        {canForm && (
          <div
            role="group"
            aria-label={`${label}: how to write it`}
            className="flex rounded-md border border-line text-xs"
          >
            {[false, true].map((text) => (
              <button
                key={String(text)}
                type="button"
                aria-pressed={asText === text}
                disabled={!text && !input.ok}
                onClick={() => setAsText(text)}
                className="min-h-7 px-2.5 aria-pressed:bg-sunken aria-pressed:font-semibold"
              >
                {text ? "JSON" : "Form"}
              </button>
            ))}
          </div>
        )}
      </div>
      {isForm ? (
        <ValueField
          schema={schema}
          root={schema}
          value={input.value}
          change={(value) => input.setText(writeJson(value ?? {}, 2))}
          name={label}
          required
          bare
        />
      ) : (
        <AreaField
          label={<span className="sr-only">{label} as JSON</span>}
          value={input.text}
          onChange={(event) => input.setText(event.target.value)}
          problem={input.problem}
          help={
            isSchema(schema) && !canForm
              ? "Its schema is one that no form can show, so it is written as JSON."
              : undefined
          }
          rows={Math.min(20, Math.max(4, input.text.split("\n").length + 1))}
        />
      )}
      {problems.length > 0 && (
        <ul className="list-disc space-y-0.5 pl-5 text-xs text-warn" aria-label="Problems">
          {problems.map((problem) => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
