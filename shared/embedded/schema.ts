/**
 * Tables of the embedded store. They mirror the items of the DynamoDB tables; `body` columns are JSON. A change needs a step in `migrations.ts`.
 *
 * LOGORDER-1. Rows of `log` lie in the order of writing. So the appends of a commit share pages at the end of the table, and SQLite
 *     begins the next page when one is full. A table in the order of its runs has a page for each run that is at work, and
 *     SQLite spreads the rows of a full page over its neighbours. A row of up to 4 KB fits into its page, where a table WITHOUT
 *     ROWID gives a page of its own to one of more than 1,002 bytes. Nobody keeps `id`: SQLite may give it to another row
 *     once the last rows are deleted.
 */

export const SCHEMA = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE heads (
  ws TEXT NOT NULL, execution TEXT NOT NULL,
  status TEXT NOT NULL, run TEXT NOT NULL, chain TEXT NOT NULL,
  due_at INTEGER, wake_pending INTEGER NOT NULL, fence INTEGER NOT NULL, effects_done_through INTEGER NOT NULL, owner TEXT,
  deployment TEXT NOT NULL, deadline INTEGER,
  inputs_since INTEGER, -- when the first open question to a person began
  -- Of the present run, for its cost (COST-1): bytes of the bodies of this row that were written.
  claims INTEGER NOT NULL DEFAULT 0, parks INTEGER NOT NULL DEFAULT 0, tasks INTEGER NOT NULL DEFAULT 0,
  changes INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
  body TEXT NOT NULL,
  PRIMARY KEY (ws, execution)
) WITHOUT ROWID;
CREATE INDEX heads_running ON heads (run) WHERE status = 'RUNNING';
CREATE INDEX heads_inputs ON heads (ws, inputs_since, execution) WHERE inputs_since IS NOT NULL;
CREATE INDEX heads_due ON heads (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE runs (
  run TEXT PRIMARY KEY, ws TEXT NOT NULL, execution TEXT NOT NULL, root TEXT NOT NULL,
  workflow TEXT NOT NULL, deployment TEXT NOT NULL, user TEXT, status TEXT NOT NULL,
  started_at INTEGER NOT NULL, closed_at INTEGER,
  ends_at INTEGER NOT NULL, -- closed_at; of an open run a time beyond all others
  parent TEXT, -- execution id
  chain TEXT NOT NULL, root_chain TEXT NOT NULL, display_name TEXT, first_run TEXT NOT NULL, continued_from TEXT, schedule TEXT, attempt INTEGER NOT NULL,
  first_seq INTEGER NOT NULL, last_seq INTEGER, -- of its events in the feed; last_seq: null while the run is open
  search_keys TEXT NOT NULL,
  body TEXT NOT NULL
) WITHOUT ROWID;
-- Lists walk one of these in order, in chunks.
CREATE INDEX runs_started ON runs (ws, started_at, run, execution, workflow); -- a search for a text reads these two alone
CREATE INDEX runs_ended ON runs (ws, ends_at, run, execution, workflow);
CREATE INDEX runs_status ON runs (ws, status, started_at, run);
CREATE INDEX runs_workflow ON runs (ws, workflow, started_at, run);
CREATE INDEX runs_deployment ON runs (ws, deployment, started_at, run);
CREATE INDEX runs_user ON runs (ws, user, started_at, run) WHERE user IS NOT NULL;
CREATE INDEX runs_execution ON runs (ws, execution, last_seq);
CREATE INDEX runs_tree ON runs (ws, root, last_seq);

-- Rows that \`runs\` does not have yet (LATERUN-1).
CREATE TABLE late_runs (
  id INTEGER PRIMARY KEY,
  run TEXT NOT NULL, ws TEXT NOT NULL, execution TEXT NOT NULL, root TEXT NOT NULL,
  workflow TEXT NOT NULL, deployment TEXT NOT NULL, user TEXT, status TEXT NOT NULL,
  started_at INTEGER NOT NULL, closed_at INTEGER, ends_at INTEGER NOT NULL,
  parent TEXT, chain TEXT NOT NULL, root_chain TEXT NOT NULL, display_name TEXT, first_run TEXT NOT NULL, continued_from TEXT,
  schedule TEXT, attempt INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER, search_keys TEXT NOT NULL, body TEXT NOT NULL
);

CREATE TABLE search_keys (
  ws TEXT NOT NULL, key TEXT NOT NULL,
  value TEXT NOT NULL, -- its first characters; the whole value is in runs.search_keys
  started_at INTEGER NOT NULL, run TEXT NOT NULL,
  PRIMARY KEY (ws, key, value, started_at, run)
) WITHOUT ROWID;

CREATE TABLE log (
  id INTEGER PRIMARY KEY, -- LOGORDER-1
  run TEXT NOT NULL, first INTEGER NOT NULL, ws TEXT NOT NULL,
  seq INTEGER, -- null: a batch that a reset has prepared, which the feed does not show
  n INTEGER NOT NULL,
  bytes INTEGER NOT NULL, -- of the run's log up to and with this batch
  retries INTEGER NOT NULL, -- of activities, likewise
  batches INTEGER NOT NULL, queued INTEGER NOT NULL, messages INTEGER NOT NULL, -- likewise: of workers, activities in the queue, taken in
  body TEXT NOT NULL
);
CREATE UNIQUE INDEX log_run ON log (run, first);
CREATE INDEX log_seq ON log (ws, seq);
-- Runs that a reset prepares: their logs have batches, and no head names them.
CREATE TABLE prepared_runs (run TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;

-- Tombstones of deleted runs (DELETE-4), until their retention has passed.
CREATE TABLE deleted_runs (
  run TEXT PRIMARY KEY, ws TEXT NOT NULL, execution TEXT NOT NULL,
  token TEXT NOT NULL, -- of its start
  at INTEGER NOT NULL,
  stored INTEGER -- 1: its log and its progress are not deleted yet
) WITHOUT ROWID;
CREATE INDEX deleted_runs_execution ON deleted_runs (ws, execution, at);
CREATE INDEX deleted_runs_stored ON deleted_runs (stored) WHERE stored IS NOT NULL;
CREATE INDEX deleted_runs_at ON deleted_runs (at);

CREATE TABLE rollups (
  ws TEXT NOT NULL, subject TEXT NOT NULL, size TEXT NOT NULL, start INTEGER NOT NULL, key TEXT NOT NULL,
  expires_at INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (ws, subject, size, start, key)
) WITHOUT ROWID;
CREATE INDEX rollups_expire ON rollups (expires_at);

CREATE TABLE progress (
  seq INTEGER PRIMARY KEY, ws TEXT NOT NULL, run TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL
);
CREATE UNIQUE INDEX progress_id ON progress (run, id);
CREATE INDEX progress_ws ON progress (ws, seq);
CREATE INDEX progress_run ON progress (run, seq);

CREATE TABLE log_records (
  ws TEXT NOT NULL, execution TEXT NOT NULL, first INTEGER NOT NULL, run TEXT NOT NULL, deployment TEXT NOT NULL,
  at INTEGER NOT NULL, -- rises from group to group of a deployment
  dropped INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (ws, execution, first)
) WITHOUT ROWID;
CREATE INDEX log_records_deployment ON log_records (ws, deployment, at);
CREATE INDEX log_records_run ON log_records (run, first);

CREATE TABLE inbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, so it also numbers the messages of each chain
  ws TEXT NOT NULL, execution TEXT NOT NULL, chain TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL
);
CREATE UNIQUE INDEX inbox_message ON inbox (ws, execution, chain, id);

CREATE TABLE tasks (
  id INTEGER PRIMARY KEY, queue TEXT NOT NULL, key TEXT, prefer TEXT,
  visible_at INTEGER NOT NULL, receives INTEGER NOT NULL, receipt TEXT, body TEXT NOT NULL,
  expires_at INTEGER -- of queries: when their caller stops waiting for the answer
);
CREATE INDEX tasks_visible ON tasks (queue, visible_at);
CREATE INDEX tasks_key ON tasks (key) WHERE key IS NOT NULL;
CREATE INDEX tasks_expire ON tasks (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX tasks_preferred ON tasks (queue, prefer, visible_at) WHERE prefer IS NOT NULL;

CREATE TABLE activities (
  run TEXT NOT NULL, activity INTEGER NOT NULL, begun INTEGER NOT NULL DEFAULT 0, cancel INTEGER NOT NULL DEFAULT 0,
  details TEXT, beat_at INTEGER,
  session TEXT, -- that began the attempt, of one from the queue
  failed TEXT, -- JSON of the last failure of an attempt from the queue
  attempt INTEGER NOT NULL DEFAULT 0, -- the latest that has begun or sent a heartbeat
  PRIMARY KEY (run, activity)
) WITHOUT ROWID;

CREATE TABLE deployments (
  ws TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  authorized_keys TEXT, -- JSON list of hashes; null: every key of the workspace
  version_of TEXT, version TEXT, introduced INTEGER NOT NULL DEFAULT 0, -- PINNED-2, PINNED-3; null: it is no version
  PRIMARY KEY (ws, name)
) WITHOUT ROWID;
CREATE TABLE workers (
  ws TEXT NOT NULL, deployment TEXT NOT NULL, session TEXT NOT NULL, name TEXT NOT NULL,
  created_at INTEGER NOT NULL, registered_at INTEGER NOT NULL, heartbeat_at INTEGER NOT NULL,
  pid INTEGER, abilities TEXT, key TEXT, -- hash of the API key with which it registered
  load TEXT, -- JSON, as its last heartbeat told; null: it has told none
  PRIMARY KEY (ws, deployment, session)
) WITHOUT ROWID;
CREATE TABLE abilities (ws TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (ws, id)) WITHOUT ROWID;
CREATE INDEX workers_session ON workers (ws, session);
CREATE TABLE workflows (
  ws TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (ws, name)
) WITHOUT ROWID;
CREATE TABLE registrations (
  ws TEXT NOT NULL, workflow TEXT NOT NULL, deployment TEXT NOT NULL, id TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, definition TEXT NOT NULL,
  PRIMARY KEY (ws, workflow, deployment)
) WITHOUT ROWID;
CREATE INDEX registrations_id ON registrations (ws, id);
CREATE TABLE current_deployments (
  ws TEXT NOT NULL, workflow TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (ws, workflow)
) WITHOUT ROWID;

CREATE TABLE schedules (
  ws TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL, wake_at INTEGER,
  outbox INTEGER, -- 1: it has effects without a result
  body TEXT NOT NULL,
  PRIMARY KEY (ws, id)
) WITHOUT ROWID;
CREATE INDEX schedules_outbox ON schedules (outbox) WHERE outbox IS NOT NULL;
CREATE INDEX schedules_wake ON schedules (wake_at) WHERE wake_at IS NOT NULL;
CREATE TABLE schedule_log (
  ws TEXT NOT NULL, id TEXT NOT NULL, created_at INTEGER NOT NULL, first INTEGER NOT NULL,
  at INTEGER NOT NULL, -- of the newest entry
  body TEXT NOT NULL,
  PRIMARY KEY (ws, id, created_at, first)
) WITHOUT ROWID;
CREATE INDEX schedule_log_at ON schedule_log (at);

CREATE TABLE start_keys (
  ws TEXT NOT NULL, key TEXT NOT NULL, execution TEXT NOT NULL, run TEXT NOT NULL, request TEXT NOT NULL, expires_at INTEGER NOT NULL,
  PRIMARY KEY (ws, key)
) WITHOUT ROWID;
CREATE INDEX start_keys_expire ON start_keys (expires_at);

CREATE TABLE rate_limits (
  ws TEXT NOT NULL, key TEXT NOT NULL, expires_at INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (ws, key)
) WITHOUT ROWID;
CREATE INDEX rate_limits_expire ON rate_limits (expires_at);

CREATE TABLE jobs (
  ws TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, due_at INTEGER, ended_at INTEGER, body TEXT NOT NULL,
  PRIMARY KEY (ws, id)
) WITHOUT ROWID;
CREATE INDEX jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;
CREATE TABLE job_outcomes (
  ws TEXT NOT NULL, job TEXT NOT NULL, page INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (ws, job, page)
) WITHOUT ROWID;

CREATE TABLE keys (hash TEXT PRIMARY KEY, ws TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX keys_ws ON keys (ws, hash);
`;
