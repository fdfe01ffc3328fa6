"""Steps that note in a file what they did, for the tests that kill processes."""

import asyncio
import os
import time

import mistralai.workflows as workflows
import temporalio.activity
from mistralai.workflows import workflow

BOOK = os.environ["BOOK"]


def write(line: str) -> None:
    with open(BOOK, "a") as book:
        book.write(line + "\n")


@workflows.activity(retry_policy_max_attempts=10)
async def step(n: int, wait_for: str) -> int:
    info = temporalio.activity.info()
    write(f"step {n} {info.workflow_run_id}/{info.activity_id} attempt {info.attempt} {os.environ['WORKER_NAME']}")
    while wait_for and not os.path.exists(wait_for):
        await asyncio.sleep(0.02)
    return n


@workflows.activity(retry_policy_max_attempts=10)
async def blocking(seconds: float) -> str:
    write(f"blocking {os.environ['WORKER_NAME']}")
    if os.environ["WORKER_NAME"] == "victim":
        time.sleep(seconds)
    return os.environ["WORKER_NAME"]


@workflow.define(name="walk")
class Walk:
    @workflow.entrypoint
    async def run(self, steps: int, wait_at: int = -1, wait_for: str = "") -> int:
        for n in range(steps):
            await step(n, wait_for if n == wait_at else "")
        await asyncio.sleep(0.7)  # long enough that the worker parks the execution
        return steps


@workflow.define(name="hang", enforce_determinism=False)
class Hang:
    """In workflow code for as long as the file is missing: less than the SDK's limit of two seconds."""

    @workflow.entrypoint
    async def run(self, wait_for: str) -> str:
        value = await step(0, "")
        write(f"code {os.environ['WORKER_NAME']}")
        until = time.monotonic() + 1.5
        while not os.path.exists(wait_for) and time.monotonic() < until:
            time.sleep(0.01)
        return f"{value} {await step(1, '')}"


@workflow.define(name="block")
class Block:
    @workflow.entrypoint
    async def run(self, seconds: float) -> str:
        return await blocking(seconds)


if __name__ == "__main__":
    asyncio.run(workflows.run_worker([Walk, Hang, Block]))
