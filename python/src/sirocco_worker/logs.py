"""What workflow code and activities log, on its way to the server: a handler of the root logger gives it to the worker core.

LOGS-1. A log call neither fails nor waits: the handler only makes a text of the record and passes it on.
LOGS-2. A record of workflow code goes with the answer to the step in which it was logged, so that the core can drop it with the
        step. A replay logs nothing.
LOGS-3. Lines of the SDK's own modules stay in the worker's log.
"""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import temporalio.activity
import temporalio.workflow

from sirocco_worker.refusal import refuse

Line = dict[str, Any]
ToActivity = Callable[[str | None, str, int, Line], None]
ToRun = Callable[[str, Line], None]

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
MOST_BODY, MOST_VALUE, MOST_FIELDS = 8_000, 2_000, 32
"""Characters of a text and of a field, and fields of a record: what the server takes."""
OWN = ("mistralai.", "sirocco_worker")
STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
OF_STRUCTLOG = {"event", "level", "logger", "timestamp", "pathname", "filename", "module", "func_name", "lineno"}


def shipped_level() -> str | None:
    """`SIROCCO_SHIP_LOGS`; None: nothing is sent."""
    given = os.environ.get("SIROCCO_SHIP_LOGS", "info").lower() or "info"
    if given == "off":
        return None
    if given not in LEVELS:
        refuse(f"SIROCCO_SHIP_LOGS is '{given}': it must be off or one of {', '.join(LEVELS)}")
    return given


class ShippingHandler(logging.Handler):
    def __init__(self, level: str, to_activity: ToActivity, to_run: ToRun) -> None:
        super().__init__(LEVELS[level])
        self._to_activity, self._to_run = to_activity, to_run

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(OWN):
            return  # LOGS-3
        with suppress(Exception):  # LOGS-1
            if temporalio.activity.in_activity():
                about = temporalio.activity.info()
                self._to_activity(about.workflow_run_id, about.activity_id, about.attempt, line_of(record))
            elif temporalio.workflow.in_workflow() and not temporalio.workflow.unsafe.is_replaying():
                self._to_run(temporalio.workflow.info().run_id, line_of(record))


def line_of(record: logging.LogRecord) -> Line:
    fields: dict[str, str] = {}
    if isinstance(record.msg, dict):  # structlog leaves its fields to the formatter
        body = str(record.msg.get("event", ""))
        given = {k: v for k, v in record.msg.items() if k not in OF_STRUCTLOG}
    else:
        body = record.getMessage()
        given = {k: v for k, v in vars(record).items() if k not in STANDARD}
    for key, value in given.items():
        if not str(key).startswith(("_", "temporal_")):
            fields[str(key)] = str(value)[:MOST_VALUE]
    if record.exc_info and record.exc_info[0] is not None:
        fields["exception"] = logging.Formatter().formatException(record.exc_info)[-MOST_VALUE:]
    kept = dict(list(fields.items())[:MOST_FIELDS])
    return {"level": _level(record.levelno), "message": body[:MOST_BODY], **({"fields": kept} if kept else {})}


def _level(number: int) -> str:
    return next((name for name, least in reversed(LEVELS.items()) if number >= least), "debug")
