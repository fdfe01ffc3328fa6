/** The server, the key and this browser. */
import { useState } from "react";
import { apiBase } from "../api/address.ts";
import type { Answer } from "../api/operations.ts";
import { forget } from "../api/session.ts";
import { queries, useRead } from "../api/use.ts";
import { eraseBrowserData, prefer, usePreferences } from "../app/preferences.ts";
import { useCaller } from "../app/rights.tsx";
import { useTitle } from "../app/title.ts";
import { KeyDialog } from "../encoding/key-dialog.tsx";
import { forgetKeys, useKeys } from "../encoding/keys.ts";
import { Button } from "../ui/button.tsx";
import { SelectField } from "../ui/field.tsx";
import { Loading } from "../ui/loading.tsx";
import { Panel } from "../ui/panel.tsx";
import { Mono } from "../ui/text.tsx";
import { span } from "../ui/time.tsx";

export function Settings() {
  useTitle("Settings");
  const health = useRead("getHealth", {});
  const caller = useCaller();
  const { zone, theme, times } = usePreferences();
  const base = apiBase(location.href);
  return (
    <div className="space-y-4">
      <h1 className="text-xl font-semibold">Settings</h1>
      <Panel title="Server">
        <Loading read={health}>
          {({ version, set_aside, limits }) => (
            <dl className="grid grid-cols-[minmax(0,max-content)_minmax(0,1fr)] gap-x-6 gap-y-1 text-sm">
              <dt className="text-soft">Address</dt>
              <dd>
                <Mono>{base.replace(/\/$/, "")}</Mono>
              </dd>
              <dt className="text-soft">Version</dt>
              <dd>{version}</dd>
              {limits && <Limits limits={limits} />}
              <dt className="text-soft">Damaged rows set aside</dt>
              <dd>{set_aside ?? 0}</dd>
              <dt className="text-soft">API</dt>
              <dd>
                <a href={`${base}openapi.json`} className="text-accent hover:underline">
                  openapi.json
                </a>
              </dd>
            </dl>
          )}
        </Loading>
      </Panel>
      <Panel title="This key">
        <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-6 gap-y-1 text-sm">
          <dt className="text-soft">Name</dt>
          <dd>{caller?.key_name}</dd>
          <dt className="text-soft">Rights</dt>
          <dd>{caller?.rights.join(", ")}</dd>
          <dt className="text-soft">Deployments</dt>
          <dd>{caller?.deployments?.join(", ") ?? "all"}</dd>
          <dt className="text-soft">Workspace</dt>
          <dd>
            <Mono>{caller?.workspace ?? ""}</Mono>
          </dd>
        </dl>
        <div className="mt-4">
          <Button
            onClick={() => {
              queries.clear();
              forget();
            }}
          >
            Forget the key
          </Button>
        </div>
      </Panel>
      <PayloadKeys />
      <Panel title="This browser">
        <div className="max-w-sm space-y-4">
          <SelectField
            label="Time zone"
            value={zone}
            onChange={({ target }) => prefer({ zone: target.value })}
            options={[
              ["local", "of this computer"],
              ...["UTC", ...Intl.supportedValuesOf("timeZone")].map((name) => [name, name] as const),
            ]}
          />
          <SelectField
            label="Theme"
            value={theme}
            onChange={({ target }) => prefer({ theme: target.value as typeof theme })}
            options={[
              ["system", "as the system"],
              ["light", "light"],
              ["dark", "dark"],
            ]}
          />
          <SelectField
            label="Points of time"
            value={times}
            onChange={({ target }) => prefer({ times: target.value as typeof times })}
            options={[
              ["clock", "as date and time"],
              ["age", "as age: 3 min ago"],
            ]}
            help="The key t changes it on every page."
          />
          <Button onClick={eraseBrowserData}>Erase views, columns, theme and zone</Button>
        </div>
      </Panel>
    </div>
  );
}

/** Absent from the answer of an older server. */
function Limits({ limits }: { limits: NonNullable<Answer<"getHealth">["limits"]> }) {
  const { retention_days, payload_bytes, history_events, history_bytes, wait_seconds, liveness_seconds } = limits;
  const size = (bytes: number) => `${(bytes / 1_048_576).toLocaleString("en")} MiB`;
  const shown = [
    ["Closed executions are kept for", span(retention_days * 86_400_000)],
    ["One input, result or message", size(payload_bytes)],
    ["History of one run", `${history_events.toLocaleString("en")} events, ${size(history_bytes)}`],
    ["A call waits for at most", span(wait_seconds * 1_000)],
    ["A worker is inactive without a heartbeat for", span(liveness_seconds * 1_000)],
  ];
  return shown.map(([name, value]) => (
    <div key={name} className="contents">
      <dt className="text-soft">{name}</dt>
      <dd>{value}</dd>
    </div>
  ));
}

function PayloadKeys() {
  const keys = useKeys();
  const [asking, setAsking] = useState(false);
  return (
    <Panel title="Encrypted payloads">
      <p className="text-sm">
        {keys.length === 0
          ? "This page has no key: encrypted payloads are shown as a lock."
          : `This page has ${keys.length} key${keys.length === 1 ? "" : "s"}, and decrypts what ${keys.length === 1 ? "it opens" : "they open"}.`}
      </p>
      <div className="mt-3 flex gap-2">
        <Button onClick={() => setAsking(true)}>Add a key</Button>
        {keys.length > 0 && <Button onClick={forgetKeys}>Forget all</Button>}
      </div>
      {asking && <KeyDialog close={() => setAsking(false)} />}
    </Panel>
  );
}
