"""What is left out of a step, and that it makes no difference."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
import temporalio.bridge.worker
from mistralai.workflows.core.temporal.payload_codec import MistralWorkflowsPayloadCodec
from mistralai.workflows.core.temporal.payload_converter import MistralWorkflowsPayloadConverter
from mistralai.workflows.models import PayloadWithContext, WorkflowContext
from temporalio.api.common.v1 import Payload
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import DataConverter
from temporalio.workflow import unsafe

from sirocco_worker import encoding, speed, values

CONTEXT = values.Context(execution="e", root="r", first_run="f", parent="p", schedule="s")


def ours(monkeypatch: pytest.MonkeyPatch) -> Any:
    from mistralai.workflows.core import worker

    monkeypatch.setattr(worker, "MistralWorkflowsPayloadCodec", worker.MistralWorkflowsPayloadCodec)
    encoding.prepare()
    return worker.MistralWorkflowsPayloadCodec()  # type: ignore[call-arg]


def theirs() -> MistralWorkflowsPayloadCodec:
    return MistralWorkflowsPayloadCodec(payload_offloading_config=None, payload_encryption_config=None)


@pytest.mark.parametrize("value", [None, 0, "ü", [1, {"a": None}], {"result": 3}])
async def test_a_value_leaves_as_from_the_codec_of_the_sdk(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    context = WorkflowContext(namespace="n", execution_id="e")
    told = [json.dumps(value).encode(), b"null"]
    wrapped = [PayloadWithContext(payload=text, context=context, empty=i == 1) for i, text in enumerate(told)]
    made = MistralWorkflowsPayloadConverter().to_payloads(wrapped)
    mine, expected = await ours(monkeypatch).encode(made), await theirs().encode(made)
    assert [one.data for one in mine] == [one.data for one in expected]
    assert values.arguments(made) == values.arguments(mine) == values.arguments(expected) == [value]


@pytest.mark.parametrize("value", [None, 0, "ü", [1, {"a": None}], {"result": 3}])
async def test_an_argument_arrives_as_from_the_codec_of_the_sdk(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = ours(monkeypatch)
    mine = await codec.decode(CONTEXT.payloads([value]) + CONTEXT.payloads([]))
    metadata = {"encoding": values.IN_CONTEXT, **{key: text.encode() for key, text in CONTEXT.fields().items()}}
    theirs_ = await theirs().decode(
        [
            Payload(metadata={**metadata, "encoding_options": b""}, data=json.dumps(value).encode()),
            Payload(metadata={**metadata, "encoding_options": b"", "empty_payload": b"\x01"}, data=b"null"),
        ]
    )
    read = [MistralWorkflowsPayloadConverter().from_payloads(payloads) for payloads in (mine, theirs_)]
    assert read[0] == read[1]
    assert len(read[0]) == 2


def test_validators_are_kept_by_identity_and_not_inside_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "MOST_VALIDATORS", 2)
    speed._validators.clear()
    one, other = int | str, str | int
    assert one == other and speed.validator_of(one) is not speed.validator_of(other)
    assert speed.validator_of(one) is speed.validator_of(one)
    speed.validator_of(float)
    assert list(speed._validators) == [id(float)]
    unsafe._set_in_sandbox(True)
    try:
        assert speed.validator_of(one) is not speed.validator_of(one)
        assert speed.validator_of(float) is speed.validator_of(float)
    finally:
        unsafe._set_in_sandbox(False)


@pytest.fixture
def visited(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of temporalio's own functions that have been called."""
    called: list[str] = []

    def original(name: str) -> Any:
        async def call(*_: Any, **__: Any) -> None:
            called.append(name)

        return call

    for name in ("decode_activation", "encode_completion"):
        monkeypatch.setattr(temporalio.bridge.worker, name, original(name))
    speed._visit_no_payloads()
    return called


async def visit(codec: Any, argument: bytes) -> None:
    converter = DataConverter(payload_codec=codec)
    completion = WorkflowActivationCompletion()
    completion.successful.commands.add().schedule_activity.arguments.append(Payload(data=argument))
    await temporalio.bridge.worker.decode_activation(WorkflowActivation(), converter, False, 1)
    await temporalio.bridge.worker.encode_completion(completion, converter, False, 1)


async def test_payloads_of_a_step_are_visited_only_where_it_is_large(
    visited: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = ours(monkeypatch)
    await visit(codec, b"1")
    assert visited == []
    await visit(codec, b"1" * DataConverter().payload_limits.payload_size_warning)
    assert visited == ["encode_completion"]


async def test_payloads_of_another_codec_are_visited(visited: list[str]) -> None:
    await visit(theirs(), b"1")
    await visit(None, b"1")
    assert visited == ["decode_activation", "encode_completion"] * 2


@pytest.mark.parametrize("sirocco", [True, False])
@pytest.mark.parametrize("fails", [True, False])
async def test_an_activity_sends_its_task_events_before_it_ends(
    sirocco: bool, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mistralai.workflows.core._events import event_interceptor as events

    interceptor = events._EventActivityInboundInterceptor
    log: list[str] = []

    class Publisher:
        _sender_task = object()

        def __init__(self, _context: object) -> None: ...

        set_current = staticmethod(events._background_event_publisher.set)

        async def drain(self) -> None:
            log.append("drained")

        async def shutdown(self) -> None:
            log.append("shut down")

    class Next:
        async def execute_activity(self, _call: object) -> str:
            assert isinstance(events._background_event_publisher.get(), Publisher)
            log.append("runs")
            if fails:
                raise ValueError("it broke")
            return "done"

    async def original(*_: object) -> str:
        log.append("original")
        return "done"

    monkeypatch.setattr(events.EventContext, "get_singleton", object)
    monkeypatch.setattr(events, "BackgroundEventPublisher", Publisher)
    monkeypatch.setattr(interceptor, "execute_activity", original)
    speed._make_no_activity_events(lambda: sirocco)
    call = interceptor(Next()).execute_activity(object())  # type: ignore[arg-type]
    if not sirocco:
        assert (await call, log) == ("done", ["original"])
        return
    if fails:
        with pytest.raises(ValueError, match="it broke"):
            await call
    else:
        assert await call == "done"
    assert log == ["runs", "drained", "shut down"]
    assert events._background_event_publisher.get() is None


def test_metadata_of_distributions_is_read_for_a_plugin_alone_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from mistralai.workflows.plugins import _discovery

    reads: list[str] = []

    def read() -> dict[str, list[str]]:
        reads.append("all")
        return {"mistralai.workflows.plugins.one": ["temporalio"]}

    monkeypatch.setattr(_discovery, "packages_distributions", read)
    speed._read_metadata_once()
    assert (_discovery.list_plugins(), reads) == ([], [])
    found = [SimpleNamespace(name="one", ispkg=True), SimpleNamespace(name="two", ispkg=True)]
    monkeypatch.setattr(_discovery.pkgutil, "iter_modules", lambda _path: found)
    for _ in range(2):
        assert [(one.name, one.dist_name) for one in _discovery.list_plugins()] == [
            ("one", "temporalio"),
            ("two", None),
        ]
    assert reads == ["all"]
