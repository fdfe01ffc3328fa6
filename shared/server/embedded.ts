/** The embedded adapter: all ports over one SQLite file or `:memory:`. */

import { EmbeddedActivities } from "../embedded/activities.ts";
import { EmbeddedAnswers } from "../embedded/answers.ts";
import { EmbeddedBackup } from "../embedded/backup.ts";
import { Database } from "../embedded/database.ts";
import { EmbeddedExecutions } from "../embedded/executions.ts";
import { EmbeddedFeed } from "../embedded/feed.ts";
import { gaugesOf } from "../embedded/gauges.ts";
import { EmbeddedJobs } from "../embedded/jobs.ts";
import { EmbeddedLogRecords } from "../embedded/log-records.ts";
import { Notifier } from "../embedded/notifier.ts";
import { EmbeddedRateLimits } from "../embedded/rate-limits.ts";
import { EmbeddedRegistry } from "../embedded/registry.ts";
import { eraseHidden, expire, expirePrepared, expireTombstones } from "../embedded/retention.ts";
import { EmbeddedRollups } from "../embedded/rollups.ts";
import { EmbeddedSchedules } from "../embedded/schedules.ts";
import { Sequence } from "../embedded/sequence.ts";
import { EmbeddedSetAside } from "../embedded/set-aside.ts";
import { SettledTime } from "../embedded/settled-time.ts";
import { EmbeddedStartKeys } from "../embedded/start-keys.ts";
import { syncThread } from "../embedded/sync-thread.ts";
import { EmbeddedTasks } from "../embedded/tasks.ts";
import { setTornHeadsAside } from "../embedded/torn-heads.ts";
import { withClaims } from "../engine/claim-with-task.ts";
import { runJobs } from "../engine/jobs.ts";
import { releaseRounds } from "../engine/release.ts";
import { type Rotation, sinceRound, sweep } from "../engine/sweep.ts";
import { realClock, steadyOf } from "../lib/clock.ts";
import { Readable } from "../lib/readable.ts";
import { pause } from "../lib/turns.ts";
import { uuid7 } from "../lib/uuid.ts";
import { type Clock, type Log, type Ports, type Ref, type Settings, StoreFailed } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { recover, ScheduleTimer, scheduleClosed } from "../schedule/service/index.ts";
import "../schedule/service/perform.ts"; // loaded with the server, so that no due time waits for the disk
import { DEFAULTS } from "./settings.ts";

export interface EmbeddedOptions {
  /** File of the database, or `:memory:` (default): lost when the process ends. */
  readonly file?: string;
  readonly clock?: Clock;
  readonly uuid?: () => string;
  readonly log?: Log;
  readonly settings?: Partial<Settings>;
  /**
   * How often the schedule timer reads the clock again, ms, so that it notices that the machine slept or its clock was
   * set. Default 2 s; with a `clock` of your own never: such a clock is assumed not to jump.
   */
  readonly recheckMs?: Millis;
  /** Called once if the disk refuses a commit (COMMIT-4); the process should end. */
  readonly onFailure?: (why: unknown) => void;
  /** Other code of the process may fill Node's pool of threads: the store syncs in a thread of its own. */
  readonly syncsApart?: boolean;
}

export interface Embedded extends Ports {
  readonly database: Database;
  /** `told` is called when a run has closed, after the commit. */
  onRunClosed(told: (ref: Ref, run: string) => void): void;
  /** Wakes schedules when they are due; `maintain` starts it. */
  readonly timer: ScheduleTimer;
  /** One round of maintenance: the sweep, then retention. */
  sweep(everyMs: Millis): Promise<void>;
  /** Performs the effects that schedules have committed and that have no result. */
  recoverSchedules(): Promise<void>;
  /** Starts the rounds, the first one at once; the answer stops them. */
  maintain(everyMs?: Millis): () => void;
  close(): void;
}

const RECHECK_MS = 2_000;
/** No reset takes so long. */
const PREPARED_MS = 3_600_000;

/** So long a round works on jobs. The other stages of the round wait, requests do not. */
const JOBS_MS = 5_000;

const silent: Log = { info: () => {}, warn: () => {}, error: () => {} };

export function embedded(options: EmbeddedOptions = {}): Embedded {
  const clock = options.clock ?? realClock;
  const settings = { ...DEFAULTS, ...options.settings };
  const uuid = options.uuid ?? (() => uuid7(clock.now()));
  const log = options.log ?? silent;
  const database = new Database(options.file ?? ":memory:", options.syncsApart ? syncThread() : undefined);
  if (options.onFailure) database.onFailure = options.onFailure;
  const sequence = new Sequence(database);
  const notifier = new Notifier(clock, database);
  const startKeys = new EmbeddedStartKeys(database, clock);
  const tasks = new EmbeddedTasks(database, clock, settings.leaseMs, uuid);
  const setAside = new EmbeddedSetAside(clock);
  const readable = new Readable((row, error) => {
    setAside.add(row, "until restart");
    log.error("store: a row cannot be read, lists leave it out", { row, error });
  });
  const rateLimits = new EmbeddedRateLimits(database, clock, readable);
  const schedules = new EmbeddedSchedules(database, readable);
  const rollups = new EmbeddedRollups({ db: database, clock, retentionMs: settings.retentionMs, readable });
  const jobs = new EmbeddedJobs(database, readable);
  if (database.damage) {
    const { frame, commits } = database.damage;
    const copy = `${options.file}-wal.damaged`;
    setAside.add(`${commits} commits of the damaged log ${copy}`, "until restart");
    log.error("startup: the write-ahead log is damaged, acknowledged writes are lost", { frame, commits, copy });
  }
  const executions = new EmbeddedExecutions({ db: database, sequence, notifier, rollups, schedules, clock, readable });
  const feed = new EmbeddedFeed({ db: database, sequence, notifier, readable });
  executions.onHidden = (run) => feed.forget(run);
  const backupOf = (file: string) => {
    const backup = new EmbeddedBackup(database, file, uuid);
    return (signal?: AbortSignal) => backup.copy(signal);
  };
  const registry = new EmbeddedRegistry({ db: database, uuid, clock, readable });
  let sweptAt: Millis | null = null;
  const ports: Ports = {
    clock,
    uuid,
    log,
    settings,
    executions,
    startKeys,
    jobs,
    tasks,
    registry,
    schedules,
    feed,
    rollups,
    activities: new EmbeddedActivities(database, readable),
    rateLimits,
    logRecords: new EmbeddedLogRecords(database, notifier, readable),
    answers: new EmbeddedAnswers(clock),
    changes: notifier,
    durable: () => database.durable(),
    pause,
    setAside,
    ...(options.file !== undefined && options.file !== ":memory:" && { backup: backupOf(options.file) }),
    gauges: gaugesOf({ database, executions, registry, clock, settings, sweptAt: () => sweptAt }),
    condition: () => ({ failure: database.failure?.message ?? null, setAside: setAside.names }),
    withClaims: (...of) => withClaims(ports, ...of),
    scheduleClosed: (head, told) => scheduleClosed(ports, head, told),
  };
  const recoverSchedules = () => recover(ports, schedules.withOutbox());
  const timer = new ScheduleTimer({
    ports,
    recheckMs: options.recheckMs ?? (options.clock ? null : RECHECK_MS),
    recover: recoverSchedules,
  });
  schedules.onArm = (at) => timer.lookBy(at);
  /** One at a time: a job that is made during a round is found by the round, or by the next. */
  let working: Promise<unknown> | null = null;
  const workOnJobs = () => {
    working ??= runJobs(ports, clock.now() + JOBS_MS).finally(() => {
      working = null;
    });
    return working;
  };
  const rotation: Rotation = {};
  const dueExecutions = async (everyMs: Millis) => {
    const now = clock.now();
    await sweep(ports, sinceRound(everyMs, now, rotation));
    rotation.lookedAt = now;
  };
  const settled = new SettledTime(clock);
  const stages: Record<string, (everyMs: Millis) => unknown> = {
    "due executions": dueExecutions,
    releases: (everyMs) => releaseRounds(ports, everyMs),
    jobs: () => workOnJobs(),
    "expired queries": () => tasks.expire(),
    "expired idempotency keys": () => startKeys.expire(settled.now()),
    "rate limits without permits": () => rateLimits.expire(clock.now()),
    "old schedule logs": () => schedules.expire(settled.now() - settings.retentionMs),
    "old rollups": () => rollups.expire(settled.now()),
    "old jobs": () => jobs.expire(settled.now() - settings.retentionMs),
    "prepared runs": () => expirePrepared(database, settled.now() - PREPARED_MS),
    "deleted executions": () => eraseHidden({ database, sequence }),
    "old tombstones": () => expireTombstones(database, settled.now() - settings.retentionMs),
    "old sessions": () => registry.expireSessions(settled.now() - settings.retentionMs),
    retention: () =>
      expire(
        { database, sequence, setAside, log, forgetHead: (ref) => executions.forgetHead(ref) },
        settled.now() - settings.retentionMs,
      ),
  };
  const round = async (everyMs: Millis) => {
    for (const [stage, work] of Object.entries(stages)) {
      try {
        await work(everyMs);
      } catch (error) {
        if (error instanceof StoreFailed) throw error;
        log.error("sweep: a stage of the round failed, the others go on", { stage, error });
      }
    }
    sweptAt = steadyOf(clock);
  };
  return {
    ...ports,
    database,
    onRunClosed(told) {
      executions.onClosed = told;
    },
    timer,
    sweep: round,
    recoverSchedules,
    maintain(everyMs = 10_000) {
      let cancel = () => {};
      let stopped = false;
      jobs.onCreate = () => {
        const begin = () => stopped || workOnJobs().catch((error) => log.error("jobs: could not begin", { error }));
        clock.at(clock.now(), () => void begin());
      };
      // The next round begins `everyMs` after the end of this one: two at once would enqueue every due task twice.
      const again = () =>
        round(everyMs)
          .catch((error) => log.error("sweep: round failed", { error }))
          .then(() => {
            if (!stopped) cancel = clock.at(clock.now() + everyMs, again);
          });
      void setTornHeadsAside(database, setAside, log)
        .catch((error) => log.error("startup: could not look for damaged executions", { error }))
        .then(again);
      recoverSchedules()
        .catch((error) => log.error("startup: could not finish pending schedule actions", { error }))
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
