/** Asks for an API key, and checks it before it is kept. */
import { type FormEvent, useState } from "react";
import { apiBase } from "../api/address.ts";
import { call } from "../api/call.ts";
import { CallFailed, messageOf } from "../api/failure.ts";
import { keep } from "../api/session.ts";
import { Button } from "../ui/button.tsx";
import { CheckField, TextField } from "../ui/field.tsx";

export function Connect() {
  const [key, setKey] = useState("");
  const [remember, setRemember] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const base = apiBase(location.href);
  const connect = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    const session = { base, key: key.trim() };
    try {
      await call("whoAmI", {}, session);
      keep(session, remember);
    } catch (error) {
      const unknown = error instanceof CallFailed && error.status === 401;
      setProblem(unknown ? "The server does not know this key. It may have been revoked." : messageOf(error));
      setBusy(false);
    }
  };
  return (
    <main className="mx-auto mt-[12dvh] max-w-md space-y-4 p-4">
      <h1 className="text-xl font-semibold">Connect to Sirocco</h1>
      <form onSubmit={connect} className="space-y-4 rounded-lg border border-line bg-panel p-4">
        <p className="text-sm text-soft">
          Server <span className="font-mono text-ink">{base.replace(/\/$/, "")}</span>
        </p>
        <TextField
          label="API key"
          type="password"
          value={key}
          onChange={(event) => setKey(event.target.value)}
          problem={problem}
          required
          help={
            <>
              <code>sirocco dev</code> prints an address that holds the key;{" "}
              <code>sirocco key create NAME --rights read</code> makes one that cannot change anything.
            </>
          }
        />
        <CheckField
          label="Remember the key on this computer"
          checked={remember}
          onChange={(event) => setRemember(event.target.checked)}
        />
        <Button look="strong" type="submit" busy={busy} disabled={key.trim() === ""}>
          Connect
        </Button>
      </form>
    </main>
  );
}
