"""Values of workflow code that no JSON in UTF-8 can hold: half of a surrogate pair, as the cut of a text may leave it.

The SDK's converter raises for such a result, and temporalio takes what the converter raises for a bug: the execution would wait
for repaired code, although it has ended and its value stays what it is. Here it fails, as an activity with such a result does.
"""

from collections.abc import Callable
from typing import Any

from temporalio.worker import _workflow_instance


def install(is_sirocco: Callable[[], bool]) -> None:
    instance: Any = _workflow_instance._WorkflowInstanceImpl
    is_failure = instance.workflow_is_failure_exception

    def workflow_is_failure_exception(self: Any, error: BaseException) -> bool:
        return is_failure(self, error) or (is_half_a_pair(error) and is_sirocco())

    instance.workflow_is_failure_exception = workflow_is_failure_exception


def is_half_a_pair(error: BaseException) -> bool:
    """By name: in the sandbox a module may have classes of its own."""
    return type(error).__name__ == "PydanticSerializationError" and "surrogates not allowed" in str(error)
