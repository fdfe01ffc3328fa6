"""Programs that cannot work, each by its name: `python misuse.py two_workers`."""

import asyncio
import sys

import mistralai.workflows as workflows
from mistralai.workflows import workflow


@workflow.define(name="plain")
class Plain:
    @workflow.entrypoint
    async def run(self) -> str:
        return "done"


async def two_workers() -> None:
    first = await workflows.run_worker([Plain], detach=True)
    await asyncio.sleep(2)
    assert first is not None and not first.done()
    await workflows.run_worker([Plain])


async def plain() -> None:
    await workflows.run_worker([Plain])


if __name__ == "__main__":
    asyncio.run(globals()[sys.argv[1] if len(sys.argv) > 1 else "plain"]())
