/**
 * A run whose workflow code lives in the host: the same contract as `WorkflowInstance`, one request per part of a replay or
 * step. What callers send is checked here, against the registered schemas, as the code that would check it is elsewhere.
 *
 * FOREIGN-1. Requests of one instance follow each other (HOST-2): the worker asks one thing at a time (EXEC-1).
 * FOREIGN-2. A replay is given in parts of about `PART` bytes, cut between recorded steps, so that no frame grows with the
 *     history. What the host decides on a part is compared before the next is given.
 * FOREIGN-3. The host gives stimuli one by one, as INSTANCE-1 and HOST-8 say. `decided` names the last that was given.
 */

import { searchKeyProblem } from "../../shared/core/search-keys.ts";
import { cutText } from "../../shared/protocol/cut-text.ts";
import type { Decision, HistoryEvent, Started, Stimulus } from "../../shared/protocol/history.ts";
import { isClosing, isDecision, isStimulus } from "../../shared/protocol/history.ts";
import { HISTORY_IS_LONG_RATIO, MAX_HISTORY_BYTES, MAX_HISTORY_EVENTS } from "../../shared/protocol/limits.ts";
import type { WorkflowDefinition } from "../../shared/protocol/worker.ts";
import { QueryRefused } from "../errors.ts";
import { roughSize } from "../json.ts";
import { fromFailure } from "../revive.ts";
import { derivedUuid } from "../runtime/random.ts";
import { DecisionRecord, DivergenceError, type RecordedDecision } from "../workflow/divergence.ts";
import type { Activation, Instance, InstanceOptions, Refusal } from "../workflow/types.ts";
import type { Channel } from "./channel.ts";
import { HandlerChecks } from "./handler-checks.ts";
import { OpenWork } from "./open-work.ts";
import { HostDecision } from "./protocol.ts";

const PART = 1024 * 1024;
const LONG_EVENTS = MAX_HISTORY_EVENTS * HISTORY_IS_LONG_RATIO;
const LONG_BYTES = MAX_HISTORY_BYTES * HISTORY_IS_LONG_RATIO;

/** A workflow of the host, as it was registered. */
export interface ForeignWorkflow {
  readonly definition: WorkflowDefinition;
  readonly hash: string;
}

/** The recorded decisions of one step, and the event that closes it. */
interface RecordedStep {
  readonly stimuli: readonly Stimulus[];
  readonly expected: readonly RecordedDecision[];
  readonly closedBy: number;
}

let instances = 0;

export class ForeignInstance implements Instance {
  #closed = false;
  #poisoned = false;
  readonly #id: string;
  readonly #channel: Channel;
  readonly #workflow: ForeignWorkflow;
  readonly #execution: string;
  readonly #onLog: InstanceOptions["onLog"];
  readonly #checks: HandlerChecks;
  readonly #record = new DecisionRecord();
  readonly #open = new OpenWork();
  #pending: Stimulus[] = [];
  /** Decisions of the recorded step that is not whole yet. */
  #expected: RecordedDecision[] = [];
  #started!: Started;
  #recordedCode: string | null = null;
  /** Id of the last stimulus that workflow code was given. */
  #given = 0;
  #bytes = 0;

  constructor(channel: Channel, workflow: ForeignWorkflow, { execution, onLog }: InstanceOptions) {
    instances += 1;
    this.#id = `i${instances}`;
    this.#channel = channel;
    this.#workflow = workflow;
    this.#execution = execution;
    this.#onLog = onLog;
    this.#checks = new HandlerChecks(workflow.definition);
  }

  get closed(): boolean {
    return this.#closed;
  }

  get poisoned(): boolean {
    return this.#poisoned;
  }

  async replay(events: readonly HistoryEvent[]): Promise<void> {
    const steps: RecordedStep[] = [];
    const patches: string[] = [];
    let bytes = 0;
    for (const event of events) {
      if (isStimulus(event)) this.#pending.push(event);
      else if (isDecision(event)) this.#expected.push(event as RecordedDecision);
      if (event.kind === "patched") patches.push(event.patch);
      if (event.decided === undefined) continue;
      if (event.code !== undefined) this.#recordedCode = event.code;
      const stimuli = this.#takePending(event.decided);
      steps.push({ stimuli, expected: this.#expected, closedBy: event.id });
      this.#expected = [];
      bytes += roughSize(stimuli);
      if (bytes < PART) continue;
      await this.#replaySteps(steps.splice(0), patches.splice(0));
      bytes = 0;
    }
    if (steps.length > 0) await this.#replaySteps(steps, patches);
  }

  async activate(stimuli: readonly Stimulus[]): Promise<Activation> {
    const recorded = this.#pending.length;
    this.#pending.push(...stimuli);
    const group = this.#takePending(Number.POSITIVE_INFINITY);
    try {
      const [decisions = []] = await this.#give([group], false, [], recorded);
      this.#record.add(decisions.length);
      return { decided: this.#given, decisions, flags: [], closed: this.#closed };
    } catch (bug) {
      return { bug };
    }
  }

  async query(name: string, input: unknown): Promise<unknown> {
    const refusal = this.#checks.query(name, input);
    if (refusal) throw new QueryRefused(refusal.status, refusal.failure.message, { details: refusal.failure.details });
    const answer = await this.#channel.ask({ type: "query", instance: this.#id, name, input: input ?? {} });
    if (answer.failure) throw new QueryRefused(424, answer.failure.message, { details: answer.failure.details });
    return answer.result ?? null;
  }

  checkUpdate(name: string, input: unknown): Refusal | null {
    return this.#checks.update(name, input);
  }

  checkSignal(name: string, input: unknown): string | null {
    return this.#checks.signal(name, input);
  }

  waitingOn(): string[] {
    return this.#open.describe();
  }

  drop(): void {
    this.#channel.send({ type: "drop", instance: this.#id });
  }

  #takePending(upTo: number): Stimulus[] {
    const beyond = this.#pending.findIndex((stimulus) => stimulus.id > upTo);
    return this.#pending.splice(0, beyond < 0 ? this.#pending.length : beyond);
  }

  /** FOREIGN-2. */
  async #replaySteps(steps: readonly RecordedStep[], patches: readonly string[]): Promise<void> {
    const groups = steps.map((step) => step.stimuli);
    const decided = await this.#give(groups, true, patches, groups.at(-1)!.length);
    for (const [i, { expected, closedBy }] of steps.entries()) {
      for (const decision of expected) this.#record.expect(decision);
      const difference = this.#record.compare(decided[i] ?? [], closedBy);
      if (!difference) continue;
      this.#poisoned = true;
      throw new DivergenceError({
        workflow: this.#workflow.definition.name,
        run: this.#started.run,
        waiting: this.waitingOn(),
        recordedCode: this.#recordedCode,
        code: this.#workflow.hash,
        ...difference,
      });
    }
  }

  /** Throws what the host reports as a bug of workflow code. */
  async #give(
    groups: readonly (readonly Stimulus[])[],
    replaying: boolean,
    patches: readonly string[],
    recorded: number,
  ): Promise<Decision[][]> {
    for (const stimulus of groups.flat()) {
      if (stimulus.kind === "execution_started") this.#started = stimulus;
      this.#bytes += roughSize(stimulus);
      this.#open.learn(stimulus);
    }
    const last = groups.at(-1) ?? [];
    // Workflow code never sees a signal that its schema refused, but the step that follows it names it as given.
    const shown = groups.map((group) => group.filter(isShown));
    const answer = await this.#channel.ask({
      type: "give",
      instance: this.#id,
      workflow: this.#workflow.definition.name,
      execution: this.#execution,
      replaying,
      patches: [...patches],
      long: (last.at(-1)?.id ?? this.#given) >= LONG_EVENTS || this.#bytes >= LONG_BYTES,
      groups: shown.map((group) => [...group]),
      recorded: last.slice(0, recorded).filter(isShown).length,
    });
    for (const { level, message, fields } of answer.lines ?? []) this.#onLog?.(level, message, fields);
    if (answer.bug) {
      this.#poisoned = true;
      throw Object.assign(fromFailure(answer.bug), { name: answer.bug.type ?? "Error" });
    }
    this.#closed = answer.closed;
    this.#given = lastGiven(last, shown.at(-1) ?? [], recorded, answer) ?? this.#given;
    return answer.decisions.map((group) => this.#read(group, replaying));
  }

  #read(group: readonly unknown[], replaying: boolean): Decision[] {
    const decisions: Decision[] = [];
    for (const [i, value] of group.entries()) {
      const parsed = HostDecision.safeParse(value);
      if (!parsed.success) {
        this.#poisoned = true;
        const [issue] = parsed.error.issues;
        const kind = (value as { kind?: unknown } | null)?.kind;
        throw new TypeError(
          `decision ${i + 1} (${String(kind)}) of the host: ${issue!.path.join(".")}: ${issue!.message}`,
        );
      }
      const decision = this.#placeable(parsed.data);
      const badName = replaying ? null : badKeyOf(decision);
      if (badName) {
        this.#poisoned = true;
        throw new TypeError(badName);
      }
      this.#bytes += roughSize(decision);
      this.#open.ask(decision);
      decisions.push(decision);
    }
    // INSTANCE-4: the closing decision is the last.
    return decisions.sort((a, b) => Number(isClosing(a)) - Number(isClosing(b)));
  }

  #placeable(decision: HostDecision): Decision {
    switch (decision.kind) {
      case "activity_scheduled":
        return { ...decision, where: "queue" }; // `decide` places it when the batch is recorded
      case "execution_continued":
        return { ...decision, run: derivedUuid(this.#started.run, "continue", 1) };
      default:
        return decision;
    }
  }
}

/** The name of a search key that the server refuses is a bug of workflow code at once. Those that are recorded already stay. */
function badKeyOf(decision: Decision): string | null {
  if (decision.kind !== "search_keys_set") return null;
  for (const key of [...Object.keys(decision.set), ...decision.remove]) {
    const problem = searchKeyProblem(key);
    if (problem) return `search key ${JSON.stringify(cutText(key, 40))}: ${problem}.`;
  }
  return null;
}

const isShown = (s: Stimulus): boolean => s.kind !== "signal_received" || s.ignored === undefined;

/** FOREIGN-3. The signals that were not shown count as given with what came after them, and with what the history holds. */
function lastGiven(
  group: readonly Stimulus[],
  shown: readonly Stimulus[],
  recorded: number,
  answer: { given: number; closed: boolean },
): number | undefined {
  if (!answer.closed || answer.given >= shown.length) return group.at(-1)?.id;
  return Math.max(shown[answer.given - 1]?.id ?? 0, group[recorded - 1]?.id ?? 0);
}
