/**
 * POST over HTTP/1.1 without TLS, with connections that are kept open. A worker calls its server for each step that it records,
 * and in `node:http` a call takes most of the worker's time for a step: its streams, its events, and one write more.
 *
 * PLAINHTTP-1. A connection carries one call at a time. After a complete answer the next call uses it; after anything else
 *     (an error, an abort, a timeout, bytes that belong to no call, `connection: close`, the end of the idle time that the
 *     server names) it is closed. So no call receives the answer of another.
 */
import net from "node:net";
import { Awake } from "../../shared/lib/awake.ts";
import { isLoopback } from "../../shared/lib/loopback.ts";
import { onAbort } from "../../shared/lib/on-abort.ts";
import { AnswerReader, type HttpAnswer } from "./http-answer.ts";

export interface Post {
  readonly path: string;
  /** Lines of the head, each with its end, without `host` and `content-length`. */
  readonly headers: string;
  readonly body: string | Buffer;
  /** The call fails when the connection is idle for so long. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Given the bytes of an answer of lines as they come, and the answer then has no body. If it throws, the call fails. */
  readonly onLines?: ((part: Buffer) => void) | undefined;
}

/** As many connections are open at most; further calls wait for one. */
const MOST_CONNECTIONS = 64;
/** The operating system tests an idle connection after this, ms. */
const TEST_IDLE_MS = 1_000;
/** Of a limit that the server names; `node:http` leaves as much. */
const CROSSING_MS = 1_000;
/** A longer body is written apart from the head: copying it would take longer. */
const LONG_BODY = 64 * 1024;

export class PlainHttp {
  readonly #address: { readonly host: string; readonly port: number };
  readonly #host: string;
  /** The one used last is used next, so that those which load does not need lapse. */
  readonly #idle: Connection[] = [];
  readonly #open = new Set<Connection>();
  readonly #waiting = new Set<() => void>();
  /** Null: the server is on another machine. */
  readonly #awake: Pick<Awake, "sent" | "came"> | null;
  #closed = false;

  /** `awake`: of the calls to a server on this machine (AWAKE-1). */
  constructor(base: URL, awake: Pick<Awake, "sent" | "came"> = new Awake()) {
    const host = base.hostname.replace(/^\[|\]$/g, "");
    this.#address = { host, port: Number(base.port || 80) };
    this.#host = base.host;
    this.#awake = isLoopback(host) ? awake : null;
  }

  async post(p: Post): Promise<HttpAnswer> {
    for (;;) {
      if (p.signal?.aborted) throw aborted();
      if (this.#closed) throw new Error("the transport is closed");
      if (this.#idle.length > 0 || this.#open.size < MOST_CONNECTIONS) break;
      await this.#room(p.signal);
    }
    const connection = this.#idle.pop() ?? this.#connect();
    const answer = connection.post(this.#host, p);
    this.#awake?.sent(p.body.length, this.#open.size - this.#idle.length);
    return answer;
  }

  #connect(): Connection {
    const connection = new Connection(net.connect({ ...this.#address, noDelay: true }), {
      onBytes: () => this.#awake?.came(),
      onIdle: () => {
        this.#idle.push(connection);
        this.#announceRoom();
      },
      onClosed: () => {
        this.#open.delete(connection);
        const i = this.#idle.indexOf(connection);
        if (i >= 0) this.#idle.splice(i, 1);
        this.#announceRoom();
      },
    });
    this.#open.add(connection);
    return connection;
  }

  #room(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        this.#waiting.delete(go);
        stopListening();
        resolve();
      };
      this.#waiting.add(go);
      const stopListening = onAbort(signal, go);
    });
  }

  #announceRoom(): void {
    const [go] = this.#waiting;
    go?.();
  }

  close(): void {
    this.#closed = true;
    for (const connection of [...this.#open]) connection.close(new Error("the transport was closed"));
    for (const go of this.#waiting) go();
  }
}

interface Call {
  readonly answer: AnswerReader;
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (why: Error) => void;
  readonly stopListening: () => void;
  readonly onLines: Post["onLines"];
}

interface ConnectionEvents {
  readonly onBytes: () => void;
  readonly onIdle: () => void;
  readonly onClosed: () => void;
}

class Connection {
  readonly #socket: net.Socket;
  readonly #on: ConnectionEvents;
  #call: Call | null = null;
  #timeoutMs = 0;

  constructor(socket: net.Socket, on: ConnectionEvents) {
    this.#socket = socket;
    this.#on = on;
    socket.setKeepAlive(true, TEST_IDLE_MS);
    socket.on("data", (part: Buffer) => this.#read(part));
    socket.on("end", () => this.#end());
    socket.on("timeout", () => this.close(new Error("timed out")));
    socket.on("error", (error) => this.close(error));
    socket.on("close", () => this.close(new Error("the connection was closed")));
  }

  post(host: string, { path, headers, body, timeoutMs, signal, onLines }: Post): Promise<HttpAnswer> {
    const socket = this.#socket;
    const bytes = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    const head = `POST ${path} HTTP/1.1\r\nhost: ${host}\r\n${headers}content-length: ${bytes}\r\n\r\n`;
    socket.ref();
    this.#lapseAfter(timeoutMs);
    return new Promise((resolve, reject) => {
      const stopListening = onAbort(signal, () => this.close(aborted()));
      this.#call = { answer: new AnswerReader(), resolve, reject, stopListening, onLines };
      if (typeof body === "string" && bytes < LONG_BODY) {
        socket.write(head + body);
        return;
      }
      socket.cork();
      socket.write(head);
      socket.write(body);
      socket.uncork();
    });
  }

  #lapseAfter(ms: number): void {
    if (this.#timeoutMs !== ms) this.#socket.setTimeout(ms);
    this.#timeoutMs = ms;
  }

  #read(part: Buffer): void {
    this.#on.onBytes();
    const call = this.#call;
    try {
      if (!call) this.close(new Error("the server sent bytes without a call"));
      else {
        const isComplete = call.answer.read(part);
        if (call.onLines && call.answer.isOfLines) for (const bytes of call.answer.takeBody()) call.onLines(bytes);
        if (isComplete) this.#answered(call);
      }
    } catch (error) {
      this.close(error as Error);
    }
  }

  /** The server sends nothing further: the end of an answer whose length it did not say. */
  #end(): void {
    const call = this.#call;
    if (call?.answer.end()) this.#answered(call);
    else this.close(new Error("the server closed the connection before its answer was complete"));
  }

  #answered(call: Call): void {
    this.#call = null;
    call.stopListening();
    const idleMs = idleLimitOf(call.answer.value);
    if (call.answer.keepsOpen && idleMs > 0 && !this.#socket.destroyed && this.#socket.writableLength === 0) {
      this.#socket.unref(); // an idle connection does not keep the process alive
      this.#lapseAfter(Math.min(idleMs, this.#timeoutMs));
      this.#on.onIdle();
    } else {
      this.close(new Error("the connection carries no further call"));
    }
    call.resolve(call.answer.value);
  }

  close(why: Error): void {
    const call = this.#call;
    this.#call = null;
    this.#socket.destroy();
    this.#on.onClosed();
    call?.stopListening();
    call?.reject(why);
  }
}

/** How long the connection may be idle, ms: the server's limit, less the time in which a call and its end could cross. */
function idleLimitOf({ headers }: HttpAnswer): number {
  const seconds = /\btimeout=(\d{1,6})\b/i.exec(headers.get("keep-alive") ?? "")?.[1];
  return seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 1_000 - CROSSING_MS;
}

const aborted = (): Error => Object.assign(new Error("the call was aborted"), { name: "AbortError" });
