/** Server-sent events, as far as Sirocco sends them. */

export interface Frame {
  /** Empty where the stream named none. */
  readonly event: string;
  /** The latest id so far; empty if none came yet. */
  readonly id: string;
  readonly data: string;
}

/** Whole frames of a body; comments (keep-alives) and a last frame that was cut off are dropped. */
export async function* frames(body: ReadableStream<Uint8Array>): AsyncGenerator<Frame> {
  let event = "";
  let id = "";
  let data: string[] = [];
  for await (const line of lines(body)) {
    if (line === "") {
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

/** Complete lines, whichever way they end. */
async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    // A CR at the very end may be half of a CR LF.
    const held = rest.endsWith("\r") ? 1 : 0;
    const parts = rest.slice(0, rest.length - held).split(/\r\n|\n|\r/);
    rest = (parts.pop() as string) + rest.slice(rest.length - held);
    yield* parts;
  }
}
