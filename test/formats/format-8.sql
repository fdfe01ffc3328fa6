PRAGMA user_version = 8;
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
INSERT INTO heads VALUES ('0190a000-0000-7000-8000-00000000da7a', 'done', 'COMPLETED', '01a22ea8-6371-7edf-b5f7-0c495e014734', '01a22ea8-6372-78e2-bd1a-6d63c650a4f3', null, 0, 5, 1, '69f87698-8022-47d8-8631-41d0f14add4b', 'shop', null, null, 2, 0, 2, 1, 1128, '{"workflow":"order","registration":"01a22ea8-633c-729d-b362-435ad395b76b","input":{"cents":500},"result":{"result":"paid 500, approved by ada"},"user":"formats","started_at":1796079117170,"closed_at":1796079117320,"cost":{"worker_calls":5,"tasks":2,"write_units":null,"read_units":null,"commits":11,"bytes_written":2933}}');
INSERT INTO heads VALUES ('0190a000-0000-7000-8000-00000000da7a', 'waiting', 'RUNNING', '01a22ea8-63a2-768e-a6a9-34b4720ad68b', '01a22ea8-63a2-7c81-828f-29e03d66487c', null, 0, 2, 3, '69f87698-8022-47d8-8631-41d0f14add4b', 'shop', null, null, 1, 1, 1, 0, 667, '{"workflow":"order","registration":"01a22ea8-633c-729d-b362-435ad395b76b","input":{"cents":500},"user":"formats","started_at":1796079117218}');
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
INSERT INTO runs VALUES ('01a22ea8-6371-7edf-b5f7-0c495e014734', '0190a000-0000-7000-8000-00000000da7a', 'done', 'done', 'order', 'shop', 'formats', 'COMPLETED', 1796079117170, 1796079117320, 1796079117320, null, '01a22ea8-6372-78e2-bd1a-6d63c650a4f3', '01a22ea8-6372-78e2-bd1a-6d63c650a4f3', null, '01a22ea8-6371-7edf-b5f7-0c495e014734', null, null, 1, 1, 8, '{}', '{"due_at":null,"wake_pending":false,"fence":5,"effects_done_through":1,"owner":"69f87698-8022-47d8-8631-41d0f14add4b","deadline":null,"workflow":"order","registration":"01a22ea8-633c-729d-b362-435ad395b76b","input":{"cents":500},"result":{"result":"paid 500, approved by ada"},"user":"formats","started_at":1796079117170,"closed_at":1796079117320,"cost":{"worker_calls":5,"tasks":2,"write_units":null,"read_units":null,"commits":11,"bytes_written":2933}}');
INSERT INTO runs VALUES ('01a22ea8-63a2-768e-a6a9-34b4720ad68b', '0190a000-0000-7000-8000-00000000da7a', 'waiting', 'waiting', 'order', 'shop', 'formats', 'RUNNING', 1796079117218, null, 9000000000000000, null, '01a22ea8-63a2-7c81-828f-29e03d66487c', '01a22ea8-63a2-7c81-828f-29e03d66487c', null, '01a22ea8-63a2-768e-a6a9-34b4720ad68b', null, null, 1, 2, null, '{}', '{"due_at":1796079177218,"wake_pending":true,"fence":1,"effects_done_through":1,"owner":null,"deadline":null,"workflow":"order","registration":"01a22ea8-633c-729d-b362-435ad395b76b","input":{"cents":500},"user":"formats","started_at":1796079117218}');
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
  id INTEGER PRIMARY KEY, -- LOGORDER-1
  run TEXT NOT NULL, first INTEGER NOT NULL, ws TEXT NOT NULL,
  seq INTEGER, -- null: a batch that a reset has prepared, which the feed does not show
  n INTEGER NOT NULL,
  bytes INTEGER NOT NULL, -- of the run's log up to and with this batch
  retries INTEGER NOT NULL, -- of activities, likewise
  batches INTEGER NOT NULL, queued INTEGER NOT NULL, messages INTEGER NOT NULL, -- likewise: of workers, activities in the queue, taken in
  body TEXT NOT NULL
);
INSERT INTO log VALUES (1, '01a22ea8-6371-7edf-b5f7-0c495e014734', 1, '0190a000-0000-7000-8000-00000000da7a', 1, 1, 439, 0, 0, 0, 0, '{"first":1,"events":[{"kind":"execution_started","id":1,"at":1796079117170,"workflow":"order","input":{"cents":500},"deployment":"shop","run":"01a22ea8-6371-7edf-b5f7-0c495e014734","chain":"01a22ea8-6372-78e2-bd1a-6d63c650a4f3","attempt":1,"deadline":null,"parent":null,"root":"done","schedule":null,"first_run":"01a22ea8-6371-7edf-b5f7-0c495e014734","continued_from":null,"carried":[]}],"append_id":"01a22ea8-6371-7edf-b5f7-0c495e014734"}');
INSERT INTO log VALUES (2, '01a22ea8-63a2-768e-a6a9-34b4720ad68b', 1, '0190a000-0000-7000-8000-00000000da7a', 2, 1, 442, 0, 0, 0, 0, '{"first":1,"events":[{"kind":"execution_started","id":1,"at":1796079117218,"workflow":"order","input":{"cents":500},"deployment":"shop","run":"01a22ea8-63a2-768e-a6a9-34b4720ad68b","chain":"01a22ea8-63a2-7c81-828f-29e03d66487c","attempt":1,"deadline":null,"parent":null,"root":"waiting","schedule":null,"first_run":"01a22ea8-63a2-768e-a6a9-34b4720ad68b","continued_from":null,"carried":[]}],"append_id":"01a22ea8-63a2-768e-a6a9-34b4720ad68b"}');
INSERT INTO log VALUES (3, '01a22ea8-6371-7edf-b5f7-0c495e014734', 2, '0190a000-0000-7000-8000-00000000da7a', 3, 1, 824, 0, 1, 0, 0, '{"first":2,"events":[{"kind":"activity_scheduled","activity":1,"name":"charge","input":500,"where":"local:69f87698-8022-47d8-8631-41d0f14add4b","options":{"start_to_close_ms":300000,"retry":{"max_attempts":3,"first_ms":1000,"factor":2,"max_ms":100000,"non_retryable":[]}},"id":2,"at":1796079117194,"decided":1,"code":"9b0eb42a791e"}],"append_id":"99d87841-f330-48b8-8152-6454170252fa"}');
INSERT INTO log VALUES (4, '01a22ea8-6371-7edf-b5f7-0c495e014734', 3, '0190a000-0000-7000-8000-00000000da7a', 4, 1, 1014, 0, 2, 0, 0, '{"first":3,"events":[{"kind":"activity_completed","activity":1,"name":"charge","result":"paid 500","id":3,"at":1796079117246,"decided":3}],"append_id":"c553faf8-feda-4010-93cc-1b9a386d5747"}');
INSERT INTO log VALUES (5, '01a22ea8-63a2-768e-a6a9-34b4720ad68b', 2, '0190a000-0000-7000-8000-00000000da7a', 5, 1, 827, 0, 1, 0, 0, '{"first":2,"events":[{"kind":"activity_scheduled","activity":1,"name":"charge","input":500,"where":"local:69f87698-8022-47d8-8631-41d0f14add4b","options":{"start_to_close_ms":300000,"retry":{"max_attempts":3,"first_ms":1000,"factor":2,"max_ms":100000,"non_retryable":[]}},"id":2,"at":1796079117277,"decided":1,"code":"9b0eb42a791e"}],"append_id":"5255efd0-4444-4771-9d01-ecaf8a896258"}');
INSERT INTO log VALUES (6, '01a22ea8-63a2-768e-a6a9-34b4720ad68b', 3, '0190a000-0000-7000-8000-00000000da7a', 6, 1, 1017, 0, 2, 0, 0, '{"first":3,"events":[{"kind":"activity_completed","activity":1,"name":"charge","result":"paid 500","id":3,"at":1796079117309,"decided":3}],"append_id":"ffde2249-98da-41cd-8f75-22abdb95c048"}');
INSERT INTO log VALUES (7, '01a22ea8-6371-7edf-b5f7-0c495e014734', 4, '0190a000-0000-7000-8000-00000000da7a', 7, 2, 1351, 0, 3, 0, 1, '{"first":4,"events":[{"id":4,"at":1796079117320,"kind":"signal_received","message":"signal#01a22ea8-63c2-7e82-b9b6-3a8cf75edb46","name":"approve","input":{"by":"ada"}},{"id":5,"at":1796079117320,"decided":4,"kind":"execution_completed","result":{"result":"paid 500, approved by ada"}}],"append_id":"248d8bb2-bf9b-40e8-b184-36c5d48230e8"}');
CREATE UNIQUE INDEX log_run ON log (run, first);
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
INSERT INTO rollups VALUES ('0190a000-0000-7000-8000-00000000da7a', 'workflow order', 'hour', 1796076000000, '', 33332083200000, '{"key":"","start":1796076000000,"counts":{"started":2,"completed":1,"latency_ms":150,"l28":1}}');
INSERT INTO rollups VALUES ('0190a000-0000-7000-8000-00000000da7a', 'workflow order', 'minute', 1796079060000, '', 1796255460000, '{"key":"","start":1796079060000,"counts":{"started":2,"completed":1,"latency_ms":150,"l28":1}}');
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
INSERT INTO deployments VALUES ('0190a000-0000-7000-8000-00000000da7a', 'shop', '01a22ea8-633b-768d-9234-e31715658778', 1796079117115, 1796079117115, null, null, null, 0);
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
INSERT INTO workflows VALUES ('0190a000-0000-7000-8000-00000000da7a', 'order', '01a22ea8-633c-755e-90c8-6969ad5d25c2', '{"id":"01a22ea8-633c-755e-90c8-6969ad5d25c2","name":"order","displayName":"order","description":null,"tags":[],"archived":false,"availableInChatAssistant":false,"createdAt":1796079117115,"set":{}}');
CREATE TABLE registrations (
  ws TEXT NOT NULL, workflow TEXT NOT NULL, deployment TEXT NOT NULL, id TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, definition TEXT NOT NULL,
  PRIMARY KEY (ws, workflow, deployment)
) WITHOUT ROWID;
INSERT INTO registrations VALUES ('0190a000-0000-7000-8000-00000000da7a', 'order', 'shop', '01a22ea8-633c-729d-b362-435ad395b76b', 1796079117115, 1796079117115, '{"name":"order","display_name":null,"description":null,"input_schema":{"type":"object","properties":{"cents":{"type":"number"}},"required":["cents"]},"output_schema":{"type":"object","properties":{"result":{"type":"string"}},"required":["result"]},"signals":[{"name":"approve","description":null,"input_schema":{"type":"object","properties":{"by":{"type":"string"}},"required":["by"]}}],"queries":[{"name":"state","description":null,"input_schema":{"type":"object","properties":{}},"output_schema":{"type":"object","properties":{"result":{"type":"string"}},"required":["result"]}}],"updates":[],"enforce_determinism":true,"is_technical":false,"execution_timeout":null,"search_keys":[],"schedules":[]}');
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
INSERT INTO schedules VALUES ('0190a000-0000-7000-8000-00000000da7a', 'daily', 2, 1796079117378, null, null, '{"format":1,"schedule_id":"daily","seed":"0190a000-0000-7000-8000-00000000da7a/daily","version":2,"workflow_name":"order","workflow_registration_id":null,"deployment_name":"shop","follows_current":true,"created_by":"formats","definition":{"input":{"cents":1},"calendars":[],"intervals":[],"cron_expressions":["0 9 * * *"],"skip":[],"start_at":null,"end_at":null,"jitter":null,"time_zone_name":null,"policy":{"overlap":1,"catchup_window_seconds":31536000,"pause_on_failure":false},"max_executions":null},"paused":true,"note":null,"remaining":null,"cursor":1796079117378,"buffer":[],"active":[],"recent":[],"counters":{"started":0,"overlap_skipped":0,"missed_catchup_window":0,"buffer_dropped":0,"refused":0},"manual_runs":0,"log_entries":0,"log":[],"created_at":1796079117378,"updated_at":1796079117393}');
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
INSERT INTO start_keys VALUES ('0190a000-0000-7000-8000-00000000da7a', '29739020f219e101fa1c660c5b145b122cb7642259296bf601ae984ff6813316', 'waiting', '01a22ea8-63a2-768e-a6a9-34b4720ad68b', '07ff1adee7b2e2144679c2c8d3258369d2d48f39204f6b11144ef1688fd5880b', 33332079117218);
INSERT INTO start_keys VALUES ('0190a000-0000-7000-8000-00000000da7a', '99bec51ae0835a2ed362c4f5788c8f0504e1bb15721550e612f1219963c3d225', 'done', '01a22ea8-6371-7edf-b5f7-0c495e014734', 'e96875eac9f662fab72553f1d63cb36040e9eac48ae77f0d325a6f58da047f36', 33332079117169);
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
INSERT INTO keys VALUES ('59173b5d0092cfcd1b82edf7d479499f875f4cf4dbe06b81d3fb6b8c5b3a3f92', '0190a000-0000-7000-8000-00000000da7a', '{"hash":"59173b5d0092cfcd1b82edf7d479499f875f4cf4dbe06b81d3fb6b8c5b3a3f92","workspace":"0190a000-0000-7000-8000-00000000da7a","rights":["admin"],"name":"formats","createdAt":1796079117032}');
CREATE INDEX keys_ws ON keys (ws, hash);
INSERT INTO sqlite_sequence VALUES ('inbox', 1);
