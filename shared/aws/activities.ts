/**
 * State of queued activities and of those that send heartbeats: one item per activity, in the execution's partition. An
 * item expires one retention after its last write. Nothing reads the items of a closed run.
 */
import type { Activities, ActivityKey, AttemptReport } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { payloadOwner } from "./heads.ts";
import { activityKey, ttlSeconds } from "./keys.ts";
import { expireValue, INLINE_ONCE, stored, unpack } from "./pack.ts";
import { type Item, N, number, S, text, type Written } from "./table.ts";

export class AwsActivities implements Activities {
  readonly #c: Context;

  constructor(c: Context) {
    this.#c = c;
  }

  async begin({ attempt, queued, session, now, ...key }: Parameters<Activities["begin"]>[0]): Promise<Millis | null> {
    const facts = { attempt: N(attempt), session: S(session ?? ""), ...(queued && { begun: N(now) }) };
    const done = await this.#update(key, facts, FROM_LATEST_ATTEMPT);
    if (!done.ok) return null;
    return (queued && done.item && number(done.item, "begun")) || now;
  }

  async failed({ attempt, failure, retryAt, now, ...key }: Parameters<Activities["failed"]>[0]): Promise<Millis> {
    const failed = S(JSON.stringify({ attempt, failure, retryAt }));
    const facts = { attempt: N(attempt), failed, reported: N(attempt), failed_at: N(now) };
    const done = await this.#update(key, facts, FIRST_REPORT);
    const there = done.ok ? null : done.found;
    return (there && number(there, "reported") === attempt && number(there, "failed_at")) || now;
  }

  async report(key: ActivityKey): Promise<AttemptReport | null> {
    const item = await this.#get(key);
    if (!item) return null;
    const attempt = number(item, "attempt") ?? 0;
    const at = number(item, "beat_at");
    const failed = await this.#c.readable.one(
      `failed attempt of ${nameOf(key)}`,
      () => JSON.parse(text(item, "failed") ?? "null") as AttemptReport["failed"],
    );
    const details = await this.#details(key, item);
    return {
      attempt,
      session: text(item, "session") || null,
      beat: at === undefined ? null : { at, details },
      failed: failed?.attempt === attempt ? failed : null,
    };
  }

  async begun({ ref, run, activities }: Parameters<Activities["begun"]>[0]): Promise<number[]> {
    const keys = [...new Set(activities)].map((n) => activityKey(ref, run, n));
    const items = await this.#c.tables.executions.getAll(keys);
    const begun = new Set(items.filter((item) => item.begun).map((item) => text(item, "sk")));
    return activities.filter((n) => begun.has(activityKey(ref, run, n).sk));
  }

  async beat({ attempt, details, now, ...key }: Parameters<Activities["beat"]>[0]): Promise<boolean> {
    // Under an owner of their own: heartbeat details expire by age, so they must not share an object with other values.
    const where = { owner: `${payloadOwner(key.ref, key.run)}/beats`, inline: INLINE_ONCE, short: true } as const;
    const packed = await stored(this.#c.blobs, details, where);
    return this.#set(key, { attempt: N(attempt), details: packed, beat_at: N(now) }, FROM_LATEST_ATTEMPT);
  }

  async lastBeat(key: ActivityKey): Promise<unknown> {
    const item = await this.#get(key);
    return item && this.#details(key, item);
  }

  /** An attempt goes on without details that cannot be read. */
  async #details(key: ActivityKey, { details }: Item): Promise<unknown> {
    return details
      ? this.#c.readable.one(`heartbeat of ${nameOf(key)}`, () => unpack<unknown>(this.#c.blobs, details))
      : null;
  }

  async requestCancel(key: ActivityKey): Promise<void> {
    await this.#set(key, { cancel: { BOOL: true } });
  }

  async status(key: ActivityKey): Promise<{ attempt: number; cancelRequested: boolean }> {
    const item = await this.#get(key);
    return { attempt: (item && number(item, "attempt")) ?? 0, cancelRequested: item?.cancel?.BOOL ?? false };
  }

  #get({ ref, run, activity }: ActivityKey): Promise<Item | null> {
    return this.#c.tables.executions.get(activityKey(ref, run, activity));
  }

  async #set(key: ActivityKey, facts: Item, condition?: string): Promise<boolean> {
    return (await this.#update(key, facts, condition)).ok;
  }

  /** Answers the replaced facts. If details are in S3, the object that the item no longer names expires. */
  async #update({ ref, run, activity }: ActivityKey, facts: Item, condition?: string): Promise<Written> {
    const ttl = ttlSeconds(this.#c.clock.now() + this.#c.settings.retentionMs);
    const names = Object.keys(facts);
    const done = await this.#c.tables.executions.update(
      activityKey(ref, run, activity),
      // `begun` keeps its first value.
      `SET ${["ttl", ...names].map((name) => `#${name} = ${name === "begun" ? "if_not_exists(#begun, :begun)" : `:${name}`}`).join(", ")}`,
      {
        names: Object.fromEntries(["ttl", ...names].map((name) => [`#${name}`, name])),
        values: Object.fromEntries([[":ttl", N(ttl)], ...names.map((name) => [`:${name}`, facts[name]!])]),
        returns: "UPDATED_OLD",
        ...(condition !== undefined && { condition }),
      },
    );
    if (done.ok) await expireValue(this.#c.blobs, done.item?.details, facts.details);
    else await expireValue(this.#c.blobs, facts.details, done.found?.details);
    return done;
  }
}

const nameOf = ({ run, activity }: ActivityKey) => `activity ${activity} of run ${run}`;

/** A report of an earlier attempt is refused. */
const FROM_LATEST_ATTEMPT = "attribute_not_exists(#attempt) OR #attempt <= :attempt";
/** The report of a failure that was reported before changes nothing either. */
const FIRST_REPORT = `(${FROM_LATEST_ATTEMPT}) AND (attribute_not_exists(#reported) OR #reported < :attempt)`;
