"""Work of each step, and of a start, that the SDK and temporalio do for a server of theirs, and that Sirocco needs not.

SPEED-1. A replaced function gives its caller what the original gives. For a server that is no Sirocco, and for a data converter
         that `encoding.py` has not made, the original runs.
SPEED-2. Payloads of workflows have no codec here (`encoding.py`) and no external storage, so nothing is to be looked up for
         them. temporalio visits each of them four times, and enters the workflow sandbox at each visit. The original still runs
         for a step whose decisions are larger than the size at which it warns.
SPEED-3. A type's validator is kept, outside of the sandbox: each run of a workflow has types of its own in there.
SPEED-4. temporalio enters the sandbox by source code, always the same few lines: they are compiled once.
SPEED-5. At its start a worker asks twice which distribution each plugin belongs to. The metadata of all that is installed is read
         for the first plugin that there is, and once.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any

import temporalio.bridge.worker
from pydantic import TypeAdapter
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import DataConverter
from temporalio.workflow import unsafe

from sirocco_worker.encoding import has_plain_payloads

MOST_VALIDATORS = 1_000


def install(is_sirocco: Callable[[], bool]) -> None:
    """Once, before the SDK makes its worker. `is_sirocco`: of the server, as far as it has been asked."""
    _visit_no_payloads()
    _keep_validators()
    _compile_once()
    _make_no_activity_events(is_sirocco)
    _time_no_steps()
    _read_metadata_once()


def _visit_no_payloads() -> None:
    """SPEED-2."""
    bridge: Any = temporalio.bridge.worker
    decode, encode = bridge.decode_activation, bridge.encode_completion
    nothing_moved = temporalio.converter._extstore.StorageOperationMetrics

    async def decode_activation(
        activation: WorkflowActivation, converter: DataConverter, *rest: Any, **more: Any
    ) -> Any:
        if _visits_nothing(converter):
            return nothing_moved()
        return await decode(activation, converter, *rest, **more)

    async def encode_completion(
        completion: WorkflowActivationCompletion, converter: DataConverter, *rest: Any, **more: Any
    ) -> Any:
        if _visits_nothing(converter) and completion.ByteSize() <= converter.payload_limits.payload_size_warning:
            return nothing_moved()
        return await encode(completion, converter, *rest, **more)

    bridge.decode_activation, bridge.encode_completion = decode_activation, encode_completion


def _visits_nothing(converter: DataConverter) -> bool:
    return has_plain_payloads(converter.payload_codec) and converter.external_storage is None


def _keep_validators() -> None:
    """SPEED-3."""
    import temporalio.contrib.pydantic as of_temporalio
    from mistralai.workflows.core.temporal import context_handler_interceptor, payload_converter

    modules: list[Any] = [of_temporalio, context_handler_interceptor, payload_converter]
    for module in modules:
        module.TypeAdapter = validator_of


_validators: dict[int, tuple[Any, TypeAdapter[Any]]] = {}


def validator_of(hint: Any) -> TypeAdapter[Any]:
    """By identity: two unions can be equal although they prefer different types."""
    if unsafe.in_sandbox() and getattr(hint, "__module__", None) != "builtins":
        return TypeAdapter(hint)
    kept = _validators.get(id(hint))
    if kept is not None:
        return kept[1]
    made: TypeAdapter[Any] = TypeAdapter(hint)
    if len(_validators) >= MOST_VALIDATORS:
        _validators.clear()
    _validators[id(hint)] = (hint, made)  # the type is held, so that its id stays its own
    return made


def _compile_once() -> None:
    """SPEED-4."""
    from temporalio.worker.workflow_sandbox import _runner

    compiled = functools.lru_cache(maxsize=64)(lambda code: compile(code, "<string>", "exec"))

    def execute(code: str, of_globals: dict[str, Any], of_locals: dict[str, Any]) -> None:
        exec(compiled(code), of_globals, of_locals)

    _runner.exec = execute  # type: ignore[attr-defined]


def _make_no_activity_events(is_sirocco: Callable[[], bool]) -> None:
    """The server makes the events of activities from the history. What the SDK sends of its own accord, task events, is sent
    before the activity ends."""
    from mistralai.workflows.core._events import event_interceptor

    events: Any = event_interceptor
    interceptor = events._EventActivityInboundInterceptor
    execute = interceptor.execute_activity

    async def execute_activity(self: Any, call: Any) -> Any:
        context = events.EventContext.get_singleton()
        if context is None or not is_sirocco():
            return await execute(self, call)
        publisher = events.BackgroundEventPublisher(context)
        token = events.BackgroundEventPublisher.set_current(publisher)
        try:
            try:
                result = await self.next.execute_activity(call)
            except Exception:
                await _drain(publisher)
                raise
            await _drain(publisher)
            return result
        finally:
            await publisher.shutdown()
            events.reset_contextvar(events._background_event_publisher, token)

    interceptor.execute_activity = execute_activity


async def _drain(publisher: Any) -> None:
    if publisher._sender_task is not None:  # a task event has been published
        await publisher.drain()


def _time_no_steps() -> None:
    """temporalio gathers what it logs of a step's duration, and then logs it at a level that is rarely on."""
    from temporalio.worker import _workflow

    worker: Any = _workflow._WorkflowWorker
    log = worker._log_workflow_task_duration

    def log_workflow_task_duration(self: Any, *about: Any) -> None:
        if _workflow.logger.isEnabledFor(logging.DEBUG):
            log(self, *about)

    worker._log_workflow_task_duration = log_workflow_task_duration


def _read_metadata_once() -> None:
    """SPEED-5."""
    from mistralai.workflows.plugins import _discovery

    discovery: Any = _discovery
    read = functools.cache(discovery.packages_distributions)

    class Distributions:
        """Of a mapping only what the SDK calls."""

        def get(self, package: str, default: list[str]) -> list[str]:
            found: list[str] = read().get(package, default)
            return found

    discovery.packages_distributions = Distributions
