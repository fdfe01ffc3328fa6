"""The SDK's bookkeeping: what is answered, and what becomes a decision."""

from typing import Any

import pytest
from mistralai.workflows.core.activity import get_all_temporal_activities

from sirocco_worker import internal

Answered = tuple[Any, list[dict[str, Any]]]


def answered(name: str, *args: Any) -> Answered:
    decisions: list[dict[str, Any]] = []
    return internal.answer(name, list(args), decisions.append), decisions


def test_a_registration_is_confirmed_and_sets_the_search_keys_of_the_definition() -> None:
    assert answered("__internal__register_execution", *"abcdefg") == (True, [])
    result, decisions = answered("__internal__register_execution", *"abcdefg", {"customer": "c", "none": None})
    assert result is True
    assert decisions == [{"kind": "search_keys_set", "set": {"customer": "c"}, "remove": ["none"]}]


def test_events_of_workflows_are_made_of_the_history() -> None:
    assert answered("__internal__emit_workflow_completed", "t", None) == (None, [])


def test_a_task_event_becomes_a_decision() -> None:
    _, [decision] = answered("__internal__emit_task_in_progress", "t-1", "reading", [{"op": "add"}], [])
    assert decision["attributes"]["payload"] == {
        "type": "json_patch",
        "value": [{"op": "add"}],
        "encoding_options": None,
    }
    _, [failed] = answered("__internal__emit_task_failed", "t-1", "reading", "it broke")
    assert (failed["event"], failed["attributes"]) == ("failed", {"failure": {"message": "it broke"}})


def test_waiting_for_input_is_a_task_too() -> None:
    result, [decision] = answered("__emit_waiting_for_input_completed", "t", {"type": "object"}, "Ok?", {"ok": True})
    assert result == {"task_id": "t"}
    assert decision["attributes"]["payload"]["value"]["input"] == {"ok": True}


def test_an_unknown_bookkeeping_activity_is_refused_with_what_to_do() -> None:
    with pytest.raises(internal.UnknownBookkeeping, match="install a newer sirocco-worker"):
        answered("__internal__something_new")


def test_every_bookkeeping_activity_of_the_installed_sdk_is_known() -> None:
    names = [function.__name__ for function in get_all_temporal_activities()]
    ours = [name for name in names if internal.is_bookkeeping(name)]
    assert len(ours) >= 15
    for name in ours:
        answered(name, "a", "b", {"c": "d"}, {}, "e", "f", "g", {})
