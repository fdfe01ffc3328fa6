"""The SDK's bookkeeping activities, answered on the spot.

The SDK keeps its own records by local activities of reserved names: an execution's registration, its events, task events,
search keys. Sirocco makes all of these from the history, so such a call is no activity here: it is answered within the same
stimulus and not recorded, or it becomes a decision (a task event, search keys). The names stand in the histories of other
installations, so upstream cannot change them lightly.
"""

from collections.abc import Callable
from typing import Any

Decision = dict[str, Any]
Emit = Callable[[Decision], None]

_PREFIX = "__internal__"
_WAITING = "__emit_waiting_for_input_"
_TASK = f"{_PREFIX}emit_task_"
_EVENTS = ("started", "in_progress", "completed", "failed")


class UnknownBookkeeping(Exception):
    """The SDK calls a bookkeeping activity that this package does not know."""


def is_bookkeeping(name: str) -> bool:
    return name.startswith((_PREFIX, _WAITING))


def answer(name: str, args: list[Any], emit: Emit) -> Any:
    """The result of a bookkeeping activity. `emit` takes the decision that comes of it, if any."""
    if name == f"{_PREFIX}register_execution":
        # The last argument holds the values of the search keys that the workflow's definition declares.
        _set_search_keys(args[7] if len(args) > 7 else None, emit)
        return True
    if name == f"{_PREFIX}persist_task_span_context":
        return args
    if name.startswith(f"{_PREFIX}emit_workflow_"):
        return None  # made of the history
    if name.startswith(_TASK) and (event := name.removeprefix(_TASK)) in _EVENTS:
        task, task_type, content, *rest = args
        decision = _task_event(event, task, task_type, content, "json_patch" if event == "in_progress" else "json")
        if event == "in_progress" and rest and rest[0]:
            # Where a patch changes a marked text: its value alone does not show that it is to be encrypted.
            decision["attributes"]["payload"]["encrypted_paths"] = rest[0]
        emit(decision)
        return None
    if name.startswith(_WAITING) and (event := name.removeprefix(_WAITING)) in _EVENTS:
        task, schema, label, *rest = args
        shown = {"input_schema": schema, "label": label, **({"input": rest[0]} if event == "completed" else {})}
        emit(_task_event(event, task, "wait_for_input", rest[0] if event == "failed" else shown, "json"))
        return {"task_id": task}
    if name == f"{_PREFIX}upsert_search_keys":
        _set_search_keys(args[2], emit)
        return None
    if name == f"{_PREFIX}delete_search_keys":
        emit({"kind": "search_keys_set", "set": {}, "remove": list(args[2])})
        return None
    raise UnknownBookkeeping(
        f"the SDK's internal activity '{name}' is not known to this version of sirocco-worker: "
        "install a newer sirocco-worker, or the SDK version that it names as tested"
    )


def _task_event(event: str, task: str, task_type: str, content: Any, form: str) -> Decision:
    attributes: dict[str, Any]
    if event == "failed":
        attributes = {"failure": {"message": content}}
    else:
        attributes = {"payload": {"type": form, "value": content, "encoding_options": None}}
    return {"kind": "custom_task", "event": event, "task": task, "task_type": task_type, "attributes": attributes}


def _set_search_keys(keys: dict[str, str | None] | None, emit: Emit) -> None:
    if not keys:
        return
    present = {key: value for key, value in keys.items() if value is not None}
    emit({"kind": "search_keys_set", "set": present, "remove": [key for key in keys if key not in present]})
