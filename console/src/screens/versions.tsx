/** One workflow as two deployments have registered it, side by side: what differs in its interface. */
import { Link, useNavigate } from "@tanstack/react-router";
import { writeJson } from "../api/json.ts";
import type { Answer } from "../api/operations.ts";
import { useRead } from "../api/use.ts";
import type { WorkflowsSearch } from "../app/search.ts";
import { useTitle } from "../app/title.ts";
import { SelectField } from "../ui/field.tsx";
import { DeploymentLink } from "../ui/links.tsx";
import { Loading } from "../ui/loading.tsx";
import { Panel } from "../ui/panel.tsx";
import { Payload } from "../ui/payload.tsx";
import { Tag } from "../ui/status.tsx";
import { visible } from "../ui/text.tsx";
import { PromoteButton } from "./promotion/promote.tsx";

type Registration = Answer<"getWorkflowRegistrations">["workflow_registrations"][number];

export function Versions({ workflow, search }: { workflow: string; search: WorkflowsSearch }) {
  useTitle(`Versions of ${workflow}`);
  const read = useRead("getWorkflowRegistrations", { query: { workflow_name: workflow, limit: 200 } });
  const active = useRead("getWorkflowRegistrations", {
    query: { workflow_name: workflow, active_only: true, limit: 200 },
  });
  const live = new Set(active.data?.workflow_registrations.map(({ id }) => id));
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h1 className="text-xl font-semibold">Versions of {visible(workflow)}</h1>
        <Link to="/workflows" className="text-sm text-accent hover:underline">
          All workflows
        </Link>
      </div>
      <Loading read={read}>
        {({ workflow_registrations: all }) =>
          all.length < 2 ? (
            <p className="text-soft">Fewer than two deployments have registered this workflow.</p>
          ) : (
            <Two workflow={workflow} all={all} live={live} search={search} />
          )
        }
      </Loading>
    </div>
  );
}

interface TwoProps {
  readonly workflow: string;
  readonly all: readonly Registration[];
  /** The ids of those that a live worker serves. */
  readonly live: ReadonlySet<string>;
  readonly search: WorkflowsSearch;
}

function Two({ workflow, all, live, search }: TwoProps) {
  const navigate = useNavigate();
  const named = (name: string | undefined) => all.find(({ deployment_name }) => deployment_name === name);
  const a = named(search.a) ?? (all[0] as Registration);
  const b = named(search.b) ?? (all.find(({ id }) => id !== a.id) as Registration);
  const names = all.map(({ deployment_name }) => deployment_name ?? "");
  const choose = (side: "a" | "b", name: string) =>
    void navigate({
      to: "/workflows",
      search: { compare: workflow, a: a.deployment_name ?? "", b: b.deployment_name ?? "", [side]: name },
    });
  const parts = partsOf(a, b);
  const differing = parts.filter(({ left, right }) => left !== right);
  return (
    <>
      <div className="grid grid-cols-1 gap-4 sm:grid-cols-2">
        {(["a", "b"] as const).map((side) => {
          const one = side === "a" ? a : b;
          const label = side === "a" ? "First deployment" : "Second deployment";
          return (
            <div key={side} className="space-y-2">
              <SelectField
                label={label}
                value={one.deployment_name ?? ""}
                onChange={({ target }) => choose(side, target.value)}
                options={names.map((name) => [name, name] as const)}
              />
              <p className="flex flex-wrap items-center gap-2 text-sm">
                <DeploymentLink name={one.deployment_name ?? ""} />
                <Tag tone={live.has(one.id) ? "good" : "still"}>{live.has(one.id) ? "live" : "no live worker"}</Tag>
                <PromoteButton deployment={one.deployment_name ?? ""} workflow={workflow} live={live.has(one.id)} />
              </p>
            </div>
          );
        })}
      </div>
      <Panel
        title={
          differing.length === 0
            ? `Alike in all ${parts.length} parts`
            : `${differing.length} of ${parts.length} parts differ`
        }
      >
        {differing.length === 0 ? (
          <p className="text-sm text-soft">
            Schemas, handlers and settings are the same. The code behind them may still differ.
          </p>
        ) : (
          <ul className="space-y-4">
            {differing.map(({ title, left, right }) => (
              <li key={title} data-part={title} className="space-y-1">
                <h3 className="text-xs font-semibold">{visible(title)}</h3>
                <div className="grid grid-cols-1 gap-3 lg:grid-cols-2">
                  <Side text={left} label={`${title} of ${a.deployment_name}`} />
                  <Side text={right} label={`${title} of ${b.deployment_name}`} />
                </div>
              </li>
            ))}
          </ul>
        )}
      </Panel>
    </>
  );
}

/** `text`: JSON; undefined: this side has no such part. */
function Side({ text, label }: { text: string | undefined; label: string }) {
  if (text === undefined)
    return <p className="rounded-md border border-dashed border-line px-2.5 py-2 text-sm text-soft">It has none.</p>;
  return <Payload value={JSON.parse(text)} label={label} />;
}

interface Part {
  readonly title: string;
  readonly left: string | undefined;
  readonly right: string | undefined;
}

const HANDLERS = ["signals", "queries", "updates"] as const;
const ONE = { signals: "signal", queries: "query", updates: "update" } as const;

/** The parts of both, each as JSON: every field, and every handler by its name. */
function partsOf(a: Registration, b: Registration): readonly Part[] {
  const left = flat(a);
  const right = flat(b);
  return [...new Set([...left.keys(), ...right.keys()])].map((title) => ({
    title,
    left: left.get(title),
    right: right.get(title),
  }));
}

function flat({ definition }: Registration): Map<string, string> {
  const parts = new Map<string, string>();
  for (const [field, value] of Object.entries(definition)) {
    if ((HANDLERS as readonly string[]).includes(field)) continue;
    parts.set(field.replaceAll("_", " "), writeJson(value ?? null));
  }
  for (const kind of HANDLERS) {
    for (const handler of definition[kind]) {
      if (handler.name.startsWith("__")) continue;
      parts.set(`${ONE[kind]} ${handler.name}`, writeJson(handler));
    }
  }
  return parts;
}
