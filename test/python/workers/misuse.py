"""Programs that cannot work, each by its name: `python misuse.py two_workers`."""

import asyncio
import logging
import sys

import mistralai.workflows as workflows
from mistralai.workflows import workflow


@workflow.define(name="plain")
class Plain:
    @workflow.entrypoint
    async def run(self) -> str:
        return "done"


HALF = "cut \ud83d"


@workflows.activity()
async def halved(end: str) -> str:
    logging.getLogger("shop").warning("activity %s", HALF)
    if end == "raise in activity":
        raise ValueError(HALF)
    return HALF if end == "activity" else "whole"


@workflow.define(name="halves")
class Halves:
    """Half of a surrogate pair wherever user code can put one. The SDK itself refuses it in values."""

    @workflow.entrypoint
    async def run(self, end: str) -> str:
        logging.getLogger("shop").warning("workflow %s", HALF)
        got = await halved(end)
        if end == "raise":
            raise workflows.WorkflowError(HALF)
        return HALF if end == "return" else got


async def halves() -> None:
    await workflows.run_worker([Halves])


async def two_workers() -> None:
    first = await workflows.run_worker([Plain], detach=True)
    await asyncio.sleep(2)
    assert first is not None and not first.done()
    await workflows.run_worker([Plain])


async def plain() -> None:
    await workflows.run_worker([Plain])


if __name__ == "__main__":
    asyncio.run(globals()[sys.argv[1] if len(sys.argv) > 1 else "plain"]())
