/**
 * API keys. Only the SHA-256 of a key is stored, so that a reader of the store cannot use it. Each key belongs to one
 * workspace, and every look-up of a request is within that workspace: objects of other workspaces are not found (404).
 */
import { hash } from "node:crypto";
import { LruCache } from "../lib/lru-cache.ts";
import { onAbort } from "../lib/on-abort.ts";
import type { KeyRecord, Ports } from "../ports.ts";
import { type Refusal, unauthorized } from "../protocol/errors.ts";
import type { Millis } from "../protocol/history.ts";

/** The workspace of an installation that needs only one. */
export const DEFAULT_WORKSPACE = "0190a000-0000-7000-8000-00000000da7a";

const MOST_CACHED = 1000;
/** Keys whose hash is known; a worker sends the same one with every call. */
const MOST_DIGESTS = 100;
/** An abort reason of our own: the default reason is an error with a stack. */
const REVOKED = "the key has been revoked, or has expired";

/** Why a key ends what it has open: it is gone, or its time is over. */
export type KeyEnd = "unknown" | "expired";
type OnEnd = (why: KeyEnd) => void;

/**
 * The keys of an installation. Where this process alone revokes keys, `forget` ends what a key has open, and nothing is
 * cached. Where other processes do too, a key that was found is read again after `readAgainMs`.
 */
export class Keys {
  readonly #ports: Pick<Ports, "clock" | "registry">;
  readonly #readAgainMs: Millis | null;
  readonly #cached = new Map<string, { record: KeyRecord; until: Millis }>();
  readonly #watched = new Map<string, Set<OnEnd>>();
  /** By key, of those that were found. */
  readonly #digests = new LruCache<string>(MOST_DIGESTS);
  #checking = false;

  constructor(ports: Pick<Ports, "clock" | "registry">, readAgainMs: Millis | null) {
    this.#ports = ports;
    this.#readAgainMs = readAgainMs;
  }

  async authenticate(authorization: string | undefined): Promise<KeyRecord | Refusal> {
    if (authorization === undefined || authorization === "") return unauthorized("missing");
    const key = bearer(authorization);
    if (key === undefined) return unauthorized("malformed");
    const known = this.#digests.get(key);
    const digest = known ?? hash("sha256", key);
    const record = await (this.#readAgainMs === null ? this.#ports.registry.key(digest) : this.#find(digest));
    if (!record) return unauthorized("unknown");
    if (known === undefined) this.#digests.set(key, digest);
    const { expiresAt } = record;
    return expiresAt !== undefined && expiresAt <= this.#ports.clock.now() ? unauthorized("expired") : record;
  }

  async #find(digest: string): Promise<KeyRecord | null> {
    const now = this.#ports.clock.now();
    const cached = this.#cached.get(digest);
    if (cached && cached.until > now) return cached.record;
    const record = await this.#ports.registry.key(digest);
    this.#cached.delete(digest);
    if (!record) return null;
    if (this.#cached.size >= MOST_CACHED) this.#cached.delete(this.#cached.keys().next().value as string);
    this.#cached.set(digest, { record, until: now + this.#readAgainMs! });
    return record;
  }

  /** Calls `ended` once the key is gone or has expired. The answer ends the watch. */
  watch({ hash: digest, expiresAt }: Pick<KeyRecord, "hash" | "expiresAt">, ended: OnEnd): () => void {
    const cancel = expiresAt === undefined ? () => {} : this.#ports.clock.at(expiresAt, () => ended("expired"));
    const watchers = this.#watched.get(digest) ?? new Set();
    watchers.add(ended);
    this.#watched.set(digest, watchers);
    if (this.#readAgainMs === null)
      void this.#check([digest]); // it may have been revoked since its request was accepted
    else this.#checkLater();
    return () => {
      cancel();
      watchers.delete(ended);
      if (watchers.size === 0 && this.#watched.get(digest) === watchers) this.#watched.delete(digest);
    };
  }

  /** The key has been revoked. */
  forget(digest: string): void {
    this.#cached.delete(digest);
    const watchers = this.#watched.get(digest);
    this.#watched.delete(digest);
    for (const ended of watchers ?? []) ended("unknown");
  }

  #checkLater(): void {
    if (this.#readAgainMs === null || this.#checking || this.#watched.size === 0) return;
    this.#checking = true;
    this.#ports.clock.at(this.#ports.clock.now() + this.#readAgainMs, () => {
      void this.#check([...this.#watched.keys()]).finally(() => {
        this.#checking = false;
        this.#checkLater();
      });
    });
  }

  /** A read that fails says nothing about its key: the next round reads again. */
  async #check(digests: readonly string[]): Promise<void> {
    for (const digest of digests) {
      const found = await this.#ports.registry.key(digest).catch(() => undefined);
      if (found === null) this.forget(digest);
    }
  }
}

/** The key of one request, and the signal that ends its waits and streams: at the end of the caller's, or of the key. */
export class Access {
  readonly #keys: Keys;
  readonly #callers: () => AbortSignal;
  /** Once it has been found. */
  key: KeyRecord | undefined;
  #signal: AbortSignal | undefined;
  #unwatch = () => {};
  #stopListening = () => {};
  #ended: KeyEnd | null = null;

  constructor(keys: Keys, callers: () => AbortSignal) {
    this.#keys = keys;
    this.#callers = callers;
  }

  /** Why the key ended while the request was served; null = it is valid. */
  get ended(): KeyEnd | null {
    return this.#ended;
  }

  /** Made at its first use: most requests wait for nothing. */
  get signal(): AbortSignal {
    if (this.#signal || !this.key) return this.#signal ?? this.#callers();
    const either = new AbortController();
    const callers = this.#callers();
    this.#unwatch = this.#keys.watch(this.key, (why) => {
      this.#ended = why;
      either.abort(REVOKED);
    });
    // Listeners, and not `AbortSignal.any`, which costs several times as much.
    this.#stopListening = onAbort(callers, () => either.abort(callers.reason));
    this.#signal = either.signal;
    return this.#signal;
  }

  /** The request has been answered. */
  end(): void {
    this.#unwatch();
    this.#stopListening();
  }
}

function bearer(authorization: string): string | undefined {
  const space = authorization.indexOf(" ");
  if (space < 0 || authorization.slice(0, space).toLowerCase() !== "bearer") return undefined;
  const key = authorization.slice(space + 1).trim();
  return key === "" ? undefined : key;
}
