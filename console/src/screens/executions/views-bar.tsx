/** The views of the list, as buttons, with a menu that saves, exports and imports them. */
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useRef, useState } from "react";
import { prefer, usePreferences } from "../../app/preferences.ts";
import type { ListSearch } from "../../app/search.ts";
import { useSay } from "../../app/toasts.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { download } from "../../ui/download.ts";
import { TextField } from "../../ui/field.tsx";
import { clean, MAX_VIEWS, nameOf, SYSTEM_VIEWS, toFile, withFile } from "./views.ts";

export function Views({ search }: { search: ListSearch }) {
  const navigate = useNavigate();
  const { views } = usePreferences();
  const [naming, setNaming] = useState(false);
  const { columns, ...filters } = clean(search);
  const now = JSON.stringify(columns === undefined ? filters : { ...filters, columns });
  const shows = (wanted: ListSearch) => {
    const json = JSON.stringify(clean(wanted));
    return json === now || json === JSON.stringify(filters);
  };
  const go = (wanted: ListSearch) => void navigate({ to: "/executions", search: wanted });
  const all = [
    ...Object.entries(SYSTEM_VIEWS).map(([name, wanted]) => ({ name, wanted, own: false })),
    ...Object.entries(views).map(([name, json]) => ({ name, wanted: JSON.parse(json) as ListSearch, own: true })),
  ];
  const chosen =
    all.findLast(({ wanted }) => JSON.stringify(clean(wanted)) === now) ?? all.find((one) => shows(one.wanted));
  return (
    <div className="flex flex-wrap items-center gap-1" role="group" aria-label="Views">
      {all.map(({ name, wanted, own }) => (
        <span key={name} className="inline-flex items-center">
          <button
            type="button"
            aria-pressed={name === chosen?.name}
            onClick={() => go(wanted)}
            className="min-h-8 rounded-md px-2.5 text-sm text-soft hover:bg-sunken aria-pressed:bg-sunken aria-pressed:font-semibold aria-pressed:text-ink"
          >
            {name}
          </button>
          {own && (
            <button
              type="button"
              aria-label={`Delete the view ${name}`}
              className="size-6 rounded text-soft hover:bg-sunken"
              onClick={() => {
                const { [name]: _, ...rest } = views;
                prefer({ views: rest });
              }}
            >
              ✕
            </button>
          )}
        </span>
      ))}
      <Button
        look="quiet"
        onClick={() => setNaming(true)}
        disabled={Object.keys(views).length >= MAX_VIEWS || chosen !== undefined}
        title={chosen ? "It is a view already. Choose filters or columns first." : undefined}
      >
        Save as a view
      </Button>
      <Files />
      {naming && (
        <Naming
          close={() => setNaming(false)}
          save={(name) => {
            prefer({ views: { ...views, [name]: now } });
            setNaming(false);
          }}
        />
      )}
    </div>
  );
}

function Naming({ save, close }: { save: (name: string) => void; close: () => void }) {
  const [typed, setTyped] = useState("");
  const name = nameOf(typed);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name !== "" && !Object.hasOwn(SYSTEM_VIEWS, name)) save(name);
  };
  return (
    <Dialog title="Save as a view" onClose={close}>
      <form onSubmit={submit} className="space-y-3">
        <TextField
          label="Name"
          value={typed}
          autoFocus
          onChange={({ target }) => setTyped(target.value)}
          help="Kept in this browser: the filters, the order and the columns of this page."
        />
        <Button type="submit" look="strong" disabled={name === "" || Object.hasOwn(SYSTEM_VIEWS, name)}>
          Save
        </Button>
      </form>
    </Dialog>
  );
}

function Files() {
  const { views } = usePreferences();
  const input = useRef<HTMLInputElement>(null);
  const say = useSay();
  const read = async (file: File) => {
    try {
      const next = withFile(views, { name: file.name, text: await file.text() });
      prefer({ views: next.views });
      say.done(`${next.read} ${next.read === 1 ? "view was" : "views were"} read.`);
    } catch (error) {
      say.failed(error);
    }
  };
  return (
    <>
      {Object.keys(views).length > 0 && (
        <Button look="quiet" onClick={() => download("sirocco-views.json", toFile(views))}>
          Export
        </Button>
      )}
      <Button look="quiet" onClick={() => input.current?.click()}>
        Import
      </Button>
      <input
        ref={input}
        type="file"
        accept=".json,application/json"
        aria-label="File of saved views"
        className="hidden"
        onChange={({ target }) => {
          const [file] = target.files ?? [];
          if (file) void read(file);
          target.value = "";
        }}
      />
    </>
  );
}
