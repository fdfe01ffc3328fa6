/**
 * Frames between the worker core and its host: four bytes of length, big-endian, then a JSON object in UTF-8.
 *
 * FRAME-1. A frame is written whole or not at all. A stream that ends inside a frame has lost its writer.
 * FRAME-2. A frame has at most `MAX_FRAME` bytes: a longer length is a sign of foreign bytes on the pipe (something printed
 *     to standard output), and nothing after it can be read.
 */
import type { Readable, Writable } from "node:stream";

export const MAX_FRAME = 32 * 1024 * 1024;
const HEAD = 4;

/** What the other side sent cannot be read; the pipe is of no more use. */
export class FrameError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "FrameError";
  }
}

export function encodeFrame(value: object): Buffer {
  const text = JSON.stringify(value);
  const length = Buffer.byteLength(text);
  if (length > MAX_FRAME) throw new FrameError(`a frame of ${length} bytes was to be sent, the limit is ${MAX_FRAME}`);
  const frame = Buffer.allocUnsafe(HEAD + length);
  frame.writeUInt32BE(length);
  frame.write(text, HEAD);
  return frame;
}

/**
 * Takes bytes as they come, answers the JSON values that are complete. Throws `FrameError`. What it keeps of the bytes it copies: their
 * memory is used again.
 */
export class FrameReader {
  #parts: Buffer[] = [];
  #have = 0;
  /** Bytes of the frame under way, its head included; null: the head has not come yet. */
  #need: number | null = null;

  push(part: Buffer): unknown[] {
    this.#parts.push(part);
    this.#have += part.length;
    const values: unknown[] = [];
    for (let value = this.#next(); value !== undefined; value = this.#next()) values.push(value.json);
    const last = this.#parts.pop();
    if (last !== undefined && last.length > 0) this.#parts.push(Buffer.from(last));
    return values;
  }

  /** Bytes of a frame that has not come whole. */
  get rest(): number {
    return this.#have;
  }

  #next(): { readonly json: unknown } | undefined {
    if (this.#need === null) {
      if (this.#have < HEAD) return undefined;
      const length = this.#joined().readUInt32BE(0);
      if (length > MAX_FRAME) {
        throw new FrameError(
          `a frame of ${length} bytes is announced, the limit is ${MAX_FRAME}: is something else written to this pipe?`,
        );
      }
      this.#need = HEAD + length;
    }
    if (this.#have < this.#need) return undefined;
    const all = this.#joined();
    const text = all.toString("utf8", HEAD, this.#need);
    this.#parts = [all.subarray(this.#need)];
    this.#have -= this.#need;
    this.#need = null;
    try {
      return { json: JSON.parse(text) };
    } catch (error) {
      throw new FrameError(`a frame is not JSON (${(error as Error).message}): ${text.slice(0, 80)}`);
    }
  }

  /** Joins what has come only when it is needed: a long frame comes in many parts. */
  #joined(): Buffer {
    if (this.#parts.length > 1) this.#parts = [Buffer.concat(this.#parts, this.#have)];
    return this.#parts[0]!;
  }
}

export interface FrameStream {
  send(value: object): void;
}

/** `take` gets every value that comes in; `ended` is called once, with an error where the pipe broke or cannot be read. */
export function frameStream(
  input: Readable,
  output: Writable,
  take: (value: unknown) => void,
  ended: (error: Error | null) => void,
): FrameStream {
  const reader = new FrameReader();
  let over = false;
  const end = (error: Error | null) => {
    if (over) return;
    over = true;
    ended(error);
  };
  input.on("data", (part: Buffer) => {
    if (over) return;
    try {
      for (const value of reader.push(part)) take(value);
    } catch (error) {
      end(error as Error);
    }
  });
  input.on("end", () =>
    end(reader.rest > 0 ? new FrameError(`the pipe ended inside a frame, ${reader.rest} bytes into it`) : null),
  );
  input.on("error", end);
  output.on("error", end); // EPIPE: the host died while something was written to it
  return { send: (value) => void output.write(encodeFrame(value)) };
}
