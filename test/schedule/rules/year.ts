/**
 * A year of one schedule, planned from a seed and simulated twice: with the state machine behind an adapter that crashes, repeats
 * effects and loses results, and with the reference model.
 */
import {
  createSchedule,
  type Decision,
  type Effect,
  executionIdOf,
  type OverlapPolicy,
  outboxOf,
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
import { delayOf } from "../../../shared/schedule/rules/jitter.ts";
import { type Due, Model } from "./model.ts";

export const YEAR = [Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1)] as const;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A generator of numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
    mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** The behaviour of an execution follows from its id and the seed, so that both simulations see the same executions. */
function behaviourOf(execution: string, seed: number) {
  let hash = seed;
  for (const character of execution) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  const draw = random(hash);
  const long = draw() < 0.3;
  const duration = Math.floor(draw() * (long ? 9 * HOUR : 40 * MINUTE)) + 1;
  return { duration, fails: draw() < 0.02, cancelDelay: Math.floor(draw() * 20 * MINUTE) + 1 };
}

export interface YearSpec {
  definition: object;
  /** Whether a nominal time (a whole minute) is due, by an independent reading of the definition. */
  isDue(at: number): boolean;
  /** Whether it is a raw time, before skip: these bound the jitter. */
  isRaw(at: number): boolean;
  jitterMs?: number;
}

export interface YearPlan {
  seed: number;
  specs: readonly [YearSpec, YearSpec];
  overlap: number;
  catchupSeconds: number;
  pauseOnFailure: boolean;
  maxExecutions: number | null;
}

type Command =
  | { kind: "trigger"; overlap: number | undefined }
  | { kind: "pause" }
  | { kind: "resume" }
  | { kind: "policy"; overlap: number }
  | { kind: "limit"; max: number | null }
  | { kind: "spec"; index: 0 | 1 };

export interface SimulatedYear {
  /** `name started end how`, in the order of the starts. */
  runs: string[];
  outcomes: Record<string, string>;
  /** Number of injected faults: repeated effects, crashes, doubled messages. */
  faults: number;
  steps: number;
}

/** Without BUFFER_ALL, under which the buffer of a dense schedule only grows. */
const POLICIES = [1, 2, 4, 5, 6];

/** Outages and commands of the year, the same for both simulations. */
function plan(year: YearPlan) {
  const draw = random(year.seed);
  const moment = () => YEAR[0] + Math.floor(draw() * (YEAR[1] - YEAR[0] - 4 * 24 * HOUR)) + HOUR;
  const outages = Array.from({ length: 16 }, () => {
    const from = moment();
    return [from, from + Math.floor(draw() ** 3 * 60 * HOUR) + 1000] as const;
  }).sort((a, b) => a[0] - b[0]);
  const isDown = (at: number) => outages.find(([from, to]) => at >= from && at < to);
  const commands: { at: number; command: Command }[] = [];
  const add = (command: () => Command, times: number) => {
    for (let index = 0; index < times; index++) {
      const at = moment();
      if (!isDown(at)) commands.push({ at, command: command() });
    }
  };
  const overlap = () => (draw() < 0.4 ? undefined : 1 + Math.floor(draw() * 6));
  add(() => ({ kind: "trigger", overlap: overlap() }), 60);
  add(() => ({ kind: "pause" }), 6);
  add(() => ({ kind: "resume" }), 14);
  add(() => ({ kind: "policy", overlap: draw() < 0.5 ? year.overlap : POLICIES[Math.floor(draw() * 5)]! }), 8);
  add(() => ({ kind: "limit", max: draw() < 0.5 ? null : 1 + Math.floor(draw() * 200) }), 4);
  add(() => ({ kind: "spec", index: draw() < 0.5 ? 0 : 1 }), 6);
  commands.sort((a, b) => a.at - b.at);
  return { isDown, commands };
}

/** The executions: each is begun once, and closes by its behaviour or because it is asked to stop. */
class World {
  readonly #runs = new Map<string, { started: number; ends: number; how: string }>();
  readonly #open = new Set<string>();
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  begin(name: string, now: number): void {
    if (this.#runs.has(name)) return;
    const { duration, fails } = behaviourOf(name, this.#seed);
    this.#runs.set(name, { started: now, ends: now + duration, how: fails ? "FAILED" : "COMPLETED" });
    this.#open.add(name);
  }

  stop(name: string, how: "cancel" | "terminate", now: number): void {
    const run = this.#runs.get(name)!;
    const ends = how === "terminate" ? now : now + behaviourOf(name, this.#seed).cancelDelay;
    if (!this.#open.has(name) || ends >= run.ends) return;
    Object.assign(run, { ends, how: how === "cancel" ? "CANCELED" : "TERMINATED" });
  }

  /** The open run that ends first. */
  next(): [name: string, at: number] | undefined {
    let first: [string, number] | undefined;
    for (const name of this.#open) {
      const { ends } = this.#runs.get(name)!;
      if (!first || ends < first[1]) first = [name, ends];
    }
    return first;
  }

  close(name: string): string {
    this.#open.delete(name);
    return this.#runs.get(name)!.how;
  }

  summary(): string[] {
    return [...this.#runs].map(([name, { started, ends, how }]) =>
      [name, new Date(started).toISOString(), new Date(ends).toISOString(), how].join(" "),
    );
  }
}

/** All due times of a spec in the year, minute by minute. */
function duesOf({ isDue, isRaw, jitterMs = 0 }: YearSpec): Due[] {
  const raw: number[] = [];
  for (let at = YEAR[0]; at < YEAR[1] + 40 * 24 * HOUR; at += 5 * MINUTE) if (isRaw(at)) raw.push(at);
  return raw.flatMap((nominal, index) => {
    if (nominal >= YEAR[1] || !isDue(nominal)) return [];
    const room = Math.min(jitterMs, (raw[index + 1] ?? Number.POSITIVE_INFINITY) - nominal);
    return [{ nominal, actual: nominal + delayOf("seed-of-s", nominal, room) }];
  });
}

/** The year of the reference model. */
export function modelYear(year: YearPlan): SimulatedYear {
  const { isDown, commands } = plan(year);
  const world = new World(year.seed);
  let now: number = YEAR[0];
  const model = new Model(
    {
      overlap: year.overlap,
      windowMs: year.catchupSeconds * 1000,
      pauseOnFailure: year.pauseOnFailure,
      left: year.maxExecutions ?? Number.POSITIVE_INFINITY,
    },
    { begin: (name) => world.begin(name, now), askToStop: (name, how) => world.stop(name, how, now) },
  );
  const dues = year.specs.map(duesOf);
  let coming = dues[0]!.filter(({ nominal }) => nominal > YEAR[0]);
  let manual = 0;
  let steps = 0;
  const upcoming = [...commands];
  for (;;) {
    const end = world.next();
    const next = Math.min(coming[0]?.actual ?? Infinity, end?.[1] ?? Infinity, upcoming[0]?.at ?? Infinity);
    if (next >= YEAR[1]) break;
    steps++;
    now = Math.max(now, isDown(next)?.[1] ?? next);
    const arrived = coming.filter(({ actual }) => actual <= now).length;
    if (arrived > 0) {
      model.notice(coming.splice(0, arrived), now);
      model.processQueue();
      continue;
    }
    if (end && end[1] <= now) {
      const how = world.close(end[0]);
      model.closed(end[0], how === "FAILED");
      continue;
    }
    const { command } = upcoming.shift()!;
    switch (command.kind) {
      case "trigger":
        manual++;
        model.triggered(now, manual, command.overlap);
        break;
      case "pause":
        model.isPaused = true;
        break;
      case "resume":
        model.isPaused = false;
        break;
      case "policy":
        model.config.overlap = command.overlap;
        break;
      case "limit":
        model.config.left = command.max ?? Number.POSITIVE_INFINITY;
        break;
      case "spec":
        coming = dues[command.index]!.filter(
          ({ nominal, actual }) => actual >= now && !model.outcomes.has(nameAt(nominal)),
        );
        break;
    }
    model.processQueue();
  }
  return { runs: world.summary(), outcomes: Object.fromEntries(model.outcomes), faults: 0, steps };
}

const nameAt = (ms: number) => `s-${new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;

/** The year of the state machine. */
export function machineYear(year: YearPlan): SimulatedYear {
  const { isDown, commands } = plan(year);
  const draw = random(year.seed ^ 0x5bd1e995);
  const world = new World(year.seed);
  const outcomes: Record<string, string> = {};
  let faults = 0;
  let steps = 0;
  let now: number = YEAR[0];
  const policy = {
    overlap: year.overlap,
    catchup_window_seconds: year.catchupSeconds,
    pause_on_failure: year.pauseOnFailure,
  };
  const created = createSchedule(now, {
    schedule_id: "s",
    seed: "seed-of-s",
    workflow_name: "w",
    deployment_name: "d",
    definition: { ...year.specs[0].definition, policy, max_executions: year.maxExecutions },
  });
  if ("issues" in created) throw new Error(JSON.stringify(created.issues));
  let stored = created.state;
  let wakeAt = created.wakeAt;

  /** One read in twenty gets a copy, as from a store; the others would notice if a command wrote into a state. */
  const load = (): ScheduleState => (draw() < 0.05 ? JSON.parse(JSON.stringify(stored)) : stored);
  const commit = (decision: Decision): readonly Effect[] => {
    wakeAt = decision.wakeAt;
    if (decision.changed) stored = decision.state;
    for (const entry of decision.log) {
      if (entry.until !== undefined) throw new Error("the year is too dense for one entry per due time");
      outcomes[executionIdOf("s", entry)] = entry.outcome;
    }
    return decision.effects;
  };
  const perform = (effects: readonly Effect[]): void => {
    for (const effect of effects) {
      const again = draw() < 0.1;
      if (effect.kind === "start") {
        for (let times = again ? 2 : 1; times > 0; times--) world.begin(effect.execution_id, now);
        if (draw() < 0.05) {
          // The result is lost: another process performs the start again and gets the same result.
          faults++;
          world.begin(effect.execution_id, now);
        }
        perform(commit(startResult(load(), now, effect.execution_id, { kind: "started", started_at: now })));
      } else {
        for (let times = again ? 2 : 1; times > 0; times--) world.stop(effect.execution_id, effect.kind, now);
        perform(commit(stopResult(load(), now, effect.execution_id, "asked")));
      }
      if (again) faults++;
    }
  };
  const issue = (command: (state: ScheduleState) => Decision | { issues: unknown }): void => {
    steps++;
    const decision = command(load());
    if ("issues" in decision) throw new Error(JSON.stringify(decision.issues));
    const effects = commit(decision);
    if (draw() < 0.08) {
      // The process dies before or between the effects: another process reads the state and performs its outbox.
      faults++;
      const done = effects.slice(0, Math.floor(draw() * (effects.length + 1)));
      for (const effect of done) {
        if (effect.kind === "start") world.begin(effect.execution_id, now);
        else world.stop(effect.execution_id, effect.kind, now);
      }
      perform(outboxOf(load()));
    } else perform(effects);
    if (draw() < 0.08) {
      faults++;
      perform(commit(wake(load(), now)));
    }
  };

  const upcoming = [...commands];
  const spurious = Array.from({ length: 400 }, () => YEAR[0] + Math.floor(draw() * (YEAR[1] - YEAR[0]))).sort(
    (a, b) => a - b,
  );
  for (;;) {
    const end = world.next();
    const next = Math.min(
      wakeAt ?? Infinity,
      end?.[1] ?? Infinity,
      upcoming[0]?.at ?? Infinity,
      spurious[0] ?? Infinity,
    );
    if (next >= YEAR[1]) break;
    now = Math.max(now, isDown(next)?.[1] ?? next);
    if (spurious[0] !== undefined && spurious[0] <= now) {
      spurious.shift();
      issue((state) => wake(state, now));
    } else if (wakeAt !== undefined && wakeAt <= now) {
      issue((state) => wake(state, now));
    } else if (end && end[1] <= now) {
      const status = world.close(end[0]) as "COMPLETED";
      issue((state) => runClosed(state, now, { execution_id: end[0], status, failure: "no" }));
      if (draw() < 0.1) issue((state) => runClosed(state, now, { execution_id: end[0], status }));
    } else {
      const { command } = upcoming.shift()!;
      issue((state) => {
        switch (command.kind) {
          case "trigger":
            return trigger(state, now, (command.overlap as OverlapPolicy | undefined) ?? null);
          case "pause":
            return pause(state, now);
          case "resume":
            return resume(state, now);
          case "policy":
            return update(state, now, { policy: { overlap: command.overlap } });
          case "limit":
            return update(state, now, { max_executions: command.max });
          case "spec":
            return update(state, now, year.specs[command.index].definition);
        }
      });
    }
  }
  now = YEAR[1] - 1;
  commit(wake(load(), now));
  return { runs: world.summary(), outcomes, faults, steps };
}
