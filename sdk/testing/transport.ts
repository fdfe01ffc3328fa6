/** Calls straight into the API of an engine in the same process, through the same JSON as over a wire. */
import { randomUUID } from "node:crypto";
import type { Api } from "../../shared/api/dispatch-request.ts";
import type { Ports } from "../../shared/ports.ts";
import { WORKER_ROUTES, type WorkerBody } from "../../shared/protocol/worker.ts";
import { ServerRefusal, type Transport } from "../worker/transport.ts";

export interface InProcess extends Transport {
  /** Calls under way, those that wait for tasks left out. */
  readonly underWay: number;
}

export async function request(
  api: Api,
  key: string,
  method: string,
  target: string,
  body?: unknown,
  signal: AbortSignal = AbortSignal.any([]),
): Promise<{ status: number; body: unknown }> {
  const text = body === undefined ? "" : JSON.stringify(body);
  const answer = await api.handle({
    method,
    target,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", "x-request-id": randomUUID() },
    body: Buffer.byteLength(text) > api.bodyLimit(target) ? null : text,
    signal,
  });
  if (answer.kind === "stream") throw new Error("streams are not read this way");
  return { status: answer.status, body: answer.body === "" ? null : JSON.parse(answer.body) };
}

/** Time is virtual: a wait for tasks never needs to end, and would wake for nothing thousands of times. */
const FOR_EVER = 1e13;

export function inProcess(api: Api, key: string, ports: Ports, workspace: string): InProcess {
  let underWay = 0;
  const poll = async (body: WorkerBody<"poll">, signal?: AbortSignal) => {
    const { deployment, queue, session, max } = body;
    const p = { session, max, waitMs: FOR_EVER, ...(signal ? { signal } : {}) };
    const deliveries = await ports.tasks.receive({ workspace, deployment, queue }, p);
    await ports.durable();
    return { deliveries };
  };
  return {
    get underWay() {
      return underWay;
    },
    async call(operation, body, options = {}) {
      if (operation === "poll") return (await poll(body as WorkerBody<"poll">, options.signal)) as never;
      underWay += 1;
      try {
        const answer = await request(api, key, "POST", WORKER_ROUTES[operation].path, body, options.signal);
        if (answer.status === 200) return answer.body as never;
        const { code, detail } = answer.body as { code: string; detail: unknown };
        throw new ServerRefusal(
          operation,
          answer.status,
          code,
          typeof detail === "string" ? detail : JSON.stringify(detail),
        );
      } finally {
        underWay -= 1;
      }
    },
    close: () => {},
  };
}

/** The way of one worker to the engine. Once cut, nothing goes out any more and no answer comes in. */
export function severable(inner: Transport): Transport & { cut(): void } {
  let gone = false;
  const never = new Promise<never>(() => {});
  return {
    async call(operation, body, options) {
      if (gone) return never;
      const answer = await inner
        .call(operation, body, options)
        .catch((error) => (gone ? never : Promise.reject(error)));
      return gone ? never : answer;
    },
    close: () => inner.close(),
    cut: () => {
      gone = true;
    },
  };
}
