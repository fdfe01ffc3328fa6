"""A worker of the official Python SDK for benchmarks: activities that do nothing, with and without the workflow sandbox."""

import asyncio
import time

import mistralai.workflows as workflows
from mistralai.workflows import workflow


@workflows.activity()
async def step(n: int) -> int:
    return n + 1


@workflows.activity()
async def clock() -> float:
    return time.time() * 1000


async def sequence(steps: int) -> int:
    n = 0
    while n < steps:
        n = await step(n)
    return n


@workflow.define(name="sandboxed")
class Sandboxed:
    @workflow.entrypoint
    async def run(self, steps: int) -> int:
        return await sequence(steps)


@workflow.define(name="unchecked", enforce_determinism=False)
class Unchecked:
    @workflow.entrypoint
    async def run(self, steps: int) -> int:
        return await sequence(steps)


@workflow.define(name="first")
class First:
    @workflow.entrypoint
    async def run(self) -> float:
        return await clock()


@workflow.define(name="parked")
class Parked:
    @workflow.entrypoint
    async def run(self) -> int:
        n = await step(0)
        await asyncio.sleep(3000)
        return n


if __name__ == "__main__":
    asyncio.run(workflows.run_worker([Sandboxed, Unchecked, First, Parked]))
