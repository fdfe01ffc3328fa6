/** The calls of a worker to a server in another thread of its process (INPROCESS-1, INPROCESS-2). */

import { Awake } from "../../shared/lib/awake.ts";
import {
  IN_PROCESS_SERVER,
  type InProcessAnswer,
  type InProcessCall,
  type InProcessServer,
  LINE,
} from "../../shared/lib/in-process-calls.ts";
import { onAbort } from "../../shared/lib/on-abort.ts";
import { WORKER_ROUTES, type WorkerOperation } from "../../shared/protocol/worker.ts";
import type { PartReader } from "./poll-parts.ts";
import {
  type Answered,
  type CallOptions,
  ServerUnreachable,
  TIMEOUT_MS,
  type Transport,
  type TransportOptions,
  transportOver,
  withoutHalves,
} from "./transport.ts";

/** The server of this process, if `url` is its address (INPROCESS-1). */
export function serverInProcess(url: string): InProcessServer | undefined {
  const found = (globalThis as { [IN_PROCESS_SERVER]?: InProcessServer })[IN_PROCESS_SERVER];
  return found && isSame(new URL(found.url), new URL(url)) ? found : undefined;
}

const LOOPBACK = /^(127\.0\.0\.1|\[::1\])$/;

/** `localhost` is both addresses. */
function isSame(a: URL, b: URL): boolean {
  if (a.href === b.href) return true;
  const isNamed = a.hostname === "localhost" || b.hostname === "localhost";
  const named = ({ href, hostname }: URL) => (LOOPBACK.test(hostname) ? href.replace(hostname, "localhost") : href);
  return isNamed && named(a) === named(b);
}

export function inProcessTransport(
  server: InProcessServer,
  options: TransportOptions & { readonly apiKey: string },
): Transport {
  const calls = new InProcessCalls(server, options.apiKey);
  const pack = (body: unknown) => withoutHalves(JSON.stringify(body));
  return transportOver({ pack, send: (...call) => calls.send(...call), close: () => calls.close() }, options);
}

class InProcessCalls {
  readonly #port: ReturnType<InProcessServer["connect"]>;
  readonly #authorization: string;
  readonly #open = new Map<number, OpenCall>();
  readonly #awake = new Awake();
  #last = 0;
  #isClosed = false;

  constructor(server: InProcessServer, apiKey: string) {
    this.#authorization = `Bearer ${apiKey}`;
    this.#port = server.connect();
    this.#port.on("message", ([id, status, text]: InProcessAnswer) => {
      this.#awake.came();
      const call = this.#open.get(id);
      if (status === LINE) call?.line(text);
      else call?.resolve({ status, text });
    });
    this.#port.on("close", () => {
      this.#isClosed = true;
      for (const call of [...this.#open.values()]) call.fail("it has ended");
    });
  }

  send(operation: WorkerOperation, body: string, o: CallOptions, parts: PartReader | undefined): Promise<Answered> {
    return new Promise((resolve, reject) => {
      if (o.signal?.aborted) return reject(aborted());
      const failed = (why: string, cause?: unknown) =>
        new ServerUnreachable(operation, `cannot reach the server in this process: ${why}`, cause);
      if (this.#isClosed) return reject(failed("it has ended"));
      this.#last += 1;
      const id = this.#last;
      const end = () => {
        this.#open.delete(id);
        clearTimeout(timer);
        stopListening();
      };
      const giveUp = (why: Error) => {
        end();
        if (!this.#isClosed) this.#post([id]);
        reject(why);
      };
      const timer = setTimeout(() => giveUp(failed("timed out")), o.timeoutMs ?? TIMEOUT_MS);
      const stopListening = onAbort(o.signal, () => giveUp(aborted()));
      this.#open.set(id, {
        line(text) {
          timer.refresh();
          try {
            parts?.readLine(text);
          } catch (error) {
            giveUp(failed("it answered with a line that cannot be read", error));
          }
        },
        resolve(answer) {
          end();
          resolve(answer);
        },
        fail: (why) => giveUp(failed(why)),
      });
      this.#post([id, WORKER_ROUTES[operation].path, this.#authorization, body]);
    });
  }

  close(): void {
    this.#port.close();
  }

  #post(call: InProcessCall): void {
    this.#port.postMessage(call);
    const [, , , body = ""] = call;
    this.#awake.sent(body.length, this.#open.size);
  }
}

interface OpenCall {
  line(text: string): void;
  resolve(answer: Answered): void;
  fail(why: string): void;
}

const aborted = () => new DOMException("This operation was aborted", "AbortError");
