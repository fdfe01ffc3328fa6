/** Reads the answer to a POST over HTTP/1.1 (RFC 9112) from the parts in which it arrives. */

export interface HttpAnswer {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export const isOfLines = (status: number, type: string | undefined): boolean =>
  status === 200 && /^application\/x-ndjson\b/i.test(type ?? "");

/** Longer heads are refused, bytes. */
const MOST_HEAD = 64 * 1024;
const EMPTY = Buffer.alloc(0);
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const BARE_LINE_FEED = /(?:^|[^\r])\n/;

export class AnswerReader {
  /** Bytes that are not read yet. */
  #rest: Buffer = EMPTY;
  #status = 0;
  #headers = new Map<string, string>();
  readonly #parts: Buffer[] = [];
  #read: "head" | "length" | "chunk size" | "chunk" | "chunk end" | "trailer" | "to the end" | "done" = "head";
  /** Bytes of the body, or of the chunk, that are still to come. */
  #left = 0;
  #keepsOpen = true;

  /** True: the answer is complete. Throws if it is none. */
  read(part: Buffer): boolean {
    this.#rest = this.#rest.length > 0 ? Buffer.concat([this.#rest, part]) : part;
    while (this.#read !== "done" && this.#step());
    if (this.#read !== "done") return false;
    if (this.#rest.length > 0) this.#keepsOpen = false;
    return true;
  }

  /** The connection has ended. True: that completes the answer. */
  end(): boolean {
    if (this.#read !== "to the end") return false;
    this.#read = "done";
    this.#keepsOpen = false;
    return true;
  }

  /** The connection can be used for the next call. */
  get keepsOpen(): boolean {
    return this.#keepsOpen;
  }

  /** It comes line by line, as it is written. */
  get isOfLines(): boolean {
    return isOfLines(this.#status, this.#headers.get("content-type")) && !this.#headers.has("content-encoding");
  }

  /** The bytes of the body that have come since the last call; the value does not have them any more. */
  takeBody(): Buffer[] {
    return this.#parts.splice(0);
  }

  get value(): HttpAnswer {
    const body = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    return { status: this.#status, headers: this.#headers, body };
  }

  /** False: more bytes are needed. */
  #step(): boolean {
    switch (this.#read) {
      case "head":
        return this.#readHead();
      case "length":
        if (this.#take()) this.#read = "done";
        return this.#left === 0;
      case "chunk":
        if (this.#take()) this.#read = "chunk end";
        return this.#left === 0;
      case "to the end":
        this.#parts.push(this.#rest);
        this.#rest = EMPTY;
        return false;
      case "chunk size":
        return this.#line((line) => {
          const size = /^([\da-f]{1,8})[ \t]*(?:;.*)?$/i.exec(line)?.[1];
          if (size === undefined) throw new Error("the answer has a chunk without a size");
          this.#left = Number.parseInt(size, 16);
          this.#read = this.#left === 0 ? "trailer" : "chunk";
        });
      case "chunk end":
        return this.#line((line) => {
          if (line !== "") throw new Error("the answer has a chunk that is longer than its size");
          this.#read = "chunk size";
        });
      case "trailer":
        return this.#line((line) => {
          if (line === "") this.#read = "done";
        });
      case "done":
        return false;
    }
  }

  /** Moves bytes to the body. True: none are left to come. */
  #take(): boolean {
    const taken = this.#rest.subarray(0, this.#left);
    if (taken.length > 0) this.#parts.push(taken);
    this.#rest = this.#rest.subarray(taken.length);
    this.#left -= taken.length;
    return this.#left === 0;
  }

  #line(use: (line: string) => void): boolean {
    const end = this.#rest.indexOf("\r\n");
    if (end < 0) {
      if (this.#rest.length > MOST_HEAD) throw new Error("the answer has a line that is too long");
      return false;
    }
    const line = this.#rest.toString("latin1", 0, end);
    this.#rest = this.#rest.subarray(end + 2);
    use(line);
    return true;
  }

  #readHead(): boolean {
    const end = this.#rest.indexOf("\r\n\r\n");
    if (end < 0 ? this.#rest.length > MOST_HEAD : end > MOST_HEAD)
      throw new Error("the head of the answer is too long");
    const head = this.#rest.toString("latin1", 0, end < 0 ? this.#rest.length : end);
    // An end that never comes would be waited for until the time is over.
    if (BARE_LINE_FEED.test(head)) throw new Error("the answer has a line feed without a carriage return");
    if (end < 0) return false;
    const [statusLine = "", ...lines] = head.split("\r\n");
    this.#rest = this.#rest.subarray(end + 4);
    const status = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(statusLine);
    if (!status) throw new Error("the answer is not HTTP/1.1");
    this.#status = Number(status[2]);
    if (this.#status < 200) return true; // an interim answer: the real one follows
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
      if (!HEADER_NAME.test(name)) throw new Error("the answer has a header without a name");
      const before = this.#headers.get(name);
      const value = line.slice(colon + 1).trim();
      this.#headers.set(name, before === undefined ? value : `${before}, ${value}`);
    }
    const connection = this.#headers.get("connection")?.toLowerCase() ?? (status[1] === "1" ? "keep-alive" : "close");
    this.#keepsOpen = !/\bclose\b/.test(connection);
    this.#beginBody();
    return true;
  }

  #beginBody(): void {
    const encoding = this.#headers.get("transfer-encoding");
    const length = this.#headers.get("content-length");
    if (encoding !== undefined && length !== undefined) this.#keepsOpen = false; // another reader may see another end
    if (this.#status === 204 || this.#status === 304) this.#read = "done";
    else if (encoding !== undefined) this.#read = /\bchunked$/i.test(encoding) ? "chunk size" : "to the end";
    else if (length === undefined) this.#read = "to the end";
    else if (!/^\d{1,12}$/.test(length)) throw new Error("the answer has a length that is no number");
    else {
      this.#left = Number(length);
      this.#read = this.#left === 0 ? "done" : "length";
    }
  }
}
