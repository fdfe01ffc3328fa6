/** Idempotency keys of starts: items that expire. */
import type { KeyedStart, StartKeys } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { startKeyKey, ttlSeconds } from "./keys.ts";
import { type Item, keyItem, N, number, S, text } from "./table.ts";

export class AwsStartKeys implements StartKeys {
  readonly #c: Context;

  constructor(c: Context) {
    this.#c = c;
  }

  async get(workspace: string, key: string): Promise<KeyedStart | null> {
    const item = await this.#c.tables.executions.get(startKeyKey(workspace, key));
    return item && number(item, "expires_at")! > this.#c.clock.now() ? keyedStart(item) : null;
  }

  async keep(workspace: string, key: string, start: KeyedStart, until: Millis): Promise<KeyedStart> {
    const item = {
      ...keyItem(startKeyKey(workspace, key)),
      execution: S(start.execution),
      run: S(start.run),
      request: S(start.request),
      expires_at: N(until),
      ttl: N(ttlSeconds(until)),
    };
    const free = {
      expression: "attribute_not_exists(pk) OR expires_at <= :now",
      values: { ":now": N(this.#c.clock.now()) },
    };
    const put = await this.#c.tables.executions.put(item, free);
    return put.ok || !put.found ? start : keyedStart(put.found);
  }
}

const keyedStart = (item: Item): KeyedStart => ({
  execution: text(item, "execution")!,
  run: text(item, "run")!,
  request: text(item, "request")!,
});
