/** The clock of one machine. It may be set by an hour; its steady clock goes on as before. */
import type { Clock } from "../../shared/ports.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import type { Process, World } from "./world.ts";

const HOUR: Millis = 3_600_000;

export class Machine implements Clock {
  readonly #world: World;
  readonly #at: Clock["at"];
  readonly #skew: Millis;
  #ahead: Millis;

  /** `skew`: by how much it was wrong when it started. */
  constructor(world: World, skew: Millis, at: Clock["at"] = (due, fn) => world.at(due, fn)) {
    this.#world = world;
    this.#at = at;
    this.#skew = skew;
    this.#ahead = skew;
  }

  now(): Millis {
    return this.#world.now + this.#ahead;
  }
  steady(): Millis {
    return this.#world.now + this.#skew;
  }
  at(due: Millis, fn: () => void): () => void {
    return this.#at(due - this.#ahead, fn);
  }

  /** With the fault's probability the clock is set: an hour back or ahead, or right. */
  mayBeSet(): void {
    const { chance, faults } = this.#world;
    if (chance.happens(faults.clockSet)) this.#ahead = this.#skew + chance.oneOf([-HOUR, 0, HOUR]);
  }
}

/** Of a process that starts now: wrong by up to 2 s, and set at times. */
export function machineOf(world: World, process: Process): Machine {
  const { chance } = world;
  const machine = new Machine(world, chance.between(-2_000, 2_000), (at, fn) => world.within(process, at, fn));
  const set = () => {
    machine.mayBeSet();
    if (process.alive) world.within(process, world.now + 60_000, set);
  };
  world.within(process, world.now + chance.between(0, 60_000), set);
  return machine;
}
