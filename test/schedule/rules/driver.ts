/** Drives one schedule without faults: keeps its state, performs its effects and takes in their results at once. */
import {
  type ClosedRun,
  createSchedule,
  type Decision,
  describe,
  type Effect,
  executionIdOf,
  type LogEntry,
  type OverlapPolicy,
  pause,
  resume,
  runClosed,
  type ScheduleState,
  startResult,
  stopResult,
  trigger,
  update,
  wake,
} from "../../../shared/schedule/rules/index.ts";

/** 1 January 2026 at a time of day, UTC. */
export const at = (time: string) => Date.parse(`2026-01-01T${time.length === 5 ? `${time}:00` : time}Z`);

/** `09:30` for `report-20260101T093000Z`, `09:30 m1` for a manual run. */
export const short = (executionId: string) =>
  executionId.replace(/^.*-\d{8}T(\d\d)(\d\d)(\d\d)Z(?:-(m\d+))?$/, (_, h, m, s, manual) =>
    [`${h}:${m}${s === "00" ? "" : `:${s}`}`, manual].filter(Boolean).join(" "),
  );

export class Driver {
  state: ScheduleState;
  wakeAt: number | undefined;
  /** Started executions in order, with short names. */
  readonly started: string[] = [];
  /** `cancel 09:00`, in order. */
  readonly stops: string[] = [];
  /** `09:00 skipped_overlap`, in order. */
  readonly log: string[] = [];
  readonly effects: Effect[] = [];
  /** The result of a start; by default "started". */
  onStart: (executionId: string) => Parameters<typeof startResult>[3] = () => ({ kind: "started" });
  #now: number;

  constructor(definition: object, time: string, id = "report") {
    this.#now = at(time);
    const created = createSchedule(this.#now, {
      schedule_id: id,
      seed: `ws-${id}`,
      deployment_name: "shop",
      workflow_name: "w",
      definition,
    });
    if ("issues" in created) throw new Error(JSON.stringify(created.issues));
    this.state = created.state;
    this.wakeAt = created.wakeAt;
  }

  wake(time: string): this {
    return this.#apply(time, (now) => wake(this.state, now));
  }

  /** Wakes it so long after the first second of 2026. */
  wakeAfter(ms: number): this {
    this.#now = at("00:00") + ms;
    this.#take(wake(this.state, this.#now));
    return this;
  }

  trigger(time: string, overlap?: OverlapPolicy): this {
    return this.#apply(time, (now) => trigger(this.state, now, overlap));
  }

  pause(time: string, note?: string): this {
    return this.#apply(time, (now) => pause(this.state, now, note));
  }

  resume(time: string, note?: string): this {
    return this.#apply(time, (now) => resume(this.state, now, note));
  }

  update(time: string, partial: object): this {
    return this.#apply(time, (now) => update(this.state, now, partial));
  }

  /** Closes the execution with this short name. */
  close(time: string, name: string, status: ClosedRun["status"] = "COMPLETED", failure?: string): this {
    const run = this.#ids.find((id) => short(id) === name);
    if (!run) throw new Error(`${name} is not active: ${this.active.join(", ")}`);
    return this.#apply(time, (now) => runClosed(this.state, now, { execution_id: run, status, failure }));
  }

  apply(time: string, command: (state: ScheduleState, now: number) => Decision | { issues: unknown }): this {
    return this.#apply(time, (now) => command(this.state, now));
  }

  /** The times of the started runs, without the seconds that are 0. */
  get startedAt(): string[] {
    const starts = this.effects.filter((effect) => effect.kind === "start");
    return starts.map(({ nominal }) => new Date(nominal).toISOString().slice(0, 19).replace(/:00$/, ""));
  }

  get active(): string[] {
    return this.#ids.map(short);
  }

  get #ids(): string[] {
    return this.state.active.map((run) => executionIdOf(this.state.schedule_id, run));
  }

  get waiting(): string[] {
    return this.state.buffer.map(({ nominal, manual }) =>
      [new Date(nominal).toISOString().slice(11, 16), manual && `m${manual}`].filter(Boolean).join(" "),
    );
  }

  get future(): string[] {
    return describe(this.state, this.#now).future_executions.map(({ scheduled_at }) => scheduled_at);
  }

  #apply(time: string, command: (now: number) => Decision | { issues: unknown }): this {
    this.#now = at(time);
    this.#take(command(this.#now));
    return this;
  }

  #take(decision: Decision | { issues: unknown }): void {
    if ("issues" in decision) throw new Error(JSON.stringify(decision.issues));
    this.state = JSON.parse(JSON.stringify(decision.state));
    this.wakeAt = decision.wakeAt;
    this.log.push(...decision.log.map(this.#entry));
    for (const effect of decision.effects) this.#perform(effect);
  }

  #entry = ({ nominal, manual, outcome, until }: LogEntry) => {
    const time = new Date(nominal).toISOString().slice(11, 19).replace(/:00$/, "");
    return `${time}${manual === null ? "" : " manual"} ${outcome}${until === undefined ? "" : " …"}`;
  };

  #perform(effect: Effect): void {
    this.effects.push(effect);
    if (effect.kind === "start") {
      const result = this.onStart(effect.execution_id);
      if (result.kind === "started") this.started.push(short(effect.execution_id));
      this.#take(startResult(this.state, this.#now, effect.execution_id, result));
    } else {
      this.stops.push(`${effect.kind} ${short(effect.execution_id)}`);
      this.#take(stopResult(this.state, this.#now, effect.execution_id, "asked"));
    }
  }
}
