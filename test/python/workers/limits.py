"""Rate limits and sticky sessions, as the official SDK has them."""

import asyncio
import os

import mistralai.workflows as workflows
from mistralai.workflows import RateLimit, workflow
from mistralai.workflows.core.execution.sticky_session.run_sticky_worker_session import run_sticky_worker_session

loaded: list[str] = []


@workflows.activity(rate_limit=RateLimit(time_window_in_sec=2, max_execution=2, key="provider"))
async def ask(n: int) -> int:
    return n


@workflows.activity(sticky_to_worker=True)
async def load(name: str) -> str:
    loaded.append(name)
    return f"{os.getpid()}"


@workflows.activity(sticky_to_worker=True)
async def use(name: str) -> str:
    return f"{os.getpid()} {name in loaded}"


@workflow.define(name="limited")
class Limited:
    @workflow.entrypoint
    async def run(self) -> list[int]:
        return list(await asyncio.gather(*[ask(n) for n in range(5)]))


@workflow.define(name="sticky")
class Sticky:
    @workflow.entrypoint
    async def run(self, name: str) -> dict[str, str]:
        async with run_sticky_worker_session():
            return {"load": await load(name), "use": await use(name)}


@workflow.define(name="without_session")
class WithoutSession:
    @workflow.entrypoint
    async def run(self) -> str:
        return await load("x")


if __name__ == "__main__":
    asyncio.run(workflows.run_worker([Limited, Sticky, WithoutSession]))
