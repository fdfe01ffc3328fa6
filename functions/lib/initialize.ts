/**
 * What a process does in Lambda's init phase, so that its first request waits for none of it.
 *
 * INIT-1. The process makes its clients and ports, and asks DynamoDB for the time (AWSCLOCK-2). So the first request finds the
 *     credentials read, a connection with TLS open, and the code of a call compiled.
 * INIT-2. It loads what requests of its function need and `index.mjs` does not contain, because other requests do without.
 * INIT-3. A failure here changes nothing: the first invocation does what is missing. The process waits for 2 s at most,
 *     because Lambda begins an init phase anew that takes 10 s.
 */
import { setTimeout as delay } from "node:timers/promises";
import { askTheTime } from "./installation.ts";
import { log } from "./log.ts";

const MOST_MS = 2_000;

/** To be awaited at the end of an entry. Does nothing where no Lambda runs the process. */
export async function initialize(...loads: (() => Promise<unknown>)[]): Promise<void> {
  if (!process.env.AWS_LAMBDA_FUNCTION_NAME) return;
  const work = Promise.all([askTheTime(), ...loads.map((load) => load())]).catch((error) =>
    log.warn("not all that the first request needs is prepared, it will take longer", { error }),
  );
  await Promise.race([work, delay(MOST_MS, undefined, { ref: false })]);
}
