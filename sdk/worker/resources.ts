/**
 * What all activities of a worker share: connections, clients, models. The worker opens them one after another before its first
 * task, and closes them in the reverse order after its last.
 */
import { toFailure } from "../failure.ts";
import type { Log } from "../runtime/log.ts";
import { WorkerConfigError } from "./options.ts";
import type { Resource, Resources } from "./types.ts";

/** A resource could not be opened; the message says which, and why. */
export class ResourceError extends Error {
  readonly resource: string;

  constructor(resource: string, message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = "ResourceError";
    this.resource = resource;
  }
}

/** A check that takes longer counts as failed, ms: whoever asks for the health waits a few seconds at most. */
const CHECK_MS = 5_000;

export interface Opened {
  readonly values: Record<string, unknown>;
  /** The first resource that is not well, and why; null: all are. */
  problem(): Promise<{ resource: string; detail: string } | null>;
  close(): Promise<void>;
}

/** Throws `WorkerConfigError` before anything is opened, or `ResourceError` after what was open is closed again. */
export async function openResources(resources: Resources<Record<string, unknown>>, log: Log): Promise<Opened> {
  const all = entriesOf(resources);
  const values: Record<string, unknown> = {};
  const open: string[] = [];
  const close = async () => {
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      try {
        await resources[name]!.close?.(values[name]);
      } catch (error) {
        log.error(`resource '${name}' could not be closed: ${toFailure(error).message}`, { resource: name, error });
      }
    }
  };
  for (const [name, resource] of all) {
    try {
      values[name] = await resource.open(Object.freeze({ ...values }));
    } catch (cause) {
      await close();
      const message = `resource '${name}' could not be opened, so the worker does not start: ${toFailure(cause).message}`;
      throw new ResourceError(name, message, { cause });
    }
    open.push(name);
  }
  return { values, close, problem: () => firstProblem(all, values) };
}

function entriesOf(resources: Resources<Record<string, unknown>>): [string, Resource<unknown>][] {
  if (typeof resources !== "object" || resources === null) {
    throw new WorkerConfigError(
      "resources must be an object: resources: { db: { open: () => connect(), close: (db) => db.end() } }",
    );
  }
  const all = Object.entries(resources);
  for (const [name, resource] of all) {
    if (typeof resource?.open === "function") continue;
    throw new WorkerConfigError(
      `resource '${name}' has no function 'open': give it { open, close } in runWorker({ resources })`,
    );
  }
  return all;
}

async function firstProblem(all: readonly [string, Resource<unknown>][], values: Record<string, unknown>) {
  for (const [resource, { check }] of all) {
    const detail = check ? await problemOf(async () => check(values[resource])) : null;
    if (detail !== null) return { resource, detail };
  }
  return null;
}

async function problemOf(check: () => Promise<unknown>): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((ok) => {
    timer = setTimeout(() => ok(`its check gave no answer within ${CHECK_MS / 1000} s`), CHECK_MS);
  });
  const checked = check().then(
    (well) => (well === false ? "its check answered false" : null),
    (error) => toFailure(error).message,
  );
  return Promise.race([checked, late]).finally(() => clearTimeout(timer));
}
