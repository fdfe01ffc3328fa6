/** Executions of every age must go on: every recorded history replays for ever. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DivergenceError } from "../sdk/index.ts";
import { FLAGS } from "../sdk/runtime/flags.ts";
import { type RecordedHistory, replay } from "../sdk/testing/index.ts";
import type { AnyWorkflow } from "../sdk/workflow/define.ts";
import { WorkflowInstance } from "../sdk/workflow/instance.ts";
import {
  type HistoryEvent,
  HistoryEvent as HistoryEventSchema,
  isDecision,
  isStimulus,
} from "../shared/protocol/history.ts";
import { scenarios } from "./histories/scenarios.ts";
import { workflows } from "./histories/workflows.ts";

const folder = new URL("./histories/recorded/", import.meta.url);
const names = readdirSync(folder).map((file) => file.replace(/\.json$/, ""));
const load = (name: string): RecordedHistory => JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8"));
const histories = names.map((name) => [name, load(name)] as const);

function workflowOf(history: RecordedHistory): AnyWorkflow {
  const [first] = history.events;
  const name = first?.kind === "execution_started" ? first.workflow : "";
  const found = workflows.find((workflow) => workflow.name === name);
  if (!found) throw new Error(`no workflow '${name}'`);
  return found;
}

test("every scenario has its history, and every history its scenario", () => {
  expect(names.toSorted()).toEqual(Object.keys(scenarios).toSorted());
});

test("the histories together hold every kind of event", () => {
  const found = new Set(histories.flatMap(([, history]) => history.events.map((event) => event.kind)));
  const written = HistoryEventSchema as unknown as { options: { shape: { kind: { value: string } } }[] };
  const kinds = written.options.map((option) => option.shape.kind.value);
  expect(kinds.filter((kind) => !found.has(kind as HistoryEvent["kind"]))).toEqual([]);
});

describe.each(histories)("%s", (_, history) => {
  const workflow = workflowOf(history);

  test("replays", async () => {
    await replay(workflow, history);
  });

  test("fresh code makes the same decisions in every detail: inputs, times, random values, results", async () => {
    expect(await decideAgain(workflow, history)).toEqual(history.events.filter(isDecision).map(content));
  });

  test("diverges wherever one decision is missing or different", async () => {
    const unnoticed: string[] = [];
    for (const event of history.events.filter(isDecision)) {
      for (const [change, events] of mutations(history, event)) {
        // Without its patch the history is that of older code, which the run may well have followed.
        if (event.kind === "patched" && change === "without") continue;
        const error = await replay(workflow, { events }).catch((error: unknown) => error);
        if (!(error instanceof DivergenceError)) unnoticed.push(`${change} ${event.kind} at ${event.id}: ${error}`);
      }
    }
    expect(unnoticed).toEqual([]);
  });
});

/** Gives the stimuli of each recorded step to fresh code and collects its decisions. */
async function decideAgain(workflow: AnyWorkflow, history: RecordedHistory): Promise<unknown[]> {
  const [first] = history.events;
  const execution = first?.kind === "execution_started" ? first.root : "";
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const recorded = new Set(history.events.flatMap((event) => event.flags ?? []));
  const flags = FLAGS.filter(({ id }) => recorded.has(id)); // those that the SDK of its time had
  const instance = WorkflowInstance.create(workflow, { execution, log, flags });
  const decided: unknown[] = [];
  let given = 0;
  for (const { decided: checkpoint } of history.events) {
    if (checkpoint === undefined) continue;
    const stimuli = history.events.filter(isStimulus).filter(({ id }) => id > given && id <= checkpoint);
    given = checkpoint;
    const step = await instance.activate(stimuli);
    if ("bug" in step) throw step.bug;
    decided.push(...step.decisions.map(content));
  }
  return decided;
}

/** A decision without the position that the worker gave it, and without stacks, which hold paths. */
function content(event: object): unknown {
  const { id, at, decided, code, flags, where, ...rest } = event as Record<string, unknown>;
  return JSON.parse(JSON.stringify(rest, (key, value) => (key === "stack" ? undefined : value)));
}

/** The history without this decision, and with another in its place where the kind has more than one form. */
function* mutations(history: RecordedHistory, decision: HistoryEvent): Iterable<[string, HistoryEvent[]]> {
  const { decided } = decision;
  const before = history.events.findLast(({ id }) => id < decision.id);
  const others = history.events.filter((event) => event !== decision);
  // Its `decided`, if any, moves to the event before.
  yield ["without", others.map((event) => (event === before && decided !== undefined ? { ...event, decided } : event))];
  const changed = another(decision);
  if (changed) yield ["another", history.events.map((event) => (event === decision ? changed : event))];
}

function another(event: HistoryEvent): HistoryEvent | null {
  switch (event.kind) {
    case "activity_scheduled":
      return { ...event, name: `${event.name}_2` };
    case "activity_cancel_requested":
      return { ...event, activity: event.activity + 1 };
    case "timer_started":
    case "timer_cancelled":
      return { ...event, timer: event.timer + 1 };
    case "child_scheduled":
      return { ...event, execution: `${event.execution}-2` };
    case "child_cancel_requested":
      return { ...event, child: event.child + 1 };
    case "update_completed":
    case "update_failed":
      return { ...event, message: `${event.message}-2` };
    case "custom_task":
      return { ...event, task_type: `${event.task_type}_2` };
    case "search_keys_set":
    case "execution_completed": {
      const { id, at, decided } = event;
      return { kind: "timer_started", timer: 99, fire_at: at, id, at, ...(decided === undefined ? {} : { decided }) };
    }
    default:
      return null;
  }
}
