"""Payloads and failures, there and back."""

import json
from datetime import timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter, DefaultPayloadConverter
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, ChildWorkflowError, TimeoutError

from sirocco_worker import values

CONTEXT = values.Context(execution="e", root="r", first_run="f", parent="p", schedule="s")


def revived(failure: Failure) -> BaseException:
    return DefaultFailureConverter().from_failure(failure, DefaultPayloadConverter())


@pytest.mark.parametrize("value", [None, 0, "ü", [1, {"a": None}], {"result": 3}])
def test_a_plain_value_goes_there_and_back(value: object) -> None:
    assert values.from_payload(values.to_payload(value)) == value
    assert values.from_payload(CONTEXT.payload(value)) == value


def test_an_opaque_value_stays_as_it_is() -> None:
    metadata = {"encoding": b"json/wf_v1", "encoding_options": b"encrypted,offloaded"}
    opaque = values.from_payload(Payload(metadata=metadata, data=b"\x00secret"))
    assert opaque["encoding_options"] == ["encrypted", "offloaded"]
    back = CONTEXT.payload(json.loads(json.dumps(opaque)))
    assert (back.data, back.metadata["encoding_options"]) == (b"\x00secret", b"encrypted,offloaded")


def test_a_call_without_arguments_is_one_empty_payload() -> None:
    [empty] = CONTEXT.payloads([])
    assert json.loads(empty.data)["empty"] and values.arguments([empty]) == []
    assert values.single([]) == {}


def test_the_context_of_an_argument_names_the_execution_that_called() -> None:
    context = json.loads(CONTEXT.payload(1).data)["context"]
    assert (context["execution_id"], context["root_workflow_exec_id"]) == ("e", "r")
    assert (context["parent_workflow_exec_id"], context["schedule_id"]) == ("p", "s")
    assert "continued_run_id" not in context
    opaque = CONTEXT.payload({"b64payload": "", "encoding_options": ["encrypted"], "empty": False}).metadata
    assert (opaque["execution_id"], opaque["root_workflow_exec_id"], opaque["schedule_id"]) == (b"e", b"r", b"s")


def test_an_application_error_keeps_type_details_and_cause() -> None:
    recorded = {
        "type": "OutOfStock",
        "message": "none left",
        "non_retryable": True,
        "details": [{"left": 0}],
        "cause": {"type": "KeyError", "message": "'A-7'"},
    }
    failure = Failure()
    values.to_failure(recorded, failure)
    error = revived(failure)
    assert isinstance(error, ApplicationError)
    assert (error.type, error.message, error.non_retryable, error.details) == (
        "OutOfStock",
        "none left",
        True,
        ({"left": 0},),
    )
    assert isinstance(error.cause, ApplicationError) and error.cause.type == "KeyError"
    assert values.from_failure(failure) == recorded


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("failed", ApplicationError),
        ("start_to_close", TimeoutError),
        ("lost", TimeoutError),
        ("cancelled", CancelledError),
    ],
)
def test_a_failed_activity_is_an_activity_error_with_its_reason_as_the_cause(reason: str, kind: type) -> None:
    failure = Failure()
    stimulus = {"activity": 3, "name": "charge", "reason": reason, "failure": {"message": "no", "type": "X"}}
    values.to_activity_failure(stimulus, failure)
    error = revived(failure)
    assert isinstance(error, ActivityError) and error.activity_type == "charge"
    assert isinstance(error.cause, kind)


@pytest.mark.parametrize(
    ("status", "kind"), [("FAILED", ApplicationError), ("CANCELED", CancelledError), ("TIMED_OUT", TimeoutError)]
)
def test_a_failed_child_is_a_child_error_with_its_status_as_the_cause(status: str, kind: type) -> None:
    failure = Failure()
    values.to_child_failure({"status": status, "failure": {"message": "no"}}, "child", "c-1", failure)
    error = revived(failure)
    assert isinstance(error, ChildWorkflowError) and error.workflow_id == "c-1"
    assert isinstance(error.cause, kind)


def test_a_length_of_time_is_at_most_a_hundred_years() -> None:
    length = Duration()
    for given, expected in [
        (timedelta(days=200_000), values.LONGEST_MS),
        (timedelta(seconds=-1), 0),
        (timedelta(seconds=2), 2_000),
    ]:
        length.FromTimedelta(given)
        assert values.milliseconds(length) == expected
