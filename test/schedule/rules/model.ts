/**
 * The reference model of a schedule. It gets its due times from the test, takes in events (a batch of due times, a trigger, a
 * closed run...) and keeps plain lists. It shares no code with the state machine except the hash of the jitter.
 */

export interface Due {
  nominal: number;
  actual: number;
}

export interface Item {
  name: string;
  at: number;
  by: "spec" | "manual";
  override: number | undefined;
  hasAsked: boolean;
}

export interface ModelConfig {
  overlap: number;
  windowMs: number;
  pauseOnFailure: boolean;
  left: number;
}

export interface ModelWorld {
  /** The execution begins to run now. */
  begin(name: string): void;
  askToStop(name: string, how: "cancel" | "terminate"): void;
}

export class Model {
  readonly config: ModelConfig;
  readonly #world: ModelWorld;
  isPaused = false;
  queue: Item[] = [];
  running: string[] = [];
  /** The outcome of each due time, by the run's name. */
  readonly outcomes = new Map<string, string>();

  constructor(config: ModelConfig, world: ModelWorld) {
    this.config = config;
    this.#world = world;
  }

  /** Due times that are handled together at `now`, in order. */
  notice(batch: readonly Due[], now: number): void {
    // Pause and limit are checked once for the whole batch, before any of its runs has started.
    const lost = this.isPaused ? "paused" : this.config.left === 0 ? "exhausted" : undefined;
    for (const { nominal, actual } of batch) {
      const name = nameOf(nominal);
      if (lost) this.outcomes.set(name, lost);
      else if (actual + this.config.windowMs < now) this.outcomes.set(name, "missed_catchup");
      else this.queue.push({ name, at: nominal, by: "spec", override: undefined, hasAsked: false });
    }
  }

  triggered(now: number, number: number, override: number | undefined): void {
    this.queue.push({ name: `${nameOf(now)}-m${number}`, at: now, by: "manual", override, hasAsked: false });
    this.processQueue();
  }

  closed(name: string, failed: boolean): void {
    if (!this.running.includes(name)) return;
    this.running = this.running.filter((each) => each !== name);
    if (failed && this.config.pauseOnFailure) this.isPaused = true;
    this.processQueue();
  }

  /** One pass over the queue. */
  processQueue(): void {
    const policyOf = (item: Item) => item.override ?? this.config.overlap;
    const remove = (item: Item, outcome: string) => {
      this.outcomes.set(item.name, outcome);
      this.queue = this.queue.filter((each) => each !== item);
    };
    const wasIdle = this.running.length === 0;
    const chosen: Item[] = [];
    const slotsLeft = () => this.config.left - chosen.filter(({ by }) => by === "spec").length;
    const admit = (item: Item): boolean => {
      if (item.by === "manual" || (!this.isPaused && slotsLeft() > 0)) return chosen.push(item) > 0;
      remove(item, this.isPaused ? "paused" : "exhausted");
      return false;
    };

    let main: Item | undefined;
    const asking = new Set<number>();
    let kept = 0;
    for (const item of [...this.queue]) {
      const policy = policyOf(item);
      if (policy === 6) admit(item);
      else if (wasIdle && !main) main = admit(item) ? item : undefined;
      else if (policy === 1) remove(item, "skipped_overlap");
      else if (policy === 2 && kept > 0) remove(item, "skipped_overlap");
      else if (policy === 2 || policy === 3) kept++;
      else if (!wasIdle) {
        kept++;
        if (!item.hasAsked) asking.add(policy);
        item.hasAsked = true;
      } else {
        // The newer run replaces the older one if it may start.
        const older = main!;
        chosen.splice(chosen.indexOf(older), 1);
        if (admit(item)) {
          remove(older, "superseded");
          main = item;
        } else chosen.push(older);
      }
    }
    if (asking.size > 0) {
      for (const item of [...chosen]) {
        if (item.override === 6) continue;
        chosen.splice(chosen.indexOf(item), 1);
        remove(item, "superseded");
      }
      const how = asking.has(5) ? "terminate" : "cancel";
      for (const name of this.running) this.#world.askToStop(name, how);
    }
    const order = this.queue.filter((item) => chosen.includes(item));
    for (const item of order) {
      remove(item, "started");
      if (item.by === "spec") this.config.left--;
      this.running.push(item.name);
    }
    for (const item of order) this.#world.begin(item.name);
    for (const item of this.queue) this.outcomes.set(item.name, "buffered");
  }
}

/** `s-20260101T010000Z` */
export function nameOf(ms: number): string {
  return `s-${new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
}
