/** An installation with a running schedule timer, on a manual clock, with the official client. */
import type { Schedules } from "@mistralai/mistralai/sdk/schedules";
import type { Millis } from "../../../shared/protocol/history.ts";
import type { ScheduleLogEntry } from "../../../shared/protocol/http/schedules.ts";
import { wakeSchedule } from "../../../shared/schedule/service/index.ts";
import type { ScriptedWorker } from "../../api/support/scripted-worker.ts";
import { type Body, type World, world } from "../../api/support/world.ts";
import { turnOfTheLoop } from "../../contract/manual-clock.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
const NEVER = 1e13;

export interface Stage extends World {
  readonly schedules: Schedules;
  readonly shop: ScriptedWorker;
  /** Moves the clock on, and stops at each due time on the way. */
  pass(ms: Millis): Promise<void>;
  /** Resolves when the timer is waking no schedule. */
  untilIdle(): Promise<void>;
  /** The whole log, oldest first. */
  log(id: string): Promise<ScheduleLogEntry[]>;
  /** The log as `outcome@seconds since the stage began`. */
  outcomes(id: string): Promise<string[]>;
  /** Seconds since the stage began. */
  seconds(at: string | Date): number;
  wake(id: string): Promise<unknown>;
}

/** One worker of deployment `shop`, which serves `orders`, and `strict`, whose input must have the integer `n`. */
export async function stage(o: { timerOff?: boolean } = {}): Promise<Stage> {
  const w = await world({ settings: { livenessMs: NEVER, retentionMs: NEVER } });
  const began = w.clock.now();
  const shop = await w.worker("shop", [
    { name: "orders", execution_timeout: null, search_keys: ["customer"] },
    {
      name: "strict",
      execution_timeout: 60,
      input_schema: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] },
    },
  ]);
  if (!o.timerOff) w.ports.timer.start();
  const untilIdle = async () => {
    do await turnOfTheLoop();
    while (w.ports.timer.busy);
  };
  const seconds = (at: string | Date) => (new Date(at).getTime() - began) / SECOND;
  const log = async (id: string) => {
    const entries: ScheduleLogEntry[] = [];
    let cursor = "";
    do {
      const { status, body } = await w.ask("GET", `/v1/workflows/schedules/${id}/log?limit=7&cursor=${cursor}`);
      if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
      const page = body as Body & { entries: ScheduleLogEntry[]; next_cursor: string | null };
      entries.push(...page.entries);
      cursor = page.next_cursor ?? "";
    } while (cursor);
    return entries.reverse();
  };
  return {
    ...w,
    schedules: w.client.workflows.schedules,
    shop,
    untilIdle,
    log,
    seconds,
    outcomes: async (id) => (await log(id)).map((entry) => `${entry.outcome}@${seconds(entry.scheduled_at)}`),
    wake: (schedule) => wakeSchedule(w.ports, { workspace: w.workspace, schedule }),
    async pass(ms) {
      const until = w.clock.now() + ms;
      for (;;) {
        await untilIdle();
        const [next] = await w.ports.schedules.due(until, 1);
        const at = Math.min(until, Math.max(w.clock.now(), next?.wakeAt ?? until));
        await w.clock.advance(at - w.clock.now());
        await untilIdle();
        if (at === until && (await w.ports.schedules.due(until, 1)).length === 0) return;
      }
    },
    async close() {
      w.ports.timer.stop();
      await w.close();
    },
  };
}
