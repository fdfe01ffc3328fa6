/** Reads server-sent events, in the subset that Sirocco sends. */

export interface Frame {
  /** Empty if the frame names none. */
  readonly event: string;
  /** The latest id so far; empty before the first. */
  readonly id: string;
  readonly data: string;
}

/**
 * The complete frames of a body, without comments (keep-alives) and without an incomplete last frame. `onAlive` hears of
 * every complete block, comments and blocks without data too, with the latest id.
 */
export async function* frames(body: ReadableStream<Uint8Array>, onAlive?: (id: string) => void): AsyncGenerator<Frame> {
  let event = "";
  let id = "";
  let data: string[] = [];
  for await (const line of lines(body)) {
    if (line === "") {
      onAlive?.(id);
      if (data.length > 0) yield { event, id, data: data.join("\n") };
      event = "";
      data = [];
      continue;
    }
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
    else if (field === "id") id = value;
  }
}

/** Complete lines that end with CR, LF or CR LF. */
async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    // A CR at the end of a chunk may be the first half of a CR LF.
    const held = rest.endsWith("\r") ? 1 : 0;
    const parts = rest.slice(0, rest.length - held).split(/\r\n|\n|\r/);
    rest = (parts.pop() as string) + rest.slice(rest.length - held);
    yield* parts;
  }
}
