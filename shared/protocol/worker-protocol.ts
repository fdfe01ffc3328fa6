/**
 * Which workers and servers work together. A number stands for all that both must agree on. It grows only where one side cannot
 * do without something that an older other side lacks; what is merely added is ignored by older ones, and changes no number.
 *
 * VERSION-1. A worker names the oldest and the newest protocol that it speaks when it registers. One that names none, as SDKs did
 *     before there were numbers, speaks 1.
 * VERSION-2. The server answers the newest protocol that both speak. If there is none, it refuses the registration with
 *     `UNSUPPORTED_VERSION`, before anything is stored, and says which side must be updated.
 * VERSION-3. A worker that is refused so says why and ends. So does one whose server names a protocol that it does not speak; a
 *     server that names none speaks 1.
 * VERSION-4. A heartbeat names the protocols too. A server that was replaced asks a worker that it does not serve any more to
 *     register again, and so the worker learns it.
 */
import * as z from "zod";

export const Protocols = z.object({ oldest: z.int().min(1), newest: z.int().min(1) });
export type Protocols = z.infer<typeof Protocols>;

/** Of this version, as a worker and as a server. */
export const PROTOCOLS: Protocols = { oldest: 1, newest: 1 };

/** VERSION-1, VERSION-2. */
export function commonProtocol(
  worker: Protocols = { oldest: 1, newest: 1 },
  server: Protocols = PROTOCOLS,
): number | null {
  const newest = Math.min(worker.newest, server.newest);
  return newest >= Math.max(worker.oldest, server.oldest) ? newest : null;
}

/** Why there is no common protocol, and what to do. `sdk` and `version`: of the worker and of the server, in words. */
export function noCommonProtocol(
  worker: Protocols & { readonly sdk: string },
  server: Protocols & { readonly version: string },
): string {
  const what =
    worker.oldest > server.newest
      ? "update the server first, or start this worker with the SDK of the server's version"
      : "update the worker's SDK to the server's version";
  return `this worker (${worker.sdk}) speaks worker protocol ${span(worker)}, and the server (${server.version}) ${span(server)}: ${what}`;
}

const span = ({ oldest, newest }: Protocols): string => (oldest === newest ? `${oldest}` : `${oldest} to ${newest}`);
