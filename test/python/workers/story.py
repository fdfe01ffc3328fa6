"""The workflows of `story.ts`, written with the official SDK: the same checks hold for both."""

import asyncio
from datetime import timedelta

import mistralai.workflows as workflows
from mistralai.workflows import workflow
from pydantic import BaseModel


class Greeting(BaseModel):
    greeting: str


class Status(BaseModel):
    name: str
    approved: bool


class Before(BaseModel):
    before: str


@workflows.activity()
async def greet(name: str) -> Greeting:
    return Greeting(greeting=f"Hello, {name}")


@workflow.define(name="story")
class Story:
    def __init__(self) -> None:
        self.name, self.approved = "", False

    @workflow.signal(name="approve")
    def approve(self) -> None:
        self.approved = True

    @workflow.query(name="status")
    def status(self) -> Status:
        return Status(name=self.name, approved=self.approved)

    @workflow.update(name="rename")
    async def rename(self, name: str) -> Before:
        before, self.name = self.name, name
        return Before(before=before)

    @workflow.entrypoint
    async def run(self, name: str) -> Greeting:
        self.name = name
        await workflow.wait_condition(lambda: self.approved, timeout=timedelta(minutes=5))
        return await greet(self.name)


@workflow.define(name="sum")
class Sum:
    @workflow.entrypoint
    async def run(self, numbers: list[float]) -> float:
        return sum(numbers)


if __name__ == "__main__":
    asyncio.run(workflows.run_worker([Story, Sum]))
