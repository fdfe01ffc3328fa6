/**
 * The client of the comparison: one for all engines, HTTP/1.1 with connections that are kept open. It shares the processors with
 * the engine, and a faster engine has more calls made: so it does without `node:http`, which took twice its processor time.
 */
import { createConnection, type Socket } from "node:net";

export interface Target {
  readonly port: number;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Connections without a call, by port. */
const idle = new Map<number, Connection[]>();

/** Sends a request and resolves with the answer's text. Rejects if the status is not 2xx. */
export async function post(target: Target): Promise<string> {
  const { port, path } = target;
  const connection = idleOf(port).pop() ?? new Connection(port);
  const { status, text } = await connection.call(requestText(target));
  if (!connection.isClosed) idleOf(port).push(connection);
  if (status >= 200 && status < 300) return text;
  throw new Error(`${path} answered ${status}: ${text}`);
}

function idleOf(port: number): Connection[] {
  const known = idle.get(port);
  if (known) return known;
  const none: Connection[] = [];
  idle.set(port, none);
  return none;
}

export function closeConnections(): void {
  for (const connections of idle.values()) for (const connection of connections) connection.close();
  idle.clear();
}

function requestText({ port, path, headers, body }: Target): string {
  const text = JSON.stringify(body);
  const all = {
    host: `127.0.0.1:${port}`,
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n${text}`;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One call at a time. */
class Connection {
  isClosed = false;
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #call: { resolve(answer: Answer): void; reject(why: Error): void } | null = null;

  constructor(port: number) {
    this.#socket = createConnection({ host: "127.0.0.1", port, noDelay: true });
    this.#socket.on("data", (part: Buffer) => {
      this.#received = this.#received.length === 0 ? part : Buffer.concat([this.#received, part]);
      try {
        this.#read();
      } catch (why) {
        this.#socket.destroy();
        this.#end(why as Error);
      }
    });
    this.#socket.on("error", (why) => this.#end(why));
    this.#socket.on("close", () => this.#end(new Error("the engine has closed the connection")));
  }

  call(text: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#call = { resolve, reject };
      this.#socket.write(text);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(): void {
    const read = answerIn(this.#received);
    if (read === null) return;
    this.#received = Buffer.alloc(0);
    if (read.closes) this.isClosed = true;
    this.#call?.resolve(read);
    this.#call = null;
  }

  #end(why: Error): void {
    this.isClosed = true;
    this.#call?.reject(why);
    this.#call = null;
    for (const [port, connections] of idle)
      idle.set(
        port,
        connections.filter((each) => each !== this),
      );
  }
}

const HEAD_END = "\r\n\r\n";

/** Null: a part of the answer is missing. Throws if it does not say how long it is, as none of the engines does. */
function answerIn(received: Buffer): (Answer & { readonly closes: boolean }) | null {
  const end = received.indexOf(HEAD_END);
  if (end < 0) return null;
  const head = received.toString("latin1", 0, end).toLowerCase();
  const status = Number(head.slice(9, 12));
  const body = received.subarray(end + HEAD_END.length);
  const length = /\r\ncontent-length:\s*(\d+)/.exec(head)?.[1];
  const isChunked = /\r\ntransfer-encoding:\s*chunked/.test(head);
  if (length === undefined && !isChunked) throw new Error(`the answer does not say how long it is: ${head}`);
  const text = isChunked ? chunksOf(body) : textOf(body, Number(length));
  return text === null ? null : { status, text, closes: /\r\nconnection:\s*close/.test(head) };
}

const textOf = (body: Buffer, length: number): string | null =>
  body.length < length ? null : body.toString("utf8", 0, length);

function chunksOf(body: Buffer): string | null {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = body.indexOf("\r\n", at);
    if (line < 0) return null;
    const size = Number.parseInt(body.toString("latin1", at, line), 16);
    const next = line + 2 + size + 2;
    if (Number.isNaN(size)) throw new Error(`not the size of a chunk: ${body.toString("latin1", at, line)}`);
    if (body.length < next) return null;
    if (size === 0) return Buffer.concat(chunks).toString();
    chunks.push(body.subarray(line + 2, next - 2));
    at = next;
  }
}
