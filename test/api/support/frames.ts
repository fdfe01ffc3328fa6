/** Reads a stream frame by frame from its bytes, for details that the client hides. */
import type { World } from "./world.ts";

export interface RawFrame {
  readonly text: string;
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: Record<string, unknown> | undefined;
}

export class Frames {
  readonly headers: Headers;
  /** Comments seen so far. */
  comments = 0;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #buffer = "";

  private constructor(response: Response) {
    this.headers = response.headers;
    this.#reader = response.body!.getReader();
  }

  static async open(w: World, path: string, headers: Record<string, string> = {}): Promise<Frames> {
    const response = await fetch(w.server.url + path, { headers: { authorization: `Bearer ${w.key}`, ...headers } });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return new Frames(response);
  }

  /** The text after the last blank line. */
  get leftover(): string {
    return this.#buffer;
  }

  async #block(): Promise<string | undefined> {
    for (;;) {
      const end = this.#buffer.indexOf("\n\n");
      if (end >= 0) {
        const text = this.#buffer.slice(0, end + 2);
        this.#buffer = this.#buffer.slice(end + 2);
        return text;
      }
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#buffer += this.#decoder.decode(value, { stream: true });
    }
  }

  /** The next frame that is no comment; undefined at the end. */
  async next(): Promise<RawFrame | undefined> {
    for (;;) {
      const text = await this.#block();
      if (text === undefined) return undefined;
      if (text.startsWith(":")) this.comments += 1;
      else return parse(text);
    }
  }

  /** The next block, which must be a comment. */
  async comment(): Promise<string> {
    const text = await this.#block();
    if (!text?.startsWith(": ")) throw new Error(`not a comment: ${text}`);
    this.comments += 1;
    return text.slice(2).trim();
  }

  async rest(): Promise<RawFrame[]> {
    const frames: RawFrame[] = [];
    for (let frame = await this.next(); frame; frame = await this.next()) frames.push(frame);
    return frames;
  }

  leave(): Promise<void> {
    return this.#reader.cancel();
  }
}

function parse(text: string): RawFrame {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(text)?.[1];
  const data = field("data");
  return { text, id: field("id"), event: field("event"), data: data === undefined ? undefined : JSON.parse(data) };
}
