"""What is registered, and what is refused before a worker starts."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from mistralai.workflows import plugins, workflow
from mistralai.workflows.core import activity
from mistralai.workflows.core import workflow as workflows_of_the_sdk
from mistralai.workflows.core._graph_builder import _connectors_from_func
from mistralai.workflows.core.config.config import config

from sirocco_worker import registration

SDK = [
    {"name": "__parallel_execution__", "is_technical": True},
    {"name": "__parallel_execution_obo__", "is_technical": True},
]


def refusal_of(call: Any, caplog: pytest.LogCaptureFixture) -> str:
    with pytest.raises(SystemExit) as ended:
        call()
    assert ended.value.code == 1
    return caplog.text


def test_a_worker_without_workflows_of_its_own_registers_none() -> None:
    assert registration.served(SDK, "") == []
    assert registration.served([{**one, "name": f"team-{one['name']}"} for one in SDK], "team-") == []


def test_a_worker_whose_workflows_are_all_technical_serves_them() -> None:
    mine = {"name": "plumbing", "is_technical": True}
    assert registration.served([*SDK, mine], "") == [*SDK, mine]


@pytest.mark.parametrize(
    ("where", "setting", "says"),
    [
        (config.worker.versioning, ("enabled", True), "worker versioning (BUILD_ID) is not supported by Sirocco"),
        (config.worker.graph, ("upload_graph", True), "pictures of workflows (GRAPH__UPLOAD_GRAPH) are not supported"),
    ],
)
def test_settings_that_would_not_work_are_refused(
    where: Any,
    setting: tuple[str, object],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(where.__dict__, *setting)
    assert says in refusal_of(registration.prepare, caplog)


def test_on_behalf_of_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    told = refusal_of(lambda: registration._refuse_definitions([{"name": "mine", "on_behalf_of": True}]), caplog)
    assert "on_behalf_of is not supported by Sirocco: remove it from workflow mine" in told


def test_connectors_are_refused(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    class Ticket:
        """As `uses_connectors` leaves it."""

        __plugin_metadata__: ClassVar[dict[str, Any]] = {"mistralai": {"connectors": [{"connector_name": "github"}]}}

    slot = SimpleNamespace(dependency=SimpleNamespace(connector_name="notion"))

    monkeypatch.setattr(activity, "_activities_by_name", {})
    monkeypatch.setattr(activity, "_temporal_activities", [])

    @activity.activity()
    async def write(page: str = slot) -> None: ...

    assert _connectors_from_func(write.__original_func__) == ["notion"]
    monkeypatch.setattr(workflows_of_the_sdk, "get_all_registered_workflows", lambda: [Ticket])
    told = refusal_of(registration._refuse_plugins, caplog)
    assert "connectors are not supported by Sirocco: remove them from Ticket, write" in told


def test_the_webhook_plugin_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "webhook").mkdir()
    (tmp_path / "webhook/__init__.py").touch()
    monkeypatch.setattr(plugins, "__path__", [str(tmp_path)])
    assert "the webhook plugin is not supported by Sirocco: uninstall" in refusal_of(
        registration._refuse_plugins, caplog
    )


def test_a_program_without_plugins_is_not_refused() -> None:
    @workflow.define(name="unplugged")
    class Unplugged:
        @workflow.entrypoint
        async def run(self) -> None: ...

    registration._refuse_plugins()
