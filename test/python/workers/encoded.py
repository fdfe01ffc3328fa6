"""The workflows of `encoding-workflows.ts`, written with the official SDK: the same checks hold for both."""

import asyncio
from datetime import timedelta

import mistralai.workflows as workflows
import temporalio.workflow
from mistralai.workflows import workflow
from pydantic import BaseModel, ConfigDict

with temporalio.workflow.unsafe.imports_passed_through():
    from mistralai.extra.workflows.encoding import EncryptedStrField


class Named(BaseModel):
    name: str


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


class Login(BaseModel):
    user: str
    token: EncryptedStrField


@workflows.activity()
async def greet(name: str) -> Named:
    async with workflows.task("greeting", state={"name": name}) as greeting:
        await greeting.set_state({"name": f"Dear {name}"})
    return Named(name=f"Hello, {name}")


@workflow.define(name="inner")
class Inner:
    @workflow.entrypoint
    async def run(self, params: Named) -> Named:
        return await greet(params.name)


@workflow.define(name="story")
class Story:
    def __init__(self) -> None:
        self.name, self.done = "", False

    @workflow.signal(name="rename")
    def rename(self, name: str) -> None:
        self.name = name

    @workflow.query(name="who")
    def who(self) -> Named:
        return Named(name=self.name)

    @workflow.update(name="finish")
    async def finish(self, name: str) -> Named:
        self.name, self.done = name, True
        return Named(name=name)

    @workflow.entrypoint
    async def run(self, name: str) -> Named:
        self.name = name
        await workflow.wait_condition(lambda: self.done, timeout=timedelta(minutes=5))
        return await workflow.execute_workflow(Inner, Named(name=self.name))


@workflow.define(name="echo")
class Echo:
    @workflow.entrypoint
    async def run(self, params: Anything) -> Anything:
        return params


@workflow.define(name="login")
class Logins:
    @workflow.entrypoint
    async def run(self, params: Login) -> Login:
        async with workflows.task("session", state=params.model_dump(mode="json")) as session:
            token = EncryptedStrField(data=f"{params.token.data}-2")
            await session.set_state({"user": params.user, "token": token.model_dump(mode="json")})
        return params


if __name__ == "__main__":
    asyncio.run(workflows.run_worker([Inner, Story, Echo, Logins]))
