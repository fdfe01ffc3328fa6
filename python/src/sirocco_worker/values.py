"""Values and failures: temporalio's protobufs on one side, the JSON of histories on the other.

A payload holds plain JSON: the worker core encrypts, compresses and offloads (`encoding.py`). Data of another form is opaque and
travels in the form that the API has for encoded values, `{b64payload, encoding_options, empty}`.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.api.failure.v1 import Failure

NAMESPACE = "sirocco"
IN_CONTEXT = b"json/wf_v1"
PLAIN = (b"json/plain", IN_CONTEXT)
LONGEST_STACK = 4_000

Json = Any
JsonObject = dict[str, Any]


# --- values -----------------------------------------------------------------------------------------------------------


def is_whole(payload: Payload) -> bool:
    """Its data holds the value together with its context, as the SDK's converter writes it: the SDK's codec moves the context
    into the metadata."""
    return payload.metadata.get("encoding") == IN_CONTEXT and "encoding_options" not in payload.metadata


def without_context(payload: Payload) -> Payload:
    """The value alone, in the form that the SDK's codec gives it. Other payloads stay as they are."""
    if not is_whole(payload):
        return payload
    whole = json.loads(payload.data)
    metadata = {"encoding": IN_CONTEXT, "encoding_options": b""}
    if whole.get("empty"):
        metadata["empty_payload"] = b"\x01"
    return Payload(metadata=metadata, data=whole["payload"].encode())


def from_payload(payload: Payload) -> Json:
    payload = without_context(payload)
    metadata = payload.metadata
    encoding = metadata.get("encoding", b"")
    if encoding == b"binary/null" or _is_empty(payload):
        return None
    options = metadata.get("encoding_options", b"")
    if options or encoding not in PLAIN:
        return {
            "b64payload": base64.b64encode(payload.data).decode(),
            "encoding_options": options.decode().split(",") if options else [encoding.decode()],
            "empty": False,
        }
    return json.loads(payload.data)


def arguments(payloads: Iterable[Payload]) -> list[Json]:
    """The arguments of a call; the SDK sends one empty payload where there are none."""
    plain = map(without_context, payloads)
    return [from_payload(payload) for payload in plain if not _is_empty(payload)]


def single(payloads: Iterable[Payload]) -> Json:
    """The one argument of a workflow, an object."""
    values = arguments(payloads)
    return values[0] if values else {}


def to_payload(value: Json) -> Payload:
    """A value for workflow code. It needs no context: the workflow has its own."""
    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value).encode())


@dataclass(frozen=True)
class Context:
    """What the SDK wants to know, with each argument of an activity, of the execution that called it."""

    execution: str
    root: str
    first_run: str
    parent: str | None = None
    continued_run: str | None = None
    schedule: str | None = None

    def fields(self) -> dict[str, str]:
        given = {
            "namespace": NAMESPACE,
            "execution_id": self.execution,
            "root_workflow_exec_id": self.root,
            "first_execution_run_id": self.first_run,
            "parent_workflow_exec_id": self.parent,
            "continued_run_id": self.continued_run,
            "schedule_id": self.schedule,
        }
        return {key: text for key, text in given.items() if text is not None}

    def payload(self, value: Json) -> Payload:
        """A value for an activity."""
        if not _is_opaque(value):
            return self._whole(json.dumps(value))
        options = ",".join(value["encoding_options"])
        texts = {**self.fields(), "encoding_options": options}
        metadata = {"encoding": IN_CONTEXT, **{key: text.encode() for key, text in texts.items()}}
        return Payload(metadata=metadata, data=base64.b64decode(value["b64payload"]))

    def payloads(self, values: list[Json]) -> list[Payload]:
        return [self.payload(value) for value in values] or [self._whole("null", empty=True)]

    def _whole(self, text: str, empty: bool = False) -> Payload:
        whole = {"context": self.fields(), "payload": text, "empty": empty}
        return Payload(metadata={"encoding": IN_CONTEXT}, data=json.dumps(whole).encode())


def _is_empty(payload: Payload) -> bool:
    return bool(payload.metadata.get("empty_payload"))


def _is_opaque(value: Json) -> bool:
    return isinstance(value, dict) and "b64payload" in value and bool(value.get("encoding_options"))


# --- failures ---------------------------------------------------------------------------------------------------------

_TIMEOUTS = {
    "start_to_close": TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE,
    "schedule_to_close": TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE,
    "schedule_to_start": TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START,
    "heartbeat": TimeoutType.TIMEOUT_TYPE_HEARTBEAT,
    "lost": TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE,
}
_NAMES = {
    "timeout_failure_info": "TimeoutError",
    "canceled_failure_info": "CancelledError",
    "terminated_failure_info": "TerminatedError",
    "server_failure_info": "ServerError",
    "activity_failure_info": "ActivityError",
    "child_workflow_execution_failure_info": "ChildWorkflowError",
}


#: A hundred years: the server takes no longer length (TIME-1).
LONGEST_MS = 36_525 * 86_400_000


def milliseconds(duration: Duration) -> int:
    return min(max(0, duration.ToMilliseconds()), LONGEST_MS)


def from_failure(failure: Failure) -> JsonObject:
    """The failure as a history records it."""
    kind = failure.WhichOneof("failure_info") or ""
    application = failure.application_failure_info
    name = application.type if kind == "application_failure_info" else _NAMES.get(kind, "")
    out: JsonObject = {"message": failure.message}
    if name:
        out["type"] = name
    if application.non_retryable:
        out["non_retryable"] = True
    if application.HasField("next_retry_delay"):
        out["retry_after_ms"] = milliseconds(application.next_retry_delay)
    if application.details.payloads:
        out["details"] = arguments(application.details.payloads)
    if failure.stack_trace:
        out["stack"] = failure.stack_trace[-LONGEST_STACK:]
    if failure.HasField("cause"):
        out["cause"] = from_failure(failure.cause)
    return out


def to_failure(recorded: Mapping[str, Any], into: Failure) -> None:
    """A recorded failure as an application failure: temporalio makes an `ApplicationError` of it."""
    into.message, into.source, into.stack_trace = recorded["message"], NAMESPACE, recorded.get("stack") or ""
    application = into.application_failure_info
    application.type = recorded.get("type") or ""
    application.non_retryable = bool(recorded.get("non_retryable"))
    details = recorded.get("details")
    if details is not None:
        application.details.payloads.extend(
            to_payload(one) for one in (details if isinstance(details, list) else [details])
        )
    if recorded.get("cause"):
        to_failure(recorded["cause"], into.cause)


def to_activity_failure(stimulus: Mapping[str, Any], into: Failure) -> None:
    """An `activity_failed` of the history: the activity's error, with the reason as its cause."""
    reason = stimulus["reason"]
    into.message, into.source = "Activity task failed", NAMESPACE
    about = into.activity_failure_info
    about.activity_type.name, about.activity_id = stimulus["name"], str(stimulus["activity"])
    about.retry_state = _retry_state(reason, stimulus["failure"])
    if reason in _TIMEOUTS:
        into.cause.message = stimulus["failure"]["message"]
        into.cause.timeout_failure_info.timeout_type = _TIMEOUTS[reason]
    elif reason == "cancelled":
        into.cause.message = stimulus["failure"]["message"]
        into.cause.canceled_failure_info.SetInParent()
    else:
        to_failure(stimulus["failure"], into.cause)


def _retry_state(reason: str, failure: Mapping[str, Any]) -> RetryState.ValueType:
    if reason == "cancelled":
        return RetryState.RETRY_STATE_CANCEL_REQUESTED
    if failure.get("non_retryable"):
        return RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE
    if reason in ("schedule_to_close", "schedule_to_start"):
        return RetryState.RETRY_STATE_TIMEOUT
    return RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED


def to_child_failure(stimulus: Mapping[str, Any], workflow: str, execution: str, into: Failure) -> None:
    """A `child_failed` of the history."""
    into.message, into.source = "Child Workflow execution failed", NAMESPACE
    about = into.child_workflow_execution_failure_info
    about.namespace, about.workflow_type.name, about.workflow_execution.workflow_id = NAMESPACE, workflow, execution
    status, failure = stimulus["status"], stimulus["failure"]
    if status == "CANCELED":
        into.cause.canceled_failure_info.SetInParent()
    elif status == "TERMINATED":
        into.cause.terminated_failure_info.SetInParent()
    elif status == "TIMED_OUT":
        into.cause.timeout_failure_info.timeout_type = TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
    else:
        to_failure(failure, into.cause)
        return
    into.cause.message = failure["message"]
