PRAGMA user_version = 7;
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
INSERT INTO heads VALUES ('0190a000-0000-7000-8000-00000000da7a', 'done', 'COMPLETED', '01a22bb4-77f0-73d9-8983-5b296764c404', '01a22bb4-77f1-76f1-aa38-7799664cb4d9', null, 0, 5, 1, '8bd7665b-9f1e-4e28-967e-051dd69c3db5', 'shop', null, null, 2, 0, 2, 1, 1128, '{"workflow":"order","registration":"01a22bb4-77cb-7682-9165-bb3954de3e58","input":{"cents":500},"result":{"result":"paid 500, approved by ada"},"user":"formats","started_at":1796029577201,"closed_at":1796029577304,"cost":{"worker_calls":5,"tasks":2,"write_units":null,"read_units":null,"commits":11,"bytes_written":2933}}');
INSERT INTO heads VALUES ('0190a000-0000-7000-8000-00000000da7a', 'waiting', 'RUNNING', '01a22bb4-7810-7409-85f0-bf8519ee42e7', '01a22bb4-7810-73ff-a7d0-8ab8339547f3', null, 0, 2, 3, '8bd7665b-9f1e-4e28-967e-051dd69c3db5', 'shop', null, null, 1, 1, 1, 0, 667, '{"workflow":"order","registration":"01a22bb4-77cb-7682-9165-bb3954de3e58","input":{"cents":500},"user":"formats","started_at":1796029577232}');
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
INSERT INTO runs VALUES ('01a22bb4-77f0-73d9-8983-5b296764c404', '0190a000-0000-7000-8000-00000000da7a', 'done', 'done', 'order', 'shop', 'formats', 'COMPLETED', 1796029577201, 1796029577304, 1796029577304, null, '01a22bb4-77f1-76f1-aa38-7799664cb4d9', '01a22bb4-77f1-76f1-aa38-7799664cb4d9', null, '01a22bb4-77f0-73d9-8983-5b296764c404', null, null, 1, 1, 8, '{}', '{"due_at":null,"wake_pending":false,"fence":5,"effects_done_through":1,"owner":"8bd7665b-9f1e-4e28-967e-051dd69c3db5","deadline":null,"workflow":"order","registration":"01a22bb4-77cb-7682-9165-bb3954de3e58","input":{"cents":500},"result":{"result":"paid 500, approved by ada"},"user":"formats","started_at":1796029577201,"closed_at":1796029577304,"cost":{"worker_calls":5,"tasks":2,"write_units":null,"read_units":null,"commits":11,"bytes_written":2933}}');
INSERT INTO runs VALUES ('01a22bb4-7810-7409-85f0-bf8519ee42e7', '0190a000-0000-7000-8000-00000000da7a', 'waiting', 'waiting', 'order', 'shop', 'formats', 'RUNNING', 1796029577232, null, 9000000000000000, null, '01a22bb4-7810-73ff-a7d0-8ab8339547f3', '01a22bb4-7810-73ff-a7d0-8ab8339547f3', null, '01a22bb4-7810-7409-85f0-bf8519ee42e7', null, null, 1, 2, null, '{}', '{"due_at":1796029637232,"wake_pending":true,"fence":1,"effects_done_through":1,"owner":null,"deadline":null,"workflow":"order","registration":"01a22bb4-77cb-7682-9165-bb3954de3e58","input":{"cents":500},"user":"formats","started_at":1796029577232}');
CREATE INDEX runs_started ON runs (ws, started_at, run, execution, workflow);
CREATE INDEX runs_ended ON runs (ws, ends_at, run, execution, workflow);
CREATE INDEX runs_status ON runs (ws, status, started_at, run);
CREATE INDEX runs_workflow ON runs (ws, workflow, started_at, run);
CREATE INDEX runs_deployment ON runs (ws, deployment, started_at, run);
CREATE INDEX runs_user ON runs (ws, user, started_at, run) WHERE user IS NOT NULL;
CREATE INDEX runs_execution ON runs (ws, execution, last_seq);
CREATE INDEX runs_tree ON runs (ws, root, last_seq);
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
  run TEXT NOT NULL, first INTEGER NOT NULL, ws TEXT NOT NULL,
  seq INTEGER, -- null: a batch that a reset has prepared, which the feed does not show
  n INTEGER NOT NULL,
  bytes INTEGER NOT NULL, -- of the run's log up to and with this batch
  retries INTEGER NOT NULL, -- of activities, likewise
  batches INTEGER NOT NULL, queued INTEGER NOT NULL, messages INTEGER NOT NULL, -- likewise: of workers, activities in the queue, taken in
  body TEXT NOT NULL,
  PRIMARY KEY (run, first)
) WITHOUT ROWID;
INSERT INTO log VALUES ('01a22bb4-77f0-73d9-8983-5b296764c404', 1, '0190a000-0000-7000-8000-00000000da7a', 1, 1, 439, 0, 0, 0, 0, '{"first":1,"events":[{"kind":"execution_started","id":1,"at":1796029577201,"workflow":"order","input":{"cents":500},"deployment":"shop","run":"01a22bb4-77f0-73d9-8983-5b296764c404","chain":"01a22bb4-77f1-76f1-aa38-7799664cb4d9","attempt":1,"deadline":null,"parent":null,"root":"done","schedule":null,"first_run":"01a22bb4-77f0-73d9-8983-5b296764c404","continued_from":null,"carried":[]}],"append_id":"01a22bb4-77f0-73d9-8983-5b296764c404"}');
INSERT INTO log VALUES ('01a22bb4-77f0-73d9-8983-5b296764c404', 2, '0190a000-0000-7000-8000-00000000da7a', 3, 1, 824, 0, 1, 0, 0, '{"first":2,"events":[{"kind":"activity_scheduled","activity":1,"name":"charge","input":500,"where":"local:8bd7665b-9f1e-4e28-967e-051dd69c3db5","options":{"start_to_close_ms":300000,"retry":{"max_attempts":3,"first_ms":1000,"factor":2,"max_ms":100000,"non_retryable":[]}},"id":2,"at":1796029577216,"decided":1,"code":"9b0eb42a791e"}],"append_id":"622478c5-48b9-46b5-a9a2-8e5d13259a00"}');
INSERT INTO log VALUES ('01a22bb4-77f0-73d9-8983-5b296764c404', 3, '0190a000-0000-7000-8000-00000000da7a', 4, 1, 1014, 0, 2, 0, 0, '{"first":3,"events":[{"kind":"activity_completed","activity":1,"name":"charge","result":"paid 500","id":3,"at":1796029577251,"decided":3}],"append_id":"d5fbb640-1c50-4f29-8a85-13e5bd318bef"}');
INSERT INTO log VALUES ('01a22bb4-77f0-73d9-8983-5b296764c404', 4, '0190a000-0000-7000-8000-00000000da7a', 7, 2, 1351, 0, 3, 0, 1, '{"first":4,"events":[{"id":4,"at":1796029577304,"kind":"signal_received","message":"signal#01a22bb4-7825-7612-bfd8-f4256aa3316a","name":"approve","input":{"by":"ada"}},{"id":5,"at":1796029577304,"decided":4,"kind":"execution_completed","result":{"result":"paid 500, approved by ada"}}],"append_id":"bef4ea6f-abdf-4909-b274-35670715b1b9"}');
INSERT INTO log VALUES ('01a22bb4-7810-7409-85f0-bf8519ee42e7', 1, '0190a000-0000-7000-8000-00000000da7a', 2, 1, 442, 0, 0, 0, 0, '{"first":1,"events":[{"kind":"execution_started","id":1,"at":1796029577232,"workflow":"order","input":{"cents":500},"deployment":"shop","run":"01a22bb4-7810-7409-85f0-bf8519ee42e7","chain":"01a22bb4-7810-73ff-a7d0-8ab8339547f3","attempt":1,"deadline":null,"parent":null,"root":"waiting","schedule":null,"first_run":"01a22bb4-7810-7409-85f0-bf8519ee42e7","continued_from":null,"carried":[]}],"append_id":"01a22bb4-7810-7409-85f0-bf8519ee42e7"}');
INSERT INTO log VALUES ('01a22bb4-7810-7409-85f0-bf8519ee42e7', 2, '0190a000-0000-7000-8000-00000000da7a', 5, 1, 827, 0, 1, 0, 0, '{"first":2,"events":[{"kind":"activity_scheduled","activity":1,"name":"charge","input":500,"where":"local:8bd7665b-9f1e-4e28-967e-051dd69c3db5","options":{"start_to_close_ms":300000,"retry":{"max_attempts":3,"first_ms":1000,"factor":2,"max_ms":100000,"non_retryable":[]}},"id":2,"at":1796029577275,"decided":1,"code":"9b0eb42a791e"}],"append_id":"7b492448-d9c0-45c7-9b08-f21e80f5e5ef"}');
INSERT INTO log VALUES ('01a22bb4-7810-7409-85f0-bf8519ee42e7', 3, '0190a000-0000-7000-8000-00000000da7a', 6, 1, 1017, 0, 2, 0, 0, '{"first":3,"events":[{"kind":"activity_completed","activity":1,"name":"charge","result":"paid 500","id":3,"at":1796029577292,"decided":3}],"append_id":"2d2cf8b7-24b4-42c0-b4fe-c3506cd9f69e"}');
CREATE INDEX log_seq ON log (ws, seq);
CREATE TABLE prepared_runs (run TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
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
INSERT INTO rollups VALUES ('0190a000-0000-7000-8000-00000000da7a', 'workflow order', 'hour', 1796029200000, '', 33332036400000, '{"key":"","start":1796029200000,"counts":{"started":2,"completed":1,"latency_ms":103,"l26":1}}');
INSERT INTO rollups VALUES ('0190a000-0000-7000-8000-00000000da7a', 'workflow order', 'minute', 1796029560000, '', 1796205960000, '{"key":"","start":1796029560000,"counts":{"started":2,"completed":1,"latency_ms":103,"l26":1}}');
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
INSERT INTO deployments VALUES ('0190a000-0000-7000-8000-00000000da7a', 'shop', '01a22bb4-77cb-72df-8040-5b179d4670bd', 1796029577162, 1796029577162, null, null, null, 0);
CREATE TABLE workers (
  ws TEXT NOT NULL, deployment TEXT NOT NULL, session TEXT NOT NULL, name TEXT NOT NULL,
  created_at INTEGER NOT NULL, registered_at INTEGER NOT NULL, heartbeat_at INTEGER NOT NULL,
  pid INTEGER, abilities TEXT, key TEXT, -- hash of the API key with which it registered
  load TEXT, -- JSON, as its last heartbeat told; null: it has told none
  PRIMARY KEY (ws, deployment, session)
) WITHOUT ROWID;
CREATE TABLE abilities (ws TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (ws, id)) WITHOUT ROWID;
INSERT INTO abilities VALUES ('0190a000-0000-7000-8000-00000000da7a', 't3MX1UN9CKhd9cMqPTSrdENzM01rByEYXP3z2uQOC9g', '{"workflows":["order"],"activities":["__cancel_execution","__query_execution","__signal_execution","charge"]}');
CREATE INDEX workers_session ON workers (ws, session);
CREATE TABLE workflows (
  ws TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (ws, name)
) WITHOUT ROWID;
INSERT INTO workflows VALUES ('0190a000-0000-7000-8000-00000000da7a', 'order', '01a22bb4-77cb-758d-8a9c-b54b88068764', '{"id":"01a22bb4-77cb-758d-8a9c-b54b88068764","name":"order","displayName":"order","description":null,"tags":[],"archived":false,"availableInChatAssistant":false,"createdAt":1796029577162,"set":{}}');
CREATE TABLE registrations (
  ws TEXT NOT NULL, workflow TEXT NOT NULL, deployment TEXT NOT NULL, id TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, definition TEXT NOT NULL,
  PRIMARY KEY (ws, workflow, deployment)
) WITHOUT ROWID;
INSERT INTO registrations VALUES ('0190a000-0000-7000-8000-00000000da7a', 'order', 'shop', '01a22bb4-77cb-7682-9165-bb3954de3e58', 1796029577162, 1796029577162, '{"name":"order","display_name":null,"description":null,"input_schema":{"type":"object","properties":{"cents":{"type":"number"}},"required":["cents"]},"output_schema":{"type":"object","properties":{"result":{"type":"string"}},"required":["result"]},"signals":[{"name":"approve","description":null,"input_schema":{"type":"object","properties":{"by":{"type":"string"}},"required":["by"]}}],"queries":[{"name":"state","description":null,"input_schema":{"type":"object","properties":{}},"output_schema":{"type":"object","properties":{"result":{"type":"string"}},"required":["result"]}}],"updates":[],"enforce_determinism":true,"is_technical":false,"execution_timeout":null,"search_keys":[],"schedules":[]}');
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
INSERT INTO schedules VALUES ('0190a000-0000-7000-8000-00000000da7a', 'daily', 2, 1796029577356, null, null, '{"format":1,"schedule_id":"daily","seed":"0190a000-0000-7000-8000-00000000da7a/daily","version":2,"workflow_name":"order","workflow_registration_id":null,"deployment_name":"shop","follows_current":true,"created_by":"formats","definition":{"input":{"cents":1},"calendars":[],"intervals":[],"cron_expressions":["0 9 * * *"],"skip":[],"start_at":null,"end_at":null,"jitter":null,"time_zone_name":null,"policy":{"overlap":1,"catchup_window_seconds":31536000,"pause_on_failure":false},"max_executions":null},"paused":true,"note":null,"remaining":null,"cursor":1796029577356,"buffer":[],"active":[],"recent":[],"counters":{"started":0,"overlap_skipped":0,"missed_catchup_window":0,"buffer_dropped":0,"refused":0},"manual_runs":0,"log_entries":0,"log":[],"created_at":1796029577356,"updated_at":1796029577366}');
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
INSERT INTO start_keys VALUES ('0190a000-0000-7000-8000-00000000da7a', '783503d2aeaa40192fc112197eda0faf0b8ee747ab994401327722e9845ef0e4', 'done', '01a22bb4-77f0-73d9-8983-5b296764c404', 'e96875eac9f662fab72553f1d63cb36040e9eac48ae77f0d325a6f58da047f36', 33332029577200);
INSERT INTO start_keys VALUES ('0190a000-0000-7000-8000-00000000da7a', 'a2702f17ea229cbddfa7c55ecb5c132b83ad33285ce923fd8d8f109814ee7352', 'waiting', '01a22bb4-7810-7409-85f0-bf8519ee42e7', '07ff1adee7b2e2144679c2c8d3258369d2d48f39204f6b11144ef1688fd5880b', 33332029577232);
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
INSERT INTO keys VALUES ('6e1a968afabe313d01b185551013739c2d286cd24b52e210f4bd568720d4e2b5', '0190a000-0000-7000-8000-00000000da7a', '{"hash":"6e1a968afabe313d01b185551013739c2d286cd24b52e210f4bd568720d4e2b5","workspace":"0190a000-0000-7000-8000-00000000da7a","rights":["admin"],"name":"formats","createdAt":1796029577082}');
CREATE INDEX keys_ws ON keys (ws, hash);
INSERT INTO sqlite_sequence VALUES ('inbox', 1);
