/** The embedded adapter: all ports over one SQLite file or `:memory:`. */

import { EmbeddedActivities } from "../embedded/activities.ts";
import { EmbeddedAnswers, Notifier } from "../embedded/changes.ts";
import { Database } from "../embedded/database.ts";
import { EmbeddedExecutions } from "../embedded/executions.ts";
import { EmbeddedFeed } from "../embedded/feed.ts";
import { EmbeddedRegistry } from "../embedded/registry.ts";
import { expire } from "../embedded/retention.ts";
import { EmbeddedSchedules } from "../embedded/schedules.ts";
import { Sequence } from "../embedded/sequence.ts";
import { EmbeddedTasks } from "../embedded/tasks.ts";
import { sweep } from "../engine/sweep.ts";
import { realClock } from "../lib/clock.ts";
import { uuid7 } from "../lib/uuid.ts";
import type { Clock, Log, Ports, Settings } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { recover, ScheduleTimer, scheduleClosed } from "../schedule/service/index.ts";
import { DEFAULTS } from "./settings.ts";

export interface EmbeddedOptions {
  /** File of the database, or `:memory:` (default): gone with the process. */
  readonly file?: string;
  readonly clock?: Clock;
  readonly uuid?: () => string;
  readonly log?: Log;
  readonly settings?: Partial<Settings>;
  /**
   * How soon a machine that slept, or whose clock was set, finds out which schedules have become due, ms. Default 2 s;
   * with a `clock` of your own: it is taken never to be set.
   */
  readonly recheckMs?: Millis;
  /** Called once if the disk refuses a commit; the process should end. */
  readonly onFailure?: (why: unknown) => void;
}

export interface Embedded extends Ports {
  readonly database: Database;
  /** Wakes schedules in time; `maintain` starts it. */
  readonly timer: ScheduleTimer;
  /** One round of the sweeper, and of retention. */
  sweep(everyMs: Millis): Promise<void>;
  /** Starts the rounds; the answer stops them. */
  maintain(everyMs?: Millis): () => void;
  close(): void;
}

const RECHECK_MS = 2_000;

const quiet: Log = { info: () => {}, warn: () => {}, error: () => {} };

export function embedded(options: EmbeddedOptions = {}): Embedded {
  const clock = options.clock ?? realClock;
  const settings = { ...DEFAULTS, ...options.settings };
  const uuid = options.uuid ?? (() => uuid7(clock.now()));
  const log = options.log ?? quiet;
  const database = new Database(options.file ?? ":memory:");
  if (options.onFailure) database.onFailure = options.onFailure;
  const sequence = new Sequence(database);
  const changes = new Notifier(clock, database);
  const schedules = new EmbeddedSchedules(database);
  const tasks = new EmbeddedTasks(database, clock, settings.leaseMs, uuid);
  const ports: Ports = {
    clock,
    uuid,
    log,
    settings,
    executions: new EmbeddedExecutions(database, sequence, changes),
    tasks,
    registry: new EmbeddedRegistry(database, uuid, clock.now()),
    schedules,
    feed: new EmbeddedFeed(database, sequence, changes),
    activities: new EmbeddedActivities(database),
    answers: new EmbeddedAnswers(changes, clock),
    changes,
    durable: () => database.durable(),
    scheduleClosed: (head, told) => scheduleClosed(ports, head, told),
  };
  const timer = new ScheduleTimer({ ports, recheckMs: options.recheckMs ?? (options.clock ? null : RECHECK_MS) });
  schedules.onArm = (at) => timer.lookBy(at);
  const round = async (everyMs: Millis) => {
    await sweep(ports, everyMs);
    tasks.expire(clock.now());
    schedules.expire(clock.now() - settings.retentionMs);
    while (expire(database, sequence, clock.now() - settings.retentionMs) > 0) await database.durable();
  };
  return {
    ...ports,
    database,
    timer,
    sweep: round,
    maintain(everyMs = 10_000) {
      let cancel = () => {};
      let stopped = false;
      // A round that takes long puts off the next: two at a time would only ring twice.
      const again = () =>
        round(everyMs)
          .catch((error) => log.error("a round of the sweeper failed", { error }))
          .then(() => {
            if (!stopped) cancel = clock.at(clock.now() + everyMs, again);
          });
      void again();
      recover(ports)
        .catch((error) => log.error("what schedules had decided before the restart could not be done yet", { error }))
        .finally(() => {
          if (!stopped) timer.start();
        });
      return () => {
        stopped = true;
        cancel();
        timer.stop();
      };
    },
    close() {
      tasks.close();
      database.close();
    },
  };
}
