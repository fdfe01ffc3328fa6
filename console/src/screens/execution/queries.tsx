/** Queries whose answers stay on the page: each is asked again when the execution has changed. */
import { type FormEvent, useEffect, useState } from "react";
import { serverNow } from "../../api/clock.ts";
import { writeJson } from "../../api/json.ts";
import { useRead } from "../../api/use.ts";
import { JsonForm, useJsonValue } from "../../forms/json-form.tsx";
import { Button } from "../../ui/button.tsx";
import { SelectField, TextField } from "../../ui/field.tsx";
import { Loading } from "../../ui/loading.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Payload } from "../../ui/payload.tsx";
import { visible } from "../../ui/text.tsx";
import { AsOf } from "../../ui/time.tsx";
import { type Pin, pinsOf } from "./pins.ts";
import { useHandlers } from "./send.tsx";

interface Props {
  readonly execution: string;
  /** As the address holds them. */
  readonly pins: string | undefined;
  readonly setPins: (pins: string | undefined) => void;
}

export function Queries({ execution, pins: text, setPins }: Props) {
  const pins = pinsOf(text);
  const set = (next: readonly Pin[]) => setPins(next.length === 0 ? undefined : writeJson(next));
  const isSame = (a: Pin, b: Pin) => writeJson(a) === writeJson(b);
  return (
    <div className="space-y-4">
      {pins.map((pin) => (
        <Pinned
          key={writeJson(pin)}
          execution={execution}
          pin={pin}
          unpin={() => set(pins.filter((one) => !isSame(one, pin)))}
        />
      ))}
      <Ask execution={execution} pin={(pin) => set([...pins.filter((one) => !isSame(one, pin)), pin])} />
    </div>
  );
}

function Ask({ execution, pin }: { execution: string; pin: (pin: Pin) => void }) {
  const handlers = useHandlers(execution).query;
  const [chosen, setChosen] = useState<string>();
  const name = chosen ?? handlers[0]?.name ?? "";
  const schema = handlers.find((one) => one.name === name)?.input_schema;
  const input = useJsonValue(schema);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (input.ok && name !== "") pin({ name, input: input.value });
  };
  return (
    <Panel title="Ask the code">
      <form onSubmit={submit} className="max-w-xl space-y-3">
        {handlers.length > 0 ? (
          <SelectField
            label="Query"
            value={name}
            onChange={({ target }) => setChosen(target.value)}
            options={handlers.map((one) => [one.name, one.name])}
          />
        ) : (
          <TextField
            label="Query"
            value={name}
            onChange={({ target }) => setChosen(target.value)}
            help="Its workflow has registered none."
          />
        )}
        <JsonForm key={name} label="Input" input={input} schema={schema} />
        <Button look="strong" type="submit" operation="queryWorkflowExecution" disabled={!input.ok || name === ""}>
          Ask and pin
        </Button>
      </form>
    </Panel>
  );
}

function Pinned({ execution, pin, unpin }: { execution: string; pin: Pin; unpin: () => void }) {
  const params = { execution_id: execution };
  // It is read again with each change of the execution: only then is it known whether its code still answers.
  const head = useRead("getWorkflowExecution", { params });
  const isOpen = head.data?.status === "RUNNING";
  const read = useRead("queryWorkflowExecution", { params, body: pin }, { keep: true, enabled: isOpen });
  const { refetch } = read;
  const isOlder = isOpen && read.dataUpdatedAt > 0 && head.dataUpdatedAt > read.dataUpdatedAt;
  useEffect(() => {
    if (isOlder) void refetch();
  }, [isOlder, refetch]);
  const input = writeJson(pin.input);
  return (
    <Panel
      title={
        <>
          {visible(pin.name)}
          {input !== "{}" && input !== "null" && <code className="ml-2 text-xs font-normal">{visible(input)}</code>}
        </>
      }
      actions={
        <span className="flex items-center gap-2">
          {read.dataUpdatedAt > 0 && <AsOf at={read.dataUpdatedAt + serverNow() - Date.now()} />}
          {isOpen && (
            <Button busy={read.isFetching} onClick={() => void refetch()}>
              Ask again
            </Button>
          )}
          <Button onClick={unpin} aria-label={`Unpin ${pin.name}`}>
            Unpin
          </Button>
        </span>
      }
    >
      {head.data && !isOpen && <p className="text-sm text-soft">It has ended: its code answers no further queries.</p>}
      {(isOpen || read.data) && (
        <Loading read={read}>
          {(answer) => <Payload value={(answer as { result?: unknown }).result} label={`Answer of ${pin.name}`} />}
        </Loading>
      )}
    </Panel>
  );
}
