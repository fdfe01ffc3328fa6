"""Ends at its first signal, although more may have come with it."""

import asyncio

import mistralai.workflows as workflows
from mistralai.workflows import workflow
from pydantic import BaseModel


class Again(BaseModel):
    again: bool = False


@workflows.activity()
async def never() -> None:
    raise AssertionError("an execution that ends starts no activity")


@workflow.define(name="farewell")
class Farewell:
    def __init__(self) -> None:
        self.heard = 0

    @workflow.signal(name="poke")
    async def poke(self) -> None:
        self.heard += 1
        await workflow.add_search_keys({f"heard-{self.heard}": "yes"})
        if self.heard > 1:
            await never()

    @workflow.update(name="slow")
    async def slow(self) -> int:
        await asyncio.sleep(3600)
        return self.heard

    @workflow.entrypoint
    async def run(self, params: Again) -> int:
        await workflow.wait_condition(lambda: self.heard > 0)
        if params.again:
            workflow.continue_as_new(Again())
        return self.heard


if __name__ == "__main__":
    asyncio.run(workflows.run_worker([Farewell]))
