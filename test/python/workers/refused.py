"""A program that uses what is not supported, named by its argument. The workflow sandbox imports it with the same argument."""

import asyncio
import sys
import tempfile
from pathlib import Path

import mistralai.workflows as workflows
from mistralai.workflows import plugins, workflow

USES = sys.argv[1]


class Slot:
    """As the official plugin's `connector("notion")`: the SDK itself knows one by this name."""

    connector_name = "notion"

    def __call__(self) -> str:
        return "page"


@workflows.activity(name="two\nlines" if USES == "a bad name" else "write: a page")
async def write(page: str = workflows.Depends(Slot() if USES == "connectors" else lambda: "page")) -> None: ...


@workflow.define(name="ticket", on_behalf_of=USES == "on_behalf_of")
class Ticket:
    @workflow.entrypoint
    async def run(self) -> None:
        await write()


if USES == "connectors":
    # As the plugin's `uses_connectors` leaves it.
    Ticket.__plugin_metadata__ = {"mistralai": {"connectors": [{"connector_name": "github"}]}}


def install_webhook(folder: str) -> None:
    """A package in the place of the official plugin, which is not published."""
    (Path(folder) / "webhook").mkdir()
    (Path(folder) / "webhook/__init__.py").touch()
    plugins.__path__ = [*plugins.__path__, folder]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as installed:
        if USES == "webhook":
            install_webhook(installed)
        asyncio.run(workflows.run_worker([Ticket]))
