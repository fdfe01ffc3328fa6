/**
 * Every limit of the public API and of the worker data path, each with its unit in the name or comment. Sizes are
 * binary (2 MB = 2 MiB). The server checks a limit before it writes anything, and refuses the request whole.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

/* Names and ids: characters. */
export const MAX_EXECUTION_ID = 256;
export const MAX_WORKFLOW_NAME = 128;
export const MAX_DEPLOYMENT_NAME = 128;
/** A commit's SHA-256 has 64. */
export const MAX_VERSION_NAME = 64;
export const MAX_WORKER_NAME = 256;
export const MAX_SCHEDULE_ID = 232; // leaves room for "-20260101T093000Z" and a suffix in the execution ids it makes
export const MAX_ACTIVITY_NAME = 128;
/** Signals, queries and updates: at registration and in calls. The client API itself states none. */
export const MAX_HANDLER_NAME = 128;
/** The name that stands in a queue message for a task too large for it. */
export const MAX_TASK_NAME = 100;
/** Room for the longest one: the cancel request of a schedule, which holds a schedule id and an execution id. */
export const MAX_MESSAGE_ID = 1000;
export const MAX_IDEMPOTENCY_KEY = 255;
export const MAX_DISPLAY_NAME = 128;
export const MAX_TAG = 100;
export const MAX_DESCRIPTION = 4000;
export const MAX_PATCH_ID = 256;

/* Sizes: bytes of UTF-8 JSON. */
/** One workflow or activity input or result, one signal, query or update input or answer. Over it: 413. */
export const MAX_PAYLOAD_BYTES = 2 * MiB;
/** One request body: a full payload, also in base64, and the fields around it. Over it: 413 without parsing. */
export const MAX_BODY_BYTES = 4 * MiB;
/** One request body of the worker data path, whose calls carry several payloads. Over it: 413 without parsing. */
export const MAX_WORKER_BODY_BYTES = 16 * MiB;
/** One published custom event. */
export const MAX_CUSTOM_EVENT_BYTES = 2 * MiB;
/** All events of one batch of published custom events. */
export const MAX_CUSTOM_EVENT_BATCH_BYTES = 2_000_000;

/** How deep arrays and objects may be nested: in a body of the API, and in each file or text with JSON that is read. */
export const MAX_JSON_DEPTH = 128;
/** The same for a body of the worker data path, in which a value stands some levels deep. */
export const MAX_WORKER_JSON_DEPTH = MAX_JSON_DEPTH + 16;
/**
 * Values in a body of the API, and keys of objects that differ from all earlier ones in their keys: neither the check of
 * the text nor `JSON.parse` holds the event loop for more than 20 ms.
 */
export const MAX_JSON_VALUES = 200_000;
export const MAX_JSON_KEYS = 20_000;
/** A worker keeps stored messages with more levels from code: they overflow the stack of code, schemas and `JSON.stringify`. */
export const MAX_STORED_JSON_DEPTH = 512;

/* History of one run. A run at either limit can only be closed: it must continue as new before. */
export const MAX_HISTORY_EVENTS = 51_200;
export const MAX_HISTORY_BYTES = 50 * MiB;
/** From this share of either limit on, `historyIsLong()` is true. */
export const HISTORY_IS_LONG_RATIO = 0.2;

/**
 * Attempts of one activity that the history of a run records each. Later ones go through the queue, where the deliveries
 * of the task count them: a provider that is down for a weekend must not fill the history.
 */
export const RECORDED_ATTEMPTS = 10;
/** Refused updates that the history of a run records. Later ones are answered and leave nothing (DECIDE-9). */
export const RECORDED_REFUSALS = 100;
/** Of an update that is refused beside the history: the message, characters, and the details, bytes of their JSON. */
export const MAX_REFUSAL_MESSAGE = 2_000;
export const MAX_REFUSAL_DETAILS = 8 * KiB;
/** Such refusals of one call of a worker. */
export const MAX_REFUSED_AT_ONCE = 40;
/** A longer back-off stays with the run as a timer: a queue on AWS holds a message back for 12 h at most. Ms. */
export const MAX_QUEUED_BACKOFF_MS = 3_600_000;
/** The message of a failed attempt that the history records in short, characters. */
export const MAX_SHORT_MESSAGE = 500;
/** A queue task that is older is sent anew: SQS keeps a message for 14 days, however often it is delivered. Ms. */
export const MAX_TASK_AGE_MS = 2 * 86_400_000;

/** Runs of one chain that may follow each other at once by continue-as-new. */
export const QUICK_RUNS = 10;
/** After `QUICK_RUNS`, a run of the chain begins so long after the one before, ms. */
export const RUN_INTERVAL_MS = 6_000;
/** A run with so many events does not count as a quick one. */
export const LONG_RUN_EVENTS = 1_000;

/* Rate limits of activities. */
/** Characters of a key. */
export const MAX_RATE_KEY = 256;
/** Attempts that may begin within the window, and the length of the window, ms. */
export const MAX_RATE = 100_000;
export const MIN_RATE_PER_MS = 1_000;
export const MAX_RATE_PER_MS = 3_600_000;

/* Counts in one request. */
export const MAX_BATCH_IDS = 100;
export const MAX_WORKFLOW_TAGS_FILTER = 20;
export const MAX_SEARCH_KEY_FILTERS = 3;
/** Statuses in the filter of a job, more than there are. */
export const MAX_STATUSES_FILTER = 20;
/** API keys with which workers of one hardened deployment may register. */
export const MAX_AUTHORIZED_KEYS = 100;
/** Jobs of one workspace that have not ended. */
export const MAX_OPEN_JOBS = 20;
/** Input of the signal of a job, bytes: it is stored with the job. */
export const MAX_JOB_INPUT_BYTES = 64 * KiB;
/** Filter of a job, bytes: it is stored with the job, and shown in lists. */
export const MAX_JOB_FILTER_BYTES = 16 * KiB;
/** Reason of a job, characters. */
export const MAX_REASON = 500;
/** Workflow definitions of one registration. */
export const MAX_DEFINITIONS = 1000;
/** Items of one append or park: each is a write of its own. */
export const MAX_STEP_ITEMS = 100;
/** The longest time for which a worker may ask a permit of a rate limit to be good. */
export const MAX_PERMIT_SLACK_MS = 10_000;
/** Tasks of one poll. */
export const MAX_POLL_TASKS = 100;
/** Tags of one workflow. */
export const MAX_TAGS = 50;
/** API keys of one workspace. */
export const MAX_KEYS = 1000;
/** A key that expires lasts from a minute to ten years. */
export const MIN_KEY_SECONDS = 60;
export const MAX_KEY_SECONDS = 3_650 * 86_400;
/** Deployments to which one key is limited. */
export const MAX_KEY_DEPLOYMENTS = 100;
/** Holds of one workspace, and the characters of why. */
export const MAX_HOLDS = 100;
export const MAX_HOLD_REASON = 500;
/** Tasks a second of a release. */
export const MIN_RELEASE_PER_SECOND = 0.01;
export const MAX_RELEASE_PER_SECOND = 1_000;
/** Functions on AWS know the holds as of so long ago (HOLD-6). */
export const HOLD_LAG_MS = 5_000;
/** Receipts, sessions, messages, activities or progress events of one call of a worker. */
export const MAX_WORKER_LIST = 1000;

/* Search keys of one execution. */
export const MAX_SEARCH_KEYS = 20;
export const MAX_SEARCH_KEY = 256; // characters
export const MAX_SEARCH_VALUE = 8192; // characters; a longer value is cut

/* Page sizes. */
export const DEFAULT_PAGE = 50;
export const DEFAULT_EVENTS_PAGE = 100;
export const MAX_PAGE = 1000; // workflows, registrations, runs, schedules, events
export const MAX_SMALL_PAGE = 100; // deployments, workers, logs

/** Runs of one status that are counted, unless the request says otherwise, and at most. */
export const DEFAULT_COUNTED_RUNS = 1000;
export const MAX_COUNTED_RUNS = 10_000;

/** Buckets of failures that one list reads. */
export const MAX_READ_FAILURES = 20_000;

/** One page of schedules or of a history, whose payloads may be long. Lambda answers 6 MB at most. */
export const MAX_LIST_BYTES = 4 * MiB;
/** What the server reads of a log for one page whose long payloads are cut. */
export const MAX_CUT_READ_BYTES = 16 * MiB;
/** With `cut_payloads`, a longer value of an event is cut. */
export const MAX_SHOWN_BYTES = 16 * KiB;
/** The beginning of a cut value that is shown, characters of its JSON. */
export const PREVIEW_CHARACTERS = 1000;

/** What a preview of a reset lists of each sort. */
export const MAX_PREVIEW_EVENTS = 200;

/* Log records. */
/** Of one run. */
export const MAX_RUN_LOG_RECORDS = 10_000;
export const MAX_RUN_LOG_BYTES = 5 * MiB;
/** Text of one record, characters. A worker cuts a longer one. */
export const MAX_LOG_BODY = 8_000;
/** Name and value of an attribute, characters; attributes of one record. A worker cuts longer ones and drops further ones. */
export const MAX_LOG_ATTRIBUTE = 256;
export const MAX_LOG_VALUE = 2_000;
export const MAX_LOG_ATTRIBUTES = 32;
/** Runs of one call, and records and bytes of each. */
export const MAX_LOG_GROUPS = 50;
export const MAX_LOG_GROUP_RECORDS = 500;
export const MAX_LOG_GROUP_BYTES = 256 * KiB;
/** Records that a worker says it had to drop from one group. */
export const MAX_LOG_DROPPED = 1_000_000_000;
/** A worker drops records that it could not send for this long, ms. */
export const MAX_LOG_DELAY_MS = 600_000;

/* Waiting: seconds. */
/** `wait_for_result`, queries and updates without a `timeout_seconds`. */
export const DEFAULT_WAIT_SECONDS = 60;
/** The longest wait of any call: below the official client's own 300 s. The server shortens longer ones to this. */
export const MAX_WAIT_SECONDS = 290;
/** Longest duration, ms: a hundred years. Times stay far below those that numbers hold exactly. */
export const MAX_DURATION_MS = 36_525 * 86_400_000;
/** A worker keeps a lease for as long as this at once, ms. */
export const MAX_LEASE_MS = 86_400_000;
/** Between two keep-alive comments of a stream. */
export const KEEP_ALIVE_SECONDS = 15;
/** The longest wait of one poll for tasks, ms. */
export const MAX_POLL_WAIT_MS = 60_000;

/* Workers: seconds. */
export const HEARTBEAT_SECONDS = 10;
/** A worker without a heartbeat for this long is inactive, and so is a deployment whose workers all are. */
export const LIVENESS_SECONDS = 50;
export const DEFAULT_EXECUTION_TIMEOUT_SECONDS = 3600;
/** A worker that drives an execution for longer than this, ms, claims it again: well below the claim timeout. */
export const RENEW_MS = 45_000;

/* Schedules. */
/** Of each of a definition's lists: calendars, intervals, cron lines, skips. */
export const MAX_SCHEDULE_PARTS = 100;
/** Of all calendars and skips of a definition together. */
export const MAX_CALENDAR_RANGES = 2000;
export const MAX_CRON_CHARACTERS = 500;
/** Of a duration, a date-time or the name of a time zone. */
export const MAX_SCHEDULE_TEXT = 100;
export const MAX_NOTE_BYTES = 1000;
export const MAX_CALENDAR_COMMENT_BYTES = 200;
export const DEFAULT_CATCHUP_SECONDS = 31_536_000;
export const MAX_PREVIEW_TIMES = 1000;
export const DEFAULT_PREVIEW_TIMES = 10;

/** Days that closed executions, their histories and their events are kept. */
export const RETENTION_DAYS = 30;
