/** A pipe between two processes of one machine: it loses nothing and keeps the order, and ends when its writer ends. */
import type { Readable, Writable } from "node:stream";
import { encodeFrame, FrameReader } from "../../sdk/host/frames.ts";
import type { Process, World } from "./world.ts";

type Listener = (part: Buffer) => void;

export class Pipe {
  readonly #world: World;
  readonly #reader: Process;
  readonly #queue: (Buffer | null)[] = [];
  #onData: Listener = () => {};
  #onEnd: () => void = () => {};
  #ended = false;

  constructor(world: World, writer: Process, reader: Process) {
    this.#world = world;
    this.#reader = reader;
    writer.onDeath(() => this.end());
  }

  write(message: object): void {
    this.#push(encodeFrame(message));
  }

  end(): void {
    if (!this.#ended) this.#push(null);
    this.#ended = true;
  }

  /** For a reader that takes messages. */
  read(take: (message: unknown) => void, ended: () => void): void {
    const reader = new FrameReader();
    this.#onData = (part) => {
      for (const message of reader.push(part)) take(message);
    };
    this.#onEnd = ended;
  }

  /** The two ends as streams, as far as `frameStream` uses them. */
  get readable(): Readable {
    const on = (event: string, listener: Listener & (() => void)) => {
      if (event === "data") this.#onData = listener;
      if (event === "end") this.#onEnd = listener;
    };
    return { on } as unknown as Readable;
  }
  get writable(): Writable {
    return { on: () => {}, write: (frame: Buffer) => this.#push(frame) } as unknown as Writable;
  }

  /** Each delivery takes the oldest: events of one moment come in any order. */
  #push(part: Buffer | null): void {
    if (this.#ended) return;
    this.#queue.push(part);
    this.#world.within(this.#reader, this.#world.now, () => {
      const next = this.#queue.shift()!;
      if (next === null) this.#onEnd();
      else this.#onData(next);
    });
  }
}
