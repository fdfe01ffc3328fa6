"""The form of a worker's lines."""

import json
import logging

import pytest
import structlog

from sirocco_worker import lines


def line_of(shape: str, level: int, message: str, error: BaseException | None = None) -> str:
    foreign = [structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso")]
    record = logging.LogRecord("app", level, "worker.py", 7, message, None, error and (type(error), error, None))
    return lines.formatter(shape, foreign).format(record)


def test_a_line_of_json_has_the_keys_of_all_processes() -> None:
    fields = json.loads(line_of("json", logging.WARNING, "low", ValueError("bad")))
    assert list(fields) == ["time", "level", "message", "stack"]
    assert (fields["level"], fields["message"], fields["stack"]) == ("warn", "low", "ValueError: bad")
    assert fields["time"].endswith("Z")


def test_a_line_of_text_begins_with_time_level_and_message() -> None:
    assert line_of("text", logging.CRITICAL, "gone").split(" ", 1)[1] == "error gone"
    assert line_of("text", logging.INFO, "broke", ValueError("bad")).endswith("info  broke\nValueError: bad")


def test_names_of_the_sdk_become_those_of_all_processes_and_none_poses_as_another() -> None:
    given = {"event": "e", "level": "info", "workflow.execution_id": "A-7", "message": "mine", "pathname": "p"}
    named = lines._named(None, "info", given)
    assert named == {"time": "", "level": "info", "message": "e", "execution": "A-7", "_message": "mine"}


@pytest.mark.parametrize("name", ["SIROCCO_LOG_FORMAT", "SIROCCO_LOG_LEVEL"])
def test_another_word_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(lines, "refuse", said.append)
    monkeypatch.setattr(logging, "getLogger", lambda name=None: logging.Logger("root"))
    monkeypatch.setenv(name, "loud")
    lines.install()
    assert [sentence.partition(":")[0] for sentence in said] == [f"{name} is 'loud'"]


def test_the_level_is_of_the_lines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    handler, root = logging.StreamHandler(), logging.Logger("root", logging.INFO)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=structlog.processors.JSONRenderer()))
    root.addHandler(handler)
    monkeypatch.setattr(logging, "getLogger", lambda name=None: root)
    monkeypatch.setenv("SIROCCO_LOG_LEVEL", "error")
    lines.install()
    assert (handler.level, root.level) == (logging.ERROR, logging.INFO)
    monkeypatch.setenv("SIROCCO_LOG_LEVEL", "debug")
    lines.install()
    assert (handler.level, root.level) == (logging.DEBUG, logging.DEBUG)
