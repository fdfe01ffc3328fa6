"""An activity that a signal cannot end: it waits for a thread that sleeps."""

import asyncio
import time

import mistralai.workflows as workflows
from mistralai.workflows import workflow


@workflows.activity()
async def stuck() -> None:
    print("stuck", flush=True)
    await asyncio.to_thread(time.sleep, 600)


@workflow.define(name="stuck")
class Stuck:
    @workflow.entrypoint
    async def run(self) -> None:
        await stuck()


if __name__ == "__main__":
    asyncio.run(workflows.run_worker([Stuck]))
