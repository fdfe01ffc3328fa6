"""Which versions of the official packages this one was tested with, and what it relies on inside them.

The seam is temporalio's own boundary between Python and its native core. temporalio calls it unstable, so everything that is
used of it is checked before a worker starts.
"""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from sirocco_worker._version import VERSION

SDK = "mistralai-workflows"
TESTED = {SDK: (3, 16), "temporalio": (1, 29)}
"""Minor versions: every patch release of them is accepted."""


class UnsupportedVersion(Exception):
    """The installed packages are not those that this one was tested with; the message says which are."""


def host_name() -> str:
    """What this host is made of, as `sirocco deployments` shows it."""
    parts = [f"python/{platform.python_version()}"]
    return " ".join(parts + [f"{package}/{_installed(package)}" for package in TESTED])


def check_versions() -> None:
    """Raises `UnsupportedVersion` outside the tested range, unless `SIROCCO_UNTESTED=1`; and where a seam is missing."""
    untested = [
        f"{package} {_installed(package)} (tested: {minor[0]}.{minor[1]}.x)"
        for package, minor in TESTED.items()
        if _minor(_installed(package)) != minor
    ]
    if untested and os.environ.get("SIROCCO_UNTESTED") != "1":
        raise UnsupportedVersion(
            f"sirocco-worker {VERSION} was not tested with {', '.join(untested)}: install a tested version, "
            "or set SIROCCO_UNTESTED=1 to try it"
        )
    missing = _missing_seams()
    if missing:
        raise UnsupportedVersion(
            f"sirocco-worker {VERSION} cannot work with temporalio {_installed('temporalio')}, which lacks "
            f"{', '.join(missing)}: install temporalio {TESTED['temporalio'][0]}.{TESTED['temporalio'][1]}"
        )


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _minor(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


_JOBS = (
    "initialize_workflow fire_timer query_workflow cancel_workflow signal_workflow resolve_activity notify_has_patch "
    "resolve_child_workflow_execution_start resolve_child_workflow_execution do_update remove_from_cache"
)
_COMMANDS = (
    "start_timer cancel_timer schedule_activity schedule_local_activity request_cancel_activity "
    "request_cancel_local_activity respond_to_query complete_workflow_execution fail_workflow_execution "
    "cancel_workflow_execution continue_as_new_workflow_execution set_patch_marker start_child_workflow_execution "
    "cancel_child_workflow_execution update_response"
)


def _missing_seams() -> list[str]:
    import temporalio.bridge.temporal_sdk_bridge as native
    from temporalio.bridge.proto.workflow_activation import WorkflowActivationJob
    from temporalio.bridge.proto.workflow_commands import WorkflowCommand
    from temporalio.worker import Worker

    missing = [name for name in ("connect_client", "new_worker", "PollShutdownError") if not hasattr(native, name)]
    missing += [f"Worker.{name}" for name in ("run", "shutdown") if not hasattr(Worker, name)]
    for message, fields in ((WorkflowActivationJob, _JOBS), (WorkflowCommand, _COMMANDS)):
        known = message.DESCRIPTOR.fields_by_name
        missing += [f"{message.DESCRIPTOR.name}.{field}" for field in fields.split() if field not in known]
    return missing
