"""A program that calls `run_worker` when it is imported."""

import asyncio

import mistralai.workflows as workflows
from mistralai.workflows import workflow


@workflow.define(name="plain")
class Plain:
    @workflow.entrypoint
    async def run(self) -> str:
        return "done"


asyncio.run(workflows.run_worker([Plain]))
