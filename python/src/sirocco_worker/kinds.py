"""What the SDK's decorator says of an activity besides its time limits: its rate limit, and whether it is sticky.

The SDK gives each rate limit, and each worker, a task queue of its own. Sirocco has one queue a deployment: the server holds
the limits, and an activity names the session in which it must run.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

ASK_SESSION = "get_sticky_worker_session"
"""The SDK's activity that answers the session of the worker that runs it."""
SESSION = "__session"
"""Sirocco's: `sdk/runtime/session.ts`."""
MESSAGE_ACTIVITIES = {"signal": "__signal_execution", "cancel": "__cancel_execution"}
MESSAGE_OPTIONS = {
    "start_to_close_ms": 60_000,
    "retry": {"max_attempts": 0, "first_ms": 1_000, "factor": 3, "max_ms": 7_200_000, "non_retryable": []},
}
"""Names and options of Sirocco's activities that send messages to other executions: `sdk/runtime/message.ts`."""


def _functions() -> dict[str, Callable[..., Any]]:
    import temporalio.activity
    from mistralai.workflows.core.activity import get_all_temporal_activities

    named = ((temporalio.activity._Definition.must_from_callable(f).name, f) for f in get_all_temporal_activities())
    return {name: function for name, function in named if name}


@cache
def rate_limit_of(name: str) -> dict[str, Any] | None:
    """As `shared/protocol/history.ts` has it."""
    from mistralai.workflows.core.rate_limiting.rate_limit import get_rate_limit

    function = _functions().get(name)
    limit = None if function is None else get_rate_limit(function)
    if limit is None:
        return None
    return {"key": limit.key or name, "max": limit.max_execution, "per_ms": limit.time_window_in_sec * 1000}


@cache
def is_sticky(name: str) -> bool:
    from mistralai.workflows.core.execution.sticky_session import sticky_worker_session

    function = _functions().get(name)
    return function is not None and sticky_worker_session.check_activity_is_sticky_to_worker(function)


def any_sticky() -> bool:
    return any(is_sticky(name) for name in _functions())
