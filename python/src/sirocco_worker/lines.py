"""The lines that a worker writes on standard error, in the form that server and TypeScript workers have (`docs/logs.md`).

`SIROCCO_LOG_FORMAT` and `SIROCCO_LOG_LEVEL` switch the handler that the SDK has given to the root logger. Without them the
SDK's own settings hold (`LOG_FORMAT`, `LOG_LEVEL`), and a program that has set up its logging itself keeps it. The level is
of the lines alone: what is sent to the server (`logs.py`) is not less for it.
"""

import json
import logging
import os
from collections.abc import MutableMapping
from typing import Any

import structlog

from sirocco_worker.refusal import refuse

FORMATS = ("json", "text")
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
LEVEL_NAMES = {"warning": "warn", "critical": "error", "exception": "error", "notset": "debug"}
KEYS = {
    "timestamp": "time",
    "event": "message",
    "exception": "stack",
    "workflow.execution_id": "execution",
    "workflow.run_id": "run",
}
"""The SDK's names of fields, and those of all processes."""
FIRST = ("time", "level", "message")
LEFT_OUT = ("pathname", "lineno")
Fields = MutableMapping[str, Any]


def install() -> None:
    """Once, when the SDK has set up its log."""
    shape, level = _setting("SIROCCO_LOG_FORMAT", FORMATS), _setting("SIROCCO_LOG_LEVEL", tuple(LEVELS))
    root = logging.getLogger()
    for handler in root.handlers:
        given = handler.formatter
        if not isinstance(given, structlog.stdlib.ProcessorFormatter):
            continue
        if shape is not None:
            handler.setFormatter(formatter(shape, given.foreign_pre_chain))
        if level is not None:
            handler.setLevel(LEVELS[level])
            root.setLevel(min(root.level, LEVELS[level]))


def formatter(shape: str, foreign: Any) -> logging.Formatter:
    """`foreign`: what the SDK does to records that were not made by structlog."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=foreign,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _named,
            _json if shape == "json" else _text,
        ],
    )


def _setting(name: str, allowed: tuple[str, ...]) -> str | None:
    given = os.environ.get(name) or None
    if given is not None and given not in allowed:
        refuse(f"{name} is '{given}': it must be one of {', '.join(allowed)}")
    return given


def _named(logger: Any, method: str, fields: Fields) -> Fields:
    """A field of the name of one of the first three gets a `_` before it, as in the lines of the other processes."""
    first = {"time": fields.pop("timestamp", ""), "level": "info", "message": str(fields.pop("event", ""))}
    level = str(fields.pop("level", method))
    first["level"] = LEVEL_NAMES.get(level, level)
    named: Fields = dict(first)
    for key, value in fields.items():
        if key not in LEFT_OUT:
            name = KEYS.get(key, key)
            named[f"_{name}" if name in FIRST else name] = value
    return named


def _json(logger: Any, method: str, fields: Fields) -> str:
    return json.dumps(fields, default=str)


def _text(logger: Any, method: str, fields: Fields) -> str:
    """The stack as lines of its own, for people."""
    stack = fields.pop("stack", None)
    words = [f"{fields.pop('time')} {fields.pop('level'):5} {fields.pop('message')}"]
    words += [f"{key}={json.dumps(value, default=str)}" for key, value in fields.items()]
    return " ".join(words) + (f"\n{stack}" if stack else "")
