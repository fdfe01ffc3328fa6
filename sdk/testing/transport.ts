/** Calls the API of an engine in the same process; bodies pass through JSON as they would on a network. */
import { randomUUID } from "node:crypto";
import type { Api } from "../../shared/api/dispatch-request.ts";
import type { Ports } from "../../shared/ports.ts";
import {
  type CloseItem,
  type CloseResult,
  WORKER_ROUTES,
  type WorkerAnswer,
  type WorkerBody,
  type WorkerOperation,
} from "../../shared/protocol/worker.ts";
import { ServerRefusal, type Transport } from "../worker/transport.ts";

export interface InProcess extends Transport {
  /** Number of calls under way, without polls that wait for tasks and without queries to other executions. */
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
  if (answer.kind === "stream") throw new Error(`${target} answers a stream, which a test cannot read`);
  return { status: answer.status, body: answer.body === "" ? null : JSON.parse(answer.body) };
}

/** Under virtual time a poll with a limit would end and begin again thousands of times, so polls have none. */
const NO_LIMIT_MS = 1e13;

/** A query to another execution: time moves on while nobody answers it, and its activity holds time as others do. */
const waitsForOthers = (operation: WorkerOperation, body: unknown): boolean =>
  operation === "message" && (body as WorkerBody<"message">).message.kind === "query";

/** The executions whose runs this call has continued. */
function continuedBy(operation: WorkerOperation, body: unknown, answer: unknown): string[] {
  const [closes, closed] =
    operation === "close"
      ? [[body as CloseItem], [answer as CloseResult]]
      : operation === "append"
        ? [(body as WorkerBody<"append">).closes ?? [], (answer as WorkerAnswer<"append">).closed ?? []]
        : [[], []];
  return closes
    .filter(({ batch }, i) => batch.events.at(-1)?.kind === "execution_continued" && closed[i]?.kind === "closed")
    .map(({ execution }) => execution);
}

/** `onContinued`: a run of this execution has ended by continuing as new. */
export function inProcess(
  api: Api,
  key: string,
  ports: Ports,
  workspace: string,
  onContinued: (execution: string) => void = () => {},
): InProcess {
  let underWay = 0;
  const poll = async (body: WorkerBody<"poll">, signal?: AbortSignal) => {
    const { deployment, queue, session, max, claim, claim_again: again = false } = body;
    if (max === 0) {
      ports.tasks.endReceives?.({ workspace, deployment, queue }, session);
      return { deliveries: [] };
    }
    const p = { session, max, waitMs: NO_LIMIT_MS, ...(signal ? { signal } : {}) };
    const received = await ports.tasks.receive({ workspace, deployment, queue }, p);
    underWay += 1; // no time passes while the server claims
    try {
      const by = { session, again };
      const deliveries = (claim && (await ports.withClaims?.({ workspace, deployment }, by, received))) || received;
      await ports.durable();
      return { deliveries };
    } finally {
      underWay -= 1;
    }
  };
  return {
    get underWay() {
      return underWay;
    },
    async call(operation, body, options = {}) {
      if (operation === "poll") return (await poll(body as WorkerBody<"poll">, options.signal)) as never;
      const counted = waitsForOthers(operation, body) ? 0 : 1;
      underWay += counted;
      try {
        const answer = await request(api, key, "POST", WORKER_ROUTES[operation].path, body, options.signal);
        if (answer.status === 200) {
          for (const continued of continuedBy(operation, body, answer.body)) onContinued(continued);
          return answer.body as never;
        }
        const { code, detail } = answer.body as { code: string; detail: unknown };
        throw new ServerRefusal(
          operation,
          answer.status,
          code,
          typeof detail === "string" ? detail : JSON.stringify(detail),
        );
      } finally {
        underWay -= counted;
      }
    },
    close: () => {},
  };
}

/** The transport of one worker. After `cut`, no call goes out and no answer comes in. */
export function severable(inner: Transport): Transport & { cut(): void } {
  let isCut = false;
  const never = new Promise<never>(() => {});
  return {
    async call(operation, body, options) {
      if (isCut) return never;
      const answer = await inner
        .call(operation, body, options)
        .catch((error) => (isCut ? never : Promise.reject(error)));
      return isCut ? never : answer;
    },
    close: () => inner.close(),
    cut: () => {
      isCut = true;
    },
  };
}
