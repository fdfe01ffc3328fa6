/**
 * The reference model of a schedule: knows all due times of the year beforehand, is told only what happened (a batch of due
 * times, a trigger, a closed run...) and keeps plain lists. It shares no code with the state machine but the hash of the jitter.
 */

export interface Due {
  nominal: number;
  actual: number;
}

export interface Item {
  name: string;
  at: number;
  by: "spec" | "hand";
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
  /** What became of each due time, by the run's name. */
  readonly fate = new Map<string, string>();

  constructor(config: ModelConfig, world: ModelWorld) {
    this.config = config;
    this.#world = world;
  }

  /** Due times noticed together at `now`, in order. */
  notice(batch: readonly Due[], now: number): void {
    // Whether they are lost is decided for the whole batch: none of them has started anything yet.
    const verdict = this.isPaused ? "paused" : this.config.left === 0 ? "exhausted" : undefined;
    for (const { nominal, actual } of batch) {
      const name = nameOf(nominal);
      if (verdict) this.fate.set(name, verdict);
      else if (actual + this.config.windowMs < now) this.fate.set(name, "missed_catchup");
      else this.queue.push({ name, at: nominal, by: "spec", override: undefined, hasAsked: false });
    }
  }

  triggered(now: number, number: number, override: number | undefined): void {
    this.queue.push({ name: `${nameOf(now)}-m${number}`, at: now, by: "hand", override, hasAsked: false });
    this.settle();
  }

  closed(name: string, failed: boolean): void {
    if (!this.running.includes(name)) return;
    this.running = this.running.filter((each) => each !== name);
    if (failed && this.config.pauseOnFailure) this.isPaused = true;
    this.settle();
  }

  /** Lets everything in the queue have its turn. */
  settle(): void {
    const policyOf = (item: Item) => item.override ?? this.config.overlap;
    const drop = (item: Item, fate: string) => {
      this.fate.set(item.name, fate);
      this.queue = this.queue.filter((each) => each !== item);
    };
    const wasIdle = this.running.length === 0;
    const chosen: Item[] = [];
    const slotsLeft = () => this.config.left - chosen.filter(({ by }) => by === "spec").length;
    const admit = (item: Item): boolean => {
      if (item.by === "hand" || (!this.isPaused && slotsLeft() > 0)) return chosen.push(item) > 0;
      drop(item, this.isPaused ? "paused" : "exhausted");
      return false;
    };

    let main: Item | undefined;
    const asking = new Set<number>();
    let kept = 0;
    for (const item of [...this.queue]) {
      const policy = policyOf(item);
      if (policy === 6) admit(item);
      else if (wasIdle && !main) main = admit(item) ? item : undefined;
      else if (policy === 1) drop(item, "skipped_overlap");
      else if (policy === 2 && kept > 0) drop(item, "skipped_overlap");
      else if (policy === 2 || policy === 3) kept++;
      else if (!wasIdle) {
        kept++;
        if (!item.hasAsked) asking.add(policy);
        item.hasAsked = true;
      } else {
        // The newer takes the older one's place, if it may start at all.
        const older = main!;
        chosen.splice(chosen.indexOf(older), 1);
        if (admit(item)) {
          drop(older, "superseded");
          main = item;
        } else chosen.push(older);
      }
    }
    if (asking.size > 0) {
      for (const item of [...chosen]) {
        if (item.override === 6) continue;
        chosen.splice(chosen.indexOf(item), 1);
        drop(item, "superseded");
      }
      const how = asking.has(5) ? "terminate" : "cancel";
      for (const name of this.running) this.#world.askToStop(name, how);
    }
    const order = this.queue.filter((item) => chosen.includes(item));
    for (const item of order) {
      drop(item, "started");
      if (item.by === "spec") this.config.left--;
      this.running.push(item.name);
    }
    for (const item of order) this.#world.begin(item.name);
    for (const item of this.queue) this.fate.set(item.name, "buffered");
  }
}

/** `report-20260101T010000Z` */
export function nameOf(ms: number): string {
  return `s-${new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
}
