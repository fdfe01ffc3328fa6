/** Asks for the key of encrypted payloads. */
import { type FormEvent, useState } from "react";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { CheckField, TextField } from "../ui/field.tsx";
import { addKey, keyProblem } from "./keys.ts";

/** `value`: with payloads that the key is to open. A key that opens none of them is not taken. */
export function KeyDialog({ value, close }: { value?: unknown; close: () => void }) {
  const [text, setText] = useState("");
  const [keep, setKeep] = useState(false);
  const [problem, setProblem] = useState<string>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    const wrong = keyProblem(text);
    if (wrong) return setProblem(wrong);
    if (value !== undefined) {
      const { decodedWithin } = await import("./decode.ts");
      const { closed } = await decodedWithin(value, [text.trim().toLowerCase()]);
      if (closed?.fault === "key") return setProblem(closed.message);
    }
    addKey(text, keep);
    close();
  };
  return (
    <Dialog title="Decrypt payloads here" onClose={close}>
      <form onSubmit={submit} className="space-y-3">
        <TextField
          label="Key of the payloads"
          type="password"
          value={text}
          problem={problem}
          help="The hexadecimal digits that your workers have as encryption.key. It stays in this page, and is sent nowhere."
          onChange={({ target }) => {
            setText(target.value);
            setProblem(undefined);
          }}
        />
        <CheckField
          label="Keep it until this tab is closed, also over a reload"
          checked={keep}
          onChange={({ target }) => setKeep(target.checked)}
        />
        <div className="flex gap-2">
          <Button look="strong" type="submit">
            Decrypt
          </Button>
          <Button onClick={close}>Leave it</Button>
        </div>
      </form>
    </Dialog>
  );
}
