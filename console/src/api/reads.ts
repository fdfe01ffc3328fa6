/**
 * Bounds the reads that a page has in flight. Browsers open six connections to a host over HTTP/1.1, and a read waits in their
 * queue behind all that were asked for before it: the reads of one slow page would keep the live stream and a person's actions
 * waiting. These two are not counted here, and so find a connection free.
 */
import { onAbort } from "../../../shared/lib/on-abort.ts";

const AT_ONCE = 4;

let reading = 0;
const waiting = new Set<() => void>();

/** Runs `read` when fewer than four others run, in the order of the calls. Rejects, and runs nothing, once `signal` aborts. */
export async function inTurn<T>(signal: AbortSignal | undefined, read: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  if (reading < AT_ONCE) reading++;
  else await turn(signal); // the read that ends leaves its place to this one
  try {
    return await read();
  } finally {
    const [next] = waiting;
    if (next) next();
    else reading--;
  }
}

function turn(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const begin = () => {
      waiting.delete(begin);
      off();
      resolve();
    };
    const off = onAbort(signal, () => {
      waiting.delete(begin);
      reject(signal!.reason);
    });
    waiting.add(begin);
  });
}
