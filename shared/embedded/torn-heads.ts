/**
 * Finds executions whose rows contradict each other, as a torn write leaves them: a running head whose run is missing, has
 * closed, or belongs to another execution; an open run that is not that of its execution's head.
 */
import { pause } from "../lib/turns.ts";
import type { Log, SetAside } from "../ports.ts";
import type { Database, Row } from "./database.ts";
import { END_OF_OPEN_RUNS } from "./runs.ts";

const CHUNK = 500;

/** Each query reads a chunk of one index after run `?1` and answers, for each row, what is wrong with it, or null. */
const HEADS = `SELECT h.run AS at, h.ws, h.execution,
     CASE WHEN r.run IS NULL THEN 'it runs, but its run ' || h.run || ' is missing'
       WHEN r.ws <> h.ws OR r.execution <> h.execution THEN 'its run ' || h.run || ' belongs to another execution'
       WHEN r.status <> 'RUNNING' THEN 'it runs, but its run ' || h.run || ' is ' || r.status
       WHEN NOT EXISTS (SELECT 1 FROM log l WHERE l.run = h.run AND l.first = 1) THEN 'the log of its run ' || h.run || ' has no beginning'
     END AS wrong
   FROM heads h INDEXED BY heads_running LEFT JOIN runs r ON r.run = h.run
   WHERE h.status = 'RUNNING' AND h.run > ?1 ORDER BY h.run LIMIT ${CHUNK}`;
/** Of the workspace `?2`. */
const OPEN_RUNS = `SELECT r.run AS at, r.ws, r.execution,
     CASE WHEN h.run IS NULL THEN 'its run ' || r.run || ' is open, but it has no head'
       WHEN h.run <> r.run THEN 'its run ' || r.run || ' is open, but its head is at run ' || h.run
     END AS wrong
   FROM runs r INDEXED BY runs_ended LEFT JOIN heads h ON h.ws = r.ws AND h.execution = r.execution
   WHERE r.ws = ?2 AND r.ends_at = ${END_OF_OPEN_RUNS} AND r.run > ?1 ORDER BY r.run LIMIT ${CHUNK}`;

/** Sets each aside until the next start, and logs it. */
export async function setTornHeadsAside(db: Database, setAside: SetAside, log: Log): Promise<void> {
  await look(HEADS);
  let ws: Row | null = null;
  for (;;) {
    ws = db.one("SELECT ws FROM runs WHERE ws > ? ORDER BY ws LIMIT 1", String(ws?.ws ?? ""));
    if (!ws) return;
    await look(OPEN_RUNS, String(ws.ws));
  }

  async function look(query: string, ...workspace: string[]): Promise<void> {
    let rows: Row[] = [];
    do {
      rows = db.all(query, String(rows.at(-1)?.at ?? ""), ...workspace);
      for (const { ws, execution, wrong } of rows) {
        if (wrong === null) continue;
        setAside.add(`${ws}/${execution}`, "until restart");
        log.error("startup: an execution is damaged and is set aside", { workspace: ws, execution, wrong });
      }
      await pause();
    } while (rows.length === CHUNK);
  }
}
